# SPDX-License-Identifier: MIT
"""Every error that unsung raises on purpose: what was expected, what came, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "AudioError",
    "BundleError",
    "DatasetError",
    "EmptyAudio",
    "FetchError",
    "ManifestError",
    "MissingExtra",
    "MissingTool",
    "NotAudio",
    "NotFinite",
    "SilentAudio",
    "TooShort",
    "TruncatedAudio",
    "UnknownName",
    "UnreadableAudio",
    "UnsungError",
    "UsageError",
    "nearest",
]


class UnsungError(Exception):
    """Base of all errors raised on purpose; the message is complete on its own."""


class UsageError(UnsungError):
    """A wrong option, value or combination (exit code 2 on the command line)."""


class UnknownName(UsageError):
    """A name that no capability, field or option has."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = nearest(name, known)
        hint = f"did you mean '{near}'?" if near else f"known: {', '.join(known) or 'none'}"
        super().__init__(f"no {kind} named '{name}'; {hint}")
        self.kind, self.name, self.near = kind, name, near


class MissingExtra(UnsungError):
    """An optional package is absent; the message names the extra that brings it."""

    def __init__(self, package: str, extra: str, need: str) -> None:
        super().__init__(
            f"{need} needs the package '{package}', which is not installed; "
            f"run: pip install 'unsung[{extra}]'"
        )


class MissingTool(UnsungError):
    """A program, library or data file from outside Python is absent; the message says which."""

    def __init__(self, tool: str, package: str, need: str) -> None:
        super().__init__(
            f"{need} needs {tool}, which was not found; "
            f"on Debian or Ubuntu run: apt-get install {package}"
        )


class BundleError(UnsungError):
    """A detector bundle is missing, damaged or from another version."""


class ManifestError(UnsungError):
    """A manifest or table of scores does not have the expected form."""


class DatasetError(ManifestError):
    """A corpus on disk does not have the layout, files or columns that it is published with."""


class AudioError(UnsungError):
    """One file's sound cannot be used; other files go on."""


class UnreadableAudio(AudioError):
    """Neither libsndfile nor FFmpeg could decode the file, or it may not be read."""


class NotAudio(AudioError):
    """The bytes are something else than sound (a directory, an archive, a page)."""


class EmptyAudio(AudioError):
    """The file holds no bytes or no samples."""


class TooShort(AudioError):
    """Too little sound for any analysis."""


class SilentAudio(AudioError):
    """Digital silence, or a constant level without any sound."""


class NotFinite(AudioError):
    """Samples are NaN or infinite."""


class TruncatedAudio(AudioError):
    """The file ends before the length that its header promises."""


class FetchError(AudioError):
    """A URL could not be fetched."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name closest to a mistyped one, or None.

    >>> nearest("pitch_shfit", ["gain", "pitch_shift"])
    'pitch_shift'
    """
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None
