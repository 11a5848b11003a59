# SPDX-License-Identifier: MIT
"""Files that appear whole or not at all, and a full disk that says so."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unsung import outputs
from unsung.errors import ManifestError

__all__ = ["FULL", "full_disk", "replacing"]

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What writing to a full disk, over a quota or over a size limit says."""


def full_disk(error: OSError, path: Path | str) -> ManifestError:
    """Return the error for a write that did not fit or was not allowed."""
    if error.errno in FULL:
        return ManifestError(
            f"{path}: expected room to write, the disk is full ({error.strerror}); what was read "
            "so far is in the cache: free some space and run the same command again"
        )
    return ManifestError(
        f"{path}: cannot be written ({error.strerror or error}); check the folder and its rights"
    )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Do as `unsung.outputs.replacing`.

    Raises:
        ManifestError: the file cannot be written, for instance because the disk is full.
    """
    part = path
    try:
        with outputs.replacing(path) as part:
            yield part
    except OSError as error:
        if error.errno in FULL or Path(error.filename or part) in (part, path, path.parent):
            raise full_disk(error, path) from error
        raise
