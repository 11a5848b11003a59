# SPDX-License-Identifier: MIT
"""SONICS: over 49,000 songs of Suno and Udio, and a list of about as many real songs on YouTube.

Rahman et al., ICLR 2025 (arXiv 2408.14080). `fake_songs.csv` names the algorithm
(chirp-v2-xxl-alpha, chirp-v3, chirp-v3.5, udio-30s, udio-120s) and the kind: full fake (lyrics
and style invented), mostly fake (lyrics rewritten), half fake (lyrics of a real song). In all
three the sound is generated, so all are "ai" here, with the kind as `family`. The real songs are
YouTube ids: this package does not download them; files that you have go to
`real_songs/real_00001.mp3`.

Splits are the official column. The subset "official" keeps what the published experiments keep
(at least 30 s, with vocals), "all" everything. Real songs are grouped by artist, generated ones by
prompt (two versions each). Half and mostly fake songs borrow lyrics or style from real ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from unsung.data.datasets._files import SPLITS, choice, first_file, inner, number, table
from unsung.data.datasets.base import Dataset, Download, Info
from unsung.types import Track

__all__ = ["Sonics"]

ALGORITHMS = {
    "chirp-v2-xxl-alpha": "suno",
    "chirp-v3": "suno",
    "chirp-v3.5": "suno",
    "udio-30s": "udio",
    "udio-120s": "udio",
}
"""Published name of the algorithm → its maker."""

KINDS = {"full fake": "full fake", "mostly fake": "mostly fake", "half fake": "half fake"}
_TRUTH = {"True": True, "False": False, "1": True, "0": False, "true": True, "false": False}
_SHARED = ("filename", "duration", "label", "no_vocal", "split")
_SHORTEST_S = 30.0


class Sonics(Dataset):
    """SONICS as published; see the module."""

    info = Info(
        title="SONICS",
        homepage="https://github.com/awsaf49/sonics",
        licence="CC-BY-NC-4.0",
        citation="Rahman, Hakim, Sarker, Paul, Fattah: SONICS: Synthetic Or Not - Identifying "
        "Counterfeit Songs, ICLR, 2025",
        instructions="`unsung data fetch sonics` gets the tables and the generated songs; the real "
        "songs are YouTube ids (column youtube_id of real_songs.csv), which you may "
        "only get where its terms and your law allow: put them to real_songs/",
        downloads=(
            Download("hf://datasets/awsaf49/sonics/real_songs.csv", "real_songs.csv"),
            Download("hf://datasets/awsaf49/sonics/fake_songs.csv", "fake_songs.csv"),
            Download("hf://datasets/awsaf49/sonics/fake_songs/*.zip", "", unpack=True),
        ),
        subsets=("official", "all"),
        layout=(
            "real_songs.csv   (filename, title, artist, youtube_id, duration, label, split, ...)",
            "fake_songs.csv   (filename, id, algorithm, label, duration, no_vocal, split, ...)",
            "real_songs/real_00001.mp3",
            "fake_songs/fake_00001_suno_0.mp3",
        ),
        verified_by="published prediction table and split script of awsaf49/sonics; listing of the "
        "hub repository",
    )

    def tracks(self) -> Iterator[Track]:
        """Yield the real songs, then the generated ones; see `Dataset.tracks`."""
        root = inner(self.root, "dataset")
        yield from self._real(first_file(root, ("real_songs.csv",), self.info.instructions))
        yield from self._fake(first_file(root, ("fake_songs.csv",), self.info.instructions))

    def _real(self, path: Path) -> Iterator[Track]:
        for line, row in table(path, (*_SHARED, "artist", "youtube_id")):
            choice({"real": "real"}, row["label"], path, line, "label")
            duration_s = self._wanted(path, line, row)
            if duration_s is None:
                continue
            yield Track(
                id=row["filename"],
                path=_sound(path.parent / "real_songs", row["filename"]),
                label="human",
                dataset="sonics",
                split=choice(SPLITS, row["split"], path, line, "split"),
                group=f"artist:{row['artist']}",
                duration_s=duration_s,
                codec="mp3",
                recording=f"youtube:{row['youtube_id']}",
            )

    def _fake(self, path: Path) -> Iterator[Track]:
        for line, row in table(path, (*_SHARED, "id", "algorithm")):
            kind = choice(KINDS, row["label"], path, line, "label")
            choice(ALGORITHMS, row["algorithm"], path, line, "algorithm")
            duration_s = self._wanted(path, line, row)
            if duration_s is None:
                continue
            yield Track(
                id=row["filename"],
                path=_sound(path.parent / "fake_songs", row["filename"]),
                label="ai",
                generator=row["algorithm"],
                dataset="sonics",
                split=choice(SPLITS, row["split"], path, line, "split"),
                group=f"prompt:{row['id']}",
                duration_s=duration_s,
                codec="mp3",
                licence="CC-BY-NC-4.0",
                family=kind,
            )

    def _wanted(self, path: Path, line: int, row: dict[str, str]) -> float | None:
        """Return the length in seconds, or None for a song that the subset leaves out."""
        duration_s = number(row["duration"], path, line, "duration")
        silent = choice(_TRUTH, row["no_vocal"], path, line, "no_vocal")
        kept = self.subset == "all" or (duration_s >= _SHORTEST_S and not silent)
        return duration_s if kept else None


def _sound(folder: Path, name: str) -> str:
    """Return the mp3 as published, or the wav that the authors' downloader writes."""
    wav = folder / f"{name}.wav"
    return str(wav if wav.is_file() else folder / f"{name}.mp3")
