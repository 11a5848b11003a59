# SPDX-License-Identifier: MIT
"""The private folder that uploads live in: mode 0700, emptied at once, removed at the end.

After a kill the workers remove it themselves, see `unsung.api.worker`; what a power cut leaves
behind, the next start of unsung on the machine removes, see `unsung.scratch`.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from unsung.scratch import Scratch

__all__ = ["Spool"]


class Spool(Scratch):
    """One server's folder for uploads."""

    def __init__(self, parent: str | None = None) -> None:
        super().__init__("serve", parent)

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        """Lend a folder for one request; it is gone afterwards, whatever happens."""
        path = self.new_folder()
        try:
            yield path
        finally:
            self.remove(path)

    def new_folder(self) -> Path:
        """Return a fresh folder that the caller removes."""
        return Path(tempfile.mkdtemp(prefix="in-", dir=self.path))

    @staticmethod
    def remove(path: Path) -> None:
        """Remove a folder with everything in it."""
        shutil.rmtree(path, ignore_errors=True)
