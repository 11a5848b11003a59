# SPDX-License-Identifier: MIT
"""In-the-Wild: public audio deepfakes of 58 celebrities and politicians, with real recordings.

Müller et al., Interspeech 2022 (arXiv 2203.16263); 17.2 h spoofed and 20.7 h bona fide, 16 kHz.
`meta.csv` has file, speaker and label. Meant for testing only: there is no split. How the fakes
were made is unknown. Speech, not music.
"""

from __future__ import annotations

from collections.abc import Iterator

from unsung.data.datasets._files import choice, first_file, inner, table
from unsung.data.datasets.base import Dataset, Download, Info
from unsung.types import Label, Track

__all__ = ["InTheWild"]

LABELS: dict[str, Label] = {"bona-fide": "human", "spoof": "ai"}


class InTheWild(Dataset):
    """In-the-Wild as published; see the module."""

    info = Info(
        title="In-the-Wild",
        homepage="https://deepfake-total.com/in_the_wild",
        licence="Apache-2.0 (annotations; rights in the recordings stay with their owners)",
        citation="Müller, Czempin, Dieckmann, Froghyar, Böttinger: Does Audio Deepfake Detection "
        "Generalize?, Interspeech, 2022",
        instructions="`unsung data fetch in_the_wild` gets and unpacks release_in_the_wild.zip",
        downloads=(
            Download(
                "hf://datasets/mueller91/In-The-Wild/release_in_the_wild.zip",
                "release_in_the_wild.zip",
                unpack=True,
            ),
        ),
        domain="speech",
        layout=(
            "release_in_the_wild/meta.csv   (file, speaker, label)",
            "release_in_the_wild/0.wav",
        ),
        size_gb=8.0,
        verified_by="archive listings and loaders in public repositories",
    )

    def tracks(self) -> Iterator[Track]:
        """Yield the lines of `meta.csv`; see `Dataset.tracks`."""
        root = inner(self.root, "release_in_the_wild")
        path = first_file(root, ("meta.csv",), self.info.instructions)
        for line, row in table(path, ("file", "speaker", "label")):
            yield Track(
                id=row["file"],
                path=str(root / row["file"]),
                label=choice(LABELS, row["label"], path, line, "label"),
                dataset="in_the_wild",
                split="test",
                group=f"speaker:{row['speaker']}",
                sample_rate_hz=16000,
            )
