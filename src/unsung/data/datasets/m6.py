# SPDX-License-Identifier: MIT
"""M6: machine-generated music of many generators, domains, languages, genres, instruments.

Li, Li, Specia and Schuller, Scientific Reports 2026 (arXiv 2412.06001); one archive of about 30 GB
on a Hugging Face hub, without a dataset card. Its inner layout is published nowhere, so nothing is
guessed: after unpacking, arrange the files as `human/` and `ai/<generator>/`. It contains
recordings of other corpora (among them GTZAN) whose rights are unclear: do not redistribute it.
"""

from __future__ import annotations

from collections.abc import Iterator

from unsung.data.datasets._folder import LAYOUT, folder_tracks
from unsung.data.datasets.base import Dataset, Info
from unsung.types import Track

__all__ = ["M6"]


class M6(Dataset):
    """M6, arranged by label; see the module."""

    info = Info(
        title="M6",
        homepage="https://huggingface.co/datasets/yl7622/M6",
        licence="unstated",
        citation="Li, Li, Specia, Schuller: M6, Scientific Reports, 2026, "
        "doi:10.1038/s41598-026-36044-w",
        instructions="download the archive from the homepage (no licence is stated there), unpack "
        "it, and arrange its files as human/ and ai/<generator>/",
        layout=LAYOUT,
        size_gb=30.2,
    )

    def tracks(self) -> Iterator[Track]:
        """Yield every sound file, label by label; see `Dataset.tracks`."""
        yield from folder_tracks(self.root, "m6", "unstated")
