# SPDX-License-Identifier: MIT
"""A table of your own: CSV or TSV with at least path and label; paths are relative to it.

Known columns (generator, dataset, split, group, duration_s, codec, licence, ...) are taken over,
others ignored; the labels real, fake, bonafide, 0 and 1 are understood. The folder must hold one
such file, or name it `tracks.csv` or `tracks.tsv`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from unsung.data.datasets.base import Dataset, Info
from unsung.data.table import read_table
from unsung.errors import DatasetError, ManifestError
from unsung.types import Track

__all__ = ["Table"]

_PREFERRED = ("tracks.csv", "tracks.tsv")


class Table(Dataset):
    """A folder with one table; see the module.

    Args:
        root: the folder.
        subset: unused, there is none.
        file: name of the table below the folder; by default the only one.

    Raises:
        DatasetError: the folder does not exist.
    """

    info = Info(
        title="Table",
        homepage="https://unsung.readthedocs.io",
        licence="unstated",
        citation="none: your own table",
        instructions="write a CSV or TSV with the columns path and label (human, ai, resynth, "
        "mixed) beside the sound",
        layout=("tracks.csv   (path, label, ...)", "any/folder/song.wav"),
        verified_by="defined here",
    )

    def __init__(self, root: Path, subset: str = "", file: str = "") -> None:
        super().__init__(root, subset)
        self.file = file

    def tracks(self) -> Iterator[Track]:
        """Yield the rows in order; see `Dataset.tracks`."""
        path = self._path()
        try:
            found = read_table(path)
        except ManifestError as error:
            raise DatasetError(str(error)) from error
        lines: dict[str, int] = {}
        for line, track in enumerate(found, start=2):
            if track.id in lines:
                raise DatasetError(
                    f"{path}, line {line}: the id '{track.id}' stands on line {lines[track.id]} "
                    "already; give each row its own path or id"
                )
            lines[track.id] = line
            yield replace(track, dataset=track.dataset or path.stem)

    def _path(self) -> Path:
        if self.file:
            return self.root / self.file
        for name in _PREFERRED:
            if (self.root / name).is_file():
                return self.root / name
        found = sorted(p for p in self.root.iterdir() if p.suffix.lower() in (".csv", ".tsv"))
        if len(found) != 1:
            names = ", ".join(path.name for path in found) or "none"
            raise DatasetError(
                f"{self.root}: expected one CSV or TSV file, or {_PREFERRED[0]}, got {names}; "
                f"{self.info.instructions}"
            )
        return found[0]
