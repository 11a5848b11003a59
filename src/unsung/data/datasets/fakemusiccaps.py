# SPDX-License-Identifier: MIT
"""FakeMusicCaps: the captions of MusicCaps set to music by five text-to-music models.

Comanducci, Bestagini and Tubaro (arXiv 2409.10684); 27,605 clips of 10 s at 16 kHz. One folder a
model, one file a caption, named by the YouTube id of the MusicCaps clip: `pair_id` and `group`
are that id, so a caption never stands on both sides of a split. Human clips are not part of the
archive; a folder `MusicCaps/` with them is read as human, `SunoCaps/` as Suno (the authors' open
set).
"""

from __future__ import annotations

from collections.abc import Iterator

from unsung.data.datasets._files import audio_files, inner
from unsung.data.datasets.base import Dataset, Download, Info
from unsung.errors import DatasetError
from unsung.types import Track

__all__ = ["FakeMusicCaps"]

GENERATORS = {
    "MusicGen_medium": "MusicGen",
    "audioldm2": "AudioLDM2",
    "musicldm": "MusicLDM",
    "mustango": "Mustango",
    "stable_audio_open": "Stable Audio",
}
"""Folder as published → family of the model."""

_OPTIONAL = {"MusicCaps": "", "SunoCaps": "Suno"}


class FakeMusicCaps(Dataset):
    """FakeMusicCaps as published; see the module."""

    info = Info(
        title="FakeMusicCaps",
        homepage="https://zenodo.org/records/13732524",
        licence="CC-BY-NC-4.0",
        citation="Comanducci, Bestagini, Tubaro: FakeMusicCaps: a Dataset for Detection and "
        "Attribution of Synthetic Music Generated via Text-to-Music Models, 2024, arXiv:2409.10684",
        instructions="`unsung data fetch fakemusiccaps` gets and unpacks FakeMusicCaps.zip; human "
        "clips, if you have them, go to MusicCaps/<YouTube id>.wav",
        downloads=(
            Download("zenodo:13732524/FakeMusicCaps.zip", "FakeMusicCaps.zip", unpack=True),
        ),
        layout=(
            "FakeMusicCaps/audioldm2/-WvVG0wHcTc.wav",
            *(f"FakeMusicCaps/{name}/..." for name in GENERATORS if name != "audioldm2"),
        ),
        size_gb=4.5,
        verified_by="listings of the unpacked archive in public repositories; the authors' README",
    )

    def tracks(self) -> Iterator[Track]:
        """Yield model by model; see `Dataset.tracks`."""
        root = inner(self.root, "FakeMusicCaps")
        known = {**GENERATORS, **_OPTIONAL}
        folders = sorted(path for path in root.iterdir() if path.is_dir())
        for folder in folders:
            if folder.name not in known and audio_files(folder):
                raise DatasetError(
                    f"{folder}: expected folders among {', '.join(known)}; "
                    "move other sound elsewhere"
                )
        if not any(folder.name in GENERATORS for folder in folders):
            raise DatasetError(
                f"{root}: expected the folders {', '.join(GENERATORS)}; {self.info.instructions}"
            )
        for folder in folders:
            for path in audio_files(folder):
                yield Track(
                    id=f"{folder.name}/{path.stem}",
                    path=str(path),
                    label="human" if folder.name == "MusicCaps" else "ai",
                    generator="" if folder.name == "MusicCaps" else folder.name,
                    dataset="fakemusiccaps",
                    group=path.stem,
                    licence="" if folder.name == "MusicCaps" else "CC-BY-NC-4.0",
                    family=known[folder.name],
                    pair_id=path.stem,
                )
