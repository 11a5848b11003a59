# SPDX-License-Identifier: MIT
"""JSUT: 10 hours of one Japanese woman, 48 kHz, in nine parts.

Sonobe, Takamichi and Saruwatari, 2017 (arXiv 1711.00354). Each part is a folder with
`transcript_utf8.txt` (lines `ID:text`) and `wav/ID.wav`. The human side of WaveFake's Japanese
folders. The sound may be used for research and private purposes. Speech, not music.
"""

from __future__ import annotations

from collections.abc import Iterator

from unsung.data.datasets._files import columns, inner
from unsung.data.datasets.base import Dataset, Download, Info
from unsung.errors import DatasetError
from unsung.types import Track

__all__ = ["Jsut"]

PARTS = (
    "basic5000",
    "countersuffix26",
    "loanword128",
    "onomatopee300",
    "precedent130",
    "repeat500",
    "travel1000",
    "utparaphrase512",
    "voiceactress100",
)


class Jsut(Dataset):
    """JSUT 1.1 as published; see the module."""

    info = Info(
        title="JSUT 1.1",
        homepage="https://sites.google.com/site/shinnosuketakamichi/publication/jsut",
        licence="research and private use only (text CC-BY-SA-4.0 and others)",
        citation="Sonobe, Takamichi, Saruwatari: JSUT corpus: free large-scale Japanese speech "
        "corpus for end-to-end speech synthesis, 2017, arXiv:1711.00354",
        instructions="`unsung data fetch jsut` gets and unpacks jsut_ver1.1.zip",
        downloads=(
            Download(
                "http://ss-takashi.sakura.ne.jp/corpus/jsut_ver1.1.zip",
                "jsut_ver1.1.zip",
                unpack=True,
            ),
        ),
        domain="speech",
        layout=(
            "jsut_ver1.1/basic5000/transcript_utf8.txt   (ID:text)",
            "jsut_ver1.1/basic5000/wav/BASIC5000_0001.wav",
        ),
        size_gb=2.7,
        verified_by="recipes and loaders in public repositories",
    )

    def tracks(self) -> Iterator[Track]:
        """Yield part by part, line by line; see `Dataset.tracks`."""
        root = inner(self.root, "jsut_ver1.1")
        parts = [root / part for part in PARTS if (root / part).is_dir()]
        if not parts:
            raise DatasetError(
                f"{root}: expected folders among {', '.join(PARTS)}; {self.info.instructions}"
            )
        for part in parts:
            path = part / "transcript_utf8.txt"
            for _, values in columns(path, 2, "ID and text, parted by :", ":"):
                name = values[0]
                yield Track(
                    id=f"{part.name}/{name}",
                    path=str(part / "wav" / f"{name}.wav"),
                    label="human",
                    dataset="jsut",
                    group=f"jsut:{name}",
                    licence="research and private use only",
                    pair_id=f"jsut:{name}",
                    recording=f"jsut:{name}",
                )
