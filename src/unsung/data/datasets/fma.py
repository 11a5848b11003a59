# SPDX-License-Identifier: MIT
"""FMA: 106,574 tracks of the Free Music Archive with genres, artists and licences.

Defferrard et al., ISMIR 2017 (arXiv 1612.01840). Subsets small (8,000 clips of 30 s), medium
(25,000), large (106,574) and full (whole tracks); each contains the smaller one.
`fma_metadata/tracks.csv` has three header rows (group, column, "track_id"). Splits are the
official ones, which keep artists apart; `group` is the artist. The licence of each track is its
artist's: read it before publishing sound.

A file `folds.csv` (columns track_id, fold) in the folder, or the argument `folds`, replaces the
official split: that is how studies that split FMA anew are repeated. Tracks it does not name are
left out. The archive took in files until 2017: generated music is not in it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from unsung.data.datasets._files import SPLITS, choice, first_file, number, table
from unsung.data.datasets.base import Dataset, Download, Info
from unsung.errors import DatasetError
from unsung.types import Track

__all__ = ["Fma"]

_HOST = "https://os.unil.cloud.switch.ch/fma"
_SIZES = ("small", "medium", "large", "full")
_NEEDED = (
    ("set", "split"),
    ("set", "subset"),
    ("artist", "id"),
    ("track", "license"),
    ("track", "duration"),
)
_CLIP_S = 30.0


def _archive(name: str, sha1: str, gib: float) -> Download:
    subset = "" if name == "metadata" else name
    return Download(
        f"{_HOST}/fma_{name}.zip",
        f"fma_{name}.zip",
        f"sha1:{sha1}",
        int(gib * 2**30),
        subset,
        unpack=True,
    )


class Fma(Dataset):
    """FMA as published.

    Args:
        root: folder with `fma_metadata/` and `fma_small/` (or medium, large, full).
        subset: small, medium, large or full.
        folds: CSV with track_id and fold that replaces the official split.

    Raises:
        UnknownName: no such subset.
        DatasetError: the folder does not exist.
    """

    info = Info(
        title="FMA",
        homepage="https://github.com/mdeff/fma",
        licence="each track its artist's (column license); metadata CC-BY-4.0",
        citation="Defferrard, Benzi, Vandergheynst, Bresson: FMA: A Dataset For Music Analysis, "
        "ISMIR, 2017",
        instructions="`unsung data fetch fma --subset small` gets and unpacks fma_metadata.zip and "
        "fma_small.zip",
        downloads=(
            _archive("metadata", "f0df49ffe5f2a6008d7dc83c6915b31835dfe733", 0.334),
            _archive("small", "ade154f733639d52e35e32f5593efe5be76c6d70", 7.2),
            _archive("medium", "c67b69ea232021025fca9231fc1c7c1a063ab50b", 22),
            _archive("large", "497109f4dd721066b5ce5e5f250ec604dc78939e", 93),
            _archive("full", "0f0ace23fbe9ba30ecb7e95f763e435ea802b8ab", 879),
        ),
        subsets=_SIZES,
        layout=(
            "fma_metadata/tracks.csv   (three header rows)",
            "fma_small/000/000002.mp3",
            "folds.csv   (optional: track_id, fold)",
        ),
        size_gb=7.7,
        verified_by="README and usage notebook of mdeff/fma",
    )

    def __init__(self, root: Path, subset: str = "", folds: Path | None = None) -> None:
        super().__init__(root, subset)
        default = root / "folds.csv"
        self.folds = folds or (default if default.is_file() else None)

    def tracks(self) -> Iterator[Track]:
        """Yield the subset's tracks by id; see `Dataset.tracks`."""
        path = first_file(self.root, ("fma_metadata/tracks.csv",), self.info.instructions)
        folds = _read_folds(self.folds) if self.folds else None
        wanted = _SIZES[: _SIZES.index(self.subset) + 1]
        for line, row in _rows(path):
            name = row["track_id"]
            subset = choice({s: s for s in _SIZES}, row["set.subset"], path, line, "set.subset")
            if subset not in wanted or (folds is not None and name not in folds):
                continue
            yield self._track(path, line, row, folds)

    def _track(
        self, path: Path, line: int, row: dict[str, str], folds: dict[str, str] | None
    ) -> Track:
        number_ = int(number(row["track_id"], path, line, "track_id"))
        split = choice(SPLITS, row["set.split"], path, line, "set.split")
        whole_s = number(row["track.duration"], path, line, "track.duration")
        file = self.root / f"fma_{self.subset}" / f"{number_:06d}"[:3] / f"{number_:06d}.mp3"
        return Track(
            id=f"{number_:06d}",
            path=str(file),
            label="human",
            dataset="fma",
            split=folds[row["track_id"]] if folds else split,
            group=f"artist:{row['artist.id']}",
            duration_s=whole_s if self.subset == "full" else min(_CLIP_S, whole_s),
            codec="mp3",
            licence=row["track.license"],
            recording=f"fma:{number_}",
        )


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, row) keyed `group.column`, after the three header rows."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.reader(stream)
            head = [next(reader, []) for _ in range(3)]
            places = _places(path, head)
            line = reader.line_num + 1
            for values in reader:
                if len(values) <= max(places.values()):
                    raise DatasetError(
                        f"{path}, line {line}: expected {max(places.values()) + 1} values or more, "
                        f"got {len(values)}; get the file again"
                    )
                yield line, {key: values[place] for key, place in places.items()}
                line = reader.line_num + 1
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: cannot be read as a table ({error}); get it again") from error


def _places(path: Path, head: Sequence[Sequence[str]]) -> dict[str, int]:
    groups, names, index = head
    if not index or index[0] != "track_id":
        raise DatasetError(
            f"{path}, line 3: expected a third header row that begins with track_id, got "
            f"'{index[0] if index else ''}'; get fma_metadata.zip again"
        )
    pairs = list(zip(groups, names, strict=False))
    missing = [f"{group}.{name}" for group, name in _NEEDED if (group, name) not in pairs]
    if missing:
        raise DatasetError(
            f"{path}, line 2: the column {' and '.join(missing)} is missing; "
            "get fma_metadata.zip again"
        )
    places = {f"{group}.{name}": pairs.index((group, name)) for group, name in _NEEDED}
    return {"track_id": 0, **places}


def _read_folds(path: Path) -> dict[str, str]:
    return {
        str(int(number(row["track_id"], path, line, "track_id"))): row["fold"]
        for line, row in table(path, ("track_id", "fold"))
    }
