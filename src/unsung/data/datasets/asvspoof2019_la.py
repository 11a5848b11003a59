# SPDX-License-Identifier: MIT
"""ASVspoof 2019, logical access: bona fide and spoofed English speech, 19 attack systems.

Wang et al., Computer Speech and Language 2020 (arXiv 1911.01601). Protocol lines are
`SPEAKER FILE - SYSTEM KEY`; training and development hold A01 to A06, evaluation A07 to A19.
Spoofed speech (synthesis and voice conversion) is "ai", the system is the generator; splits are
the official ones, where dev is "validation" and eval "test". Speech, not music.
"""

from __future__ import annotations

from collections.abc import Iterator

from unsung.data.datasets._files import SPLITS, choice, columns, first_file, inner
from unsung.data.datasets.base import Dataset, Download, Info
from unsung.types import Label, Track

__all__ = ["AsvSpoof2019La"]

KEYS: dict[str, Label] = {"bonafide": "human", "spoof": "ai"}
_PROTOCOLS = {
    "train": "ASVspoof2019.LA.cm.train.trn.txt",
    "dev": "ASVspoof2019.LA.cm.dev.trl.txt",
    "eval": "ASVspoof2019.LA.cm.eval.trl.txt",
}


class AsvSpoof2019La(Dataset):
    """ASVspoof 2019 LA as published; see the module."""

    info = Info(
        title="ASVspoof 2019 LA",
        homepage="https://datashare.ed.ac.uk/handle/10283/3336",
        licence="ODC-By-1.0",
        citation="Wang et al.: ASVspoof 2019: a large-scale public database of synthesized, "
        "converted and replayed speech, Computer Speech and Language, 2020",
        instructions="`unsung data fetch asvspoof2019_la` gets and unpacks LA.zip",
        downloads=(
            Download(
                "https://datashare.ed.ac.uk/bitstream/handle/10283/3336/LA.zip",
                "LA.zip",
                unpack=True,
            ),
        ),
        domain="speech",
        layout=(
            "LA/ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train.trn.txt",
            "LA/ASVspoof2019_LA_train/flac/LA_T_1138215.flac",
            "LA/ASVspoof2019_LA_dev/flac/...",
            "LA/ASVspoof2019_LA_eval/flac/...",
        ),
        size_gb=7.6,
        verified_by="README of the database and path lists in public repositories",
    )

    def tracks(self) -> Iterator[Track]:
        """Yield train, dev and eval in protocol order; see `Dataset.tracks`."""
        root = inner(self.root, "LA")
        folder = root / "ASVspoof2019_LA_cm_protocols"
        for part, name in _PROTOCOLS.items():
            path = first_file(folder, (name,), self.info.instructions)
            for line, values in columns(path, 5, "speaker, file, -, system, key"):
                speaker, file, _, system, key = values[:5]
                label = choice(KEYS, key, path, line, "key")
                yield Track(
                    id=file,
                    path=str(root / f"ASVspoof2019_LA_{part}" / "flac" / f"{file}.flac"),
                    label=label,
                    generator="" if label == "human" else system,
                    dataset="asvspoof2019_la",
                    split=SPLITS[part],
                    group=f"speaker:{speaker}",
                    sample_rate_hz=16000,
                    codec="flac",
                    licence="ODC-By-1.0",
                )
