# SPDX-License-Identifier: MIT
"""Every error that unsung raises on purpose: what was expected, what came, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "AudioError",
    "BundleError",
    "DamagedAudio",
    "DatasetError",
    "EmptyAudio",
    "EncryptedAudio",
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
    "first_reason",
    "install_hint",
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


def install_hint(extra: str) -> str:
    """Return the command that brings an extra.

    The package index has no package of ours, so its name there would be a stranger's: what is
    installed is the clone, with versions that were seen working together.

    >>> install_hint("serve")
    "pip install '.[serve]' -c constraints.txt"
    """
    return f"pip install '.[{extra}]' -c constraints.txt"


class MissingExtra(UnsungError):
    """An optional package is absent; the message names the extra that brings it."""

    def __init__(self, package: str, extra: str, need: str) -> None:
        super().__init__(
            f"{need} needs the package '{package}', which is not installed; "
            f"in a clone of unsung run: {install_hint(extra)}"
        )
        self.package, self.extra, self.need = package, extra, need

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[str, str, str]]:
        """Travel between processes."""
        return MissingExtra, (self.package, self.extra, self.need)


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


class EncryptedAudio(AudioError):
    """The sound is locked by a rights management; only its owner's program plays it."""


class DamagedAudio(AudioError):
    """Parts of the file do not decode, so that less was heard than it promises."""


class EmptyAudio(AudioError):
    """The file holds no bytes or no samples."""


class TooShort(AudioError):
    """Too little sound for any analysis."""


class SilentAudio(AudioError):
    """Digital silence, or a constant level without any sound."""


class NotFinite(AudioError):
    """So many samples are NaN or infinite that the rest is no recording any more."""


class TruncatedAudio(AudioError):
    """The file ends before the length that its header promises."""


class FetchError(AudioError):
    """A URL could not be fetched."""


_REASONS = (
    NotAudio,
    EncryptedAudio,
    DamagedAudio,
    TruncatedAudio,
    EmptyAudio,
    TooShort,
    SilentAudio,
    NotFinite,
)
"""Where a file has several faults, the cause is named before what follows from it."""


def first_reason(*found: AudioError | None) -> AudioError | None:
    """Return the fault that explains the others, the same for every command; None without one.

    >>> first_reason(TooShort("got 0.1 s"), None, DamagedAudio("611 damaged packets"))
    DamagedAudio('611 damaged packets')
    """

    def place(error: AudioError) -> int:
        return next((i for i, kind in enumerate(_REASONS) if isinstance(error, kind)), -1)

    return min((error for error in found if error is not None), key=place, default=None)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name closest to a mistyped one, or None.

    >>> nearest("pitch_shfit", ["gain", "pitch_shift"])
    'pitch_shift'
    """
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None
