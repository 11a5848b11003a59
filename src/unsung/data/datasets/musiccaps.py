# SPDX-License-Identifier: MIT
"""MusicCaps: 5,521 ten-second clips of YouTube music with captions by musicians.

Agostinelli et al., MusicLM, 2023 (arXiv 2301.11325). The table is published, the sound is not: it
lies on YouTube and this package does not download it. Clips that you have are found by their
YouTube id anywhere below the folder (`<id>.wav`, `<id>_30.wav`, `[<id>]-[30-40].wav`); for others
the path is `audio/<id>.wav`, which `unsung data check` then counts as missing. Split:
`is_audioset_eval` is "test", the rest "train". Almost all clips are human recordings of before
2017; nobody has verified each one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from unsung.data.datasets._files import audio_files, choice, first_file, number, table
from unsung.data.datasets.base import Dataset, Download, Info
from unsung.types import Track

__all__ = ["MusicCaps"]

_SPLIT = {"True": "test", "False": "train"}
_ID_CHARACTERS = 11  # a YouTube id


class MusicCaps(Dataset):
    """MusicCaps: the published table and your clips; see the module."""

    info = Info(
        title="MusicCaps",
        homepage="https://huggingface.co/datasets/google/MusicCaps",
        licence="CC-BY-SA-4.0",
        citation="Agostinelli et al.: MusicLM: Generating Music From Text, 2023, arXiv:2301.11325",
        instructions="`unsung data fetch musiccaps` gets the table; the clips are on YouTube, and "
        "you may only get them where its terms and your law allow: put them to "
        "audio/<YouTube id>.wav",
        downloads=(
            Download("hf://datasets/google/MusicCaps/musiccaps-public.csv", "musiccaps-public.csv"),
        ),
        layout=(
            "musiccaps-public.csv   (ytid, start_s, end_s, ..., is_audioset_eval)",
            "audio/<ytid>.wav",
        ),
        size_gb=0.003,
        verified_by="column list of the published table in public repositories",
    )

    def tracks(self) -> Iterator[Track]:
        """Yield every row of the table; see `Dataset.tracks`."""
        path = first_file(self.root, ("musiccaps-public.csv",), self.info.instructions)
        found = {_youtube_id(sound): sound for sound in reversed(audio_files(self.root))}
        for line, row in table(path, ("ytid", "start_s", "end_s", "is_audioset_eval")):
            start_s = number(row["start_s"], path, line, "start_s")
            end_s = number(row["end_s"], path, line, "end_s")
            ytid = row["ytid"]
            yield Track(
                id=ytid,
                path=str(found.get(ytid, self.root / "audio" / f"{ytid}.wav")),
                label="human",
                dataset="musiccaps",
                split=choice(_SPLIT, row["is_audioset_eval"], path, line, "is_audioset_eval"),
                group=ytid,
                duration_s=end_s - start_s,
                pair_id=ytid,
                recording=f"youtube:{ytid}",
            )


def _youtube_id(path: Path) -> str:
    stem = path.stem.removeprefix("[")
    return stem[:_ID_CHARACTERS]
