# SPDX-License-Identifier: MIT
"""ASVspoof 2021, LA (telephone channels) and DF (lossy codecs): evaluation sets with keys.

Liu et al., IEEE/ACM TASLP 2023 (arXiv 2210.02437). Key lines in `trial_metadata.txt`:
LA `SPEAKER FILE CODEC CHANNEL SYSTEM KEY TRIM SUBSET`,
DF `SPEAKER FILE CODEC SOURCE SYSTEM KEY TRIM SUBSET VOCODER ...`.
`codec` of a track is the condition that the key names (the files are FLAC). The subset progress is
"validation", eval "test", hidden (trimmed silence) "hidden". There is no training part: train on
ASVspoof 2019. Speech, not music.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from unsung.data.datasets._files import SPLITS, choice, columns, first_file, inner
from unsung.data.datasets.base import Dataset, Download, Info
from unsung.types import Label, Track

__all__ = ["AsvSpoof2021"]

KEYS: dict[str, Label] = {"bonafide": "human", "spoof": "ai"}
_SUBSETS = {name: SPLITS[name] for name in ("progress", "eval", "hidden")}
_HOST = "https://www.asvspoof.org/asvspoof2021"


class AsvSpoof2021(Dataset):
    """ASVspoof 2021 LA or DF as published; see the module."""

    info = Info(
        title="ASVspoof 2021",
        homepage="https://www.asvspoof.org/index2021.html",
        licence="ODC-By-1.0",
        citation="Liu et al.: ASVspoof 2021: Towards Spoofed and Deepfake Speech Detection in the "
        "Wild, IEEE/ACM TASLP, 2023",
        instructions="`unsung data fetch asvspoof2021 --subset LA` gets and unpacks the sound and "
        "the keys; all parts of DF unpack into ASVspoof2021_DF_eval/",
        downloads=(
            Download("zenodo:4837263", "", subset="LA", unpack=True),
            Download(
                f"{_HOST}/LA-keys-full.tar.gz", "LA-keys-full.tar.gz", subset="LA", unpack=True
            ),
            Download("zenodo:4835108", "", subset="DF", unpack=True),
            Download(
                f"{_HOST}/DF-keys-full.tar.gz", "DF-keys-full.tar.gz", subset="DF", unpack=True
            ),
        ),
        subsets=("LA", "DF"),
        domain="speech",
        layout=(
            "ASVspoof2021_LA_eval/flac/LA_E_9332881.flac",
            "keys/LA/CM/trial_metadata.txt",
            "ASVspoof2021_DF_eval/flac/DF_E_2000011.flac",
            "keys/DF/CM/trial_metadata.txt",
        ),
        size_gb=41.0,
        verified_by="key README of the challenge; example lines in public repositories",
    )

    def tracks(self) -> Iterator[Track]:
        """Yield the subset's trials in key order; see `Dataset.tracks`."""
        part = self.subset
        names = [
            f"{above}{part}/CM/trial_metadata.txt"
            for above in ("keys/", f"{part}-keys-full/keys/", "")
        ]
        path = first_file(self.root, names, self.info.instructions)
        root = inner(self.root, f"ASVspoof2021_{part}_eval")
        for line, values in columns(
            path, 8, "speaker, file, codec, channel or source, system, key, trim, subset"
        ):
            yield self._track(root, path, line, values)

    def _track(self, root: Path, path: Path, line: int, values: list[str]) -> Track:
        speaker, file, codec, _, system, key, _, subset = values[:8]
        label = choice(KEYS, key, path, line, "key")
        return Track(
            id=file,
            path=str(root / "flac" / f"{file}.flac"),
            label=label,
            generator="" if label == "human" else system,
            dataset=f"asvspoof2021_{self.subset.lower()}",
            split=choice(_SUBSETS, subset, path, line, "subset"),
            group=f"speaker:{speaker}",
            sample_rate_hz=16000,
            codec=codec,
            licence="ODC-By-1.0",
            family=values[8] if len(values) > 8 and label == "ai" else "",
        )
