# SPDX-License-Identifier: MIT
"""LJSpeech: 13,100 clips of one woman reading non-fiction, 22.05 kHz, public domain.

Ito and Johnson, 2017. `metadata.csv` has no header: id, text and normalised text, parted by `|`.
The human side of WaveFake. One speaker: no test of unseen speakers. Speech, not music.
"""

from __future__ import annotations

from collections.abc import Iterator

from unsung.data.datasets._files import columns, first_file, inner
from unsung.data.datasets.base import Dataset, Download, Info
from unsung.types import Track

__all__ = ["LjSpeech"]


class LjSpeech(Dataset):
    """LJSpeech 1.1 as published; see the module."""

    info = Info(
        title="LJSpeech 1.1",
        homepage="https://keithito.com/LJ-Speech-Dataset/",
        licence="public domain",
        citation="Ito, Johnson: The LJ Speech Dataset, 2017",
        instructions="`unsung data fetch ljspeech` gets and unpacks LJSpeech-1.1.tar.bz2",
        downloads=(
            Download(
                "https://data.keithito.com/data/speech/LJSpeech-1.1.tar.bz2",
                "LJSpeech-1.1.tar.bz2",
                "sha256:be1a30453f28eb8dd26af4101ae40cbf2c50413b1bb21936cbcdc6fae3de8aa5",
                2_748_572_632,
                unpack=True,
            ),
        ),
        domain="speech",
        layout=(
            "LJSpeech-1.1/metadata.csv   (id|text|normalised text, no header)",
            "LJSpeech-1.1/wavs/LJ001-0001.wav",
        ),
        size_gb=2.75,
        verified_by="published loaders and checksums",
    )

    def tracks(self) -> Iterator[Track]:
        """Yield the lines of `metadata.csv`; see `Dataset.tracks`."""
        root = inner(self.root, "LJSpeech-1.1")
        path = first_file(root, ("metadata.csv",), self.info.instructions)
        for _, values in columns(path, 2, "id, text and normalised text, parted by |", "|"):
            name = values[0]
            yield Track(
                id=name,
                path=str(root / "wavs" / f"{name}.wav"),
                label="human",
                dataset="ljspeech",
                group=f"ljspeech:{name}",
                sample_rate_hz=22050,
                channels=1,
                licence="public domain",
                pair_id=f"ljspeech:{name}",
                recording=f"ljspeech:{name}",
            )
