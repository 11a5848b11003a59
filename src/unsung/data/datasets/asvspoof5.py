# SPDX-License-Identifier: MIT
"""ASVspoof 5, track 1: crowdsourced speech, 32 attacks, codecs, adversarial attacks.

Wang et al., ASVspoof Workshop 2024 (doi 10.21437/ASVspoof.2024-1). The protocols are called .tsv
but are parted by spaces, without a header: `SPEAKER FILE GENDER CODEC CODEC_Q CODEC_SEED
ATTACK_TAG ATTACK KEY TMP`. A coded copy shares its `group` with nothing but its speaker;
`recording` names the file that it was coded from. dev is "validation", eval "test". Speech, not
music.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from unsung.data.datasets._files import SPLITS, choice, columns, first_file, inner
from unsung.data.datasets.base import Dataset, Download, Info
from unsung.types import Label, Track

__all__ = ["AsvSpoof5"]

KEYS: dict[str, Label] = {"bonafide": "human", "spoof": "ai"}
_PARTS = {
    "train": ("ASVspoof5.train.tsv", "flac_T"),
    "dev": ("ASVspoof5.dev.track_1.tsv", "flac_D"),
    "eval": ("ASVspoof5.eval.track_1.tsv", "flac_E_eval"),
}


class AsvSpoof5(Dataset):
    """ASVspoof 5 as published; see the module."""

    info = Info(
        title="ASVspoof 5",
        homepage="https://zenodo.org/records/14498691",
        licence="ODC-By-1.0 (bona fide speech CC-BY-4.0)",
        citation="Wang et al.: ASVspoof 5: crowdsourced speech data, deepfakes, and adversarial "
        "attacks at scale, ASVspoof Workshop, 2024",
        instructions="`unsung data fetch asvspoof5` gets and unpacks everything (about 100 GB); "
        "for a part of it unpack ASVspoof5_protocols.tar.gz and some flac_*.tar by hand",
        downloads=(Download("zenodo:14498691", "", unpack=True),),
        domain="speech",
        layout=(
            "ASVspoof5.train.tsv   (parted by spaces, no header)",
            "ASVspoof5.dev.track_1.tsv",
            "ASVspoof5.eval.track_1.tsv",
            "flac_T/T_0000000000.flac",
            "flac_D/...",
            "flac_E_eval/...",
        ),
        size_gb=100.0,
        verified_by="README.txt of the database",
    )

    def tracks(self) -> Iterator[Track]:
        """Yield train, dev and eval in protocol order; see `Dataset.tracks`."""
        folder = inner(self.root, "ASVspoof5_protocols")
        for part, (name, sound) in _PARTS.items():
            path = first_file(folder, (name,), self.info.instructions)
            for line, values in columns(path, 9, "speaker, file, gender, codec, ..., attack, key"):
                yield self._track(part, self.root / sound, path, line, values)

    def _track(self, part: str, folder: Path, path: Path, line: int, values: list[str]) -> Track:
        speaker, file, _, codec, _, seed, _, attack, key = values[:9]
        label = choice(KEYS, key, path, line, "key")
        return Track(
            id=file,
            path=str(folder / f"{file}.flac"),
            label=label,
            generator="" if label == "human" else attack,
            dataset="asvspoof5",
            split=SPLITS[part],
            group=f"speaker:{speaker}",
            sample_rate_hz=16000,
            codec="flac" if codec == "-" else codec,
            licence="CC-BY-4.0" if label == "human" else "ODC-By-1.0",
            recording="" if seed == "-" else seed,
        )
