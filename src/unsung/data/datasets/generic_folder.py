# SPDX-License-Identifier: MIT
"""Any folder arranged as `human/`, `ai/<generator>/`, `resynth/<system>/`, `mixed/`.

For your own collections, and for corpora whose layout nobody documents: arrange their files so.
The label and the generator come from the folders, nothing else; licences stay unknown.
"""

from __future__ import annotations

from collections.abc import Iterator

from unsung.data.datasets._folder import LAYOUT, folder_tracks
from unsung.data.datasets.base import Dataset, Info
from unsung.types import Track

__all__ = ["GenericFolder"]


class GenericFolder(Dataset):
    """Your own folder; see the module."""

    info = Info(
        title="Folder by label",
        homepage="https://unsung.readthedocs.io",
        licence="unstated",
        citation="none: your own collection",
        instructions="arrange the files as human/, ai/<generator>/, resynth/<system>/, mixed/",
        layout=LAYOUT,
        verified_by="defined here",
    )

    def tracks(self) -> Iterator[Track]:
        """Yield every sound file, label by label; see `Dataset.tracks`."""
        yield from folder_tracks(self.root, "generic_folder")
