# SPDX-License-Identifier: MIT
"""What one scan is set to, what stamps its rows, and the row that a file becomes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unsung.errors import UsageError
from unsung.types import Picture, Record, Score

__all__ = ["FALSE_ALARM_RATE", "PRIOR", "FileFacts", "Metadata", "Row", "Settings", "Stamp"]

FALSE_ALARM_RATE = 0.01
"""One human recording in a hundred may be called AI: what most catalogues can check by hand."""

PRIOR = 0.5
"""Even odds: the probability then repeats the evidence alone. Give your own share of AI tracks."""


@dataclass(frozen=True)
class Settings:
    """The options of a scan, checked when they are made.

    Attributes:
        bundle: name of a packaged detector, or the folder of one.
        false_alarm_rate: share of human recordings that the AI threshold may call AI.
        prior: assumed share of AI tracks, for the probability only.
        fast: listen to a few windows instead of the whole track.
        picture: also compute what a report draws.
        calibration: file of `unsung calibrate` whose thresholds replace the bundle's.
        metadata: also read the tags that a catalogue is sorted by (artist, label, ISRC, ...).
        robust: call a track AI only when it is so under small changes too (six times the work).

    >>> Settings(false_alarm_rate=2.0)
    Traceback (most recent call last):
        ...
    unsung.errors.UsageError: expected a false-alarm rate above 0 and up to 0.5, got 2.0; try 0.01
    """

    bundle: str | Path = "default"
    false_alarm_rate: float = FALSE_ALARM_RATE
    prior: float = PRIOR
    fast: bool = False
    picture: bool = False
    calibration: Path | None = None
    metadata: bool = False
    robust: bool = False

    def __post_init__(self) -> None:
        if not 0.0 < self.false_alarm_rate <= 0.5:
            raise UsageError(
                f"expected a false-alarm rate above 0 and up to 0.5, got {self.false_alarm_rate}; "
                f"try {FALSE_ALARM_RATE}"
            )
        if not 0.0 < self.prior < 1.0:
            raise UsageError(f"expected a prior above 0 and below 1, got {self.prior}; try {PRIOR}")
        if self.robust and self.fast:
            raise UsageError(
                "expected --fast or --robust, got both; the changes need the track without gaps"
            )


@dataclass(frozen=True)
class Stamp:
    """What every row of one scan has in common; with the file's hash it makes the resume key."""

    detector: str
    false_alarm_rate: float
    prior: float
    calibration: str

    def key(self, sha256: str, path: str = "") -> int:
        """Return 64 bits for one content under these settings (at 10⁶ files a clash has p 3e-8)."""
        text = repr((sha256, self.detector, self.false_alarm_rate, self.prior, self.calibration))
        digest = hashlib.blake2b(
            f"{text}\0{path}".encode("utf-8", "surrogateescape"), digest_size=8
        )
        return int.from_bytes(digest.digest(), "big")

    def file_key(self, path: str, size_bytes: int, modified_ns: int) -> int:
        """Return 64 bits for a file that need not be read again while size and time stay."""
        return self.key(f"{size_bytes}/{modified_ns}", path)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Stamp:
        """Return what a stored row was made under."""
        return cls(*(row.get(name) for name in _STAMPED))  # type: ignore[arg-type]

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Say whether a stored row was made under these settings."""
        return Stamp.of(row) == self


_STAMPED = [field.name for field in dataclasses.fields(Stamp)]


@dataclass(frozen=True)
class Metadata(Record):
    """What the tags of a file say; empty where they say nothing."""

    artist: str = ""
    title: str = ""
    album: str = ""
    album_artist: str = ""
    label: str = ""
    isrc: str = ""
    date: str = ""
    genre: str = ""


@dataclass(frozen=True)
class FileFacts(Record):
    """What a stored row says of the file beside its score.

    Attributes:
        size_bytes: size when it was scanned; None where it is no file of this machine.
        modified_ns: time of its last change, nanoseconds since 1970.
        scanned_ns: when the row was made, nanoseconds since 1970.
        duplicate_of: path of the track with the very same bytes that this score was made from.
        metadata: its tags, when the scan was asked to read them.
    """

    size_bytes: int | None = None
    modified_ns: int | None = None
    scanned_ns: int | None = None
    duplicate_of: str = ""
    metadata: Metadata = field(default_factory=Metadata)

    @property
    def settled(self) -> bool:
        """Say whether the file was at rest when it was scanned.

        A file changed within two seconds of its scan could change again without a new time stamp
        (file systems count in steps of up to 2 s); only its content then tells.
        """
        if self.modified_ns is None or self.scanned_ns is None:
            return False
        return self.scanned_ns - self.modified_ns > 2_000_000_000


@dataclass(frozen=True)
class Row:
    """One finished file: its place in the input, its score and, on request, its picture.

    ``known_key`` is set instead of a score when this content has or gets a score elsewhere in the
    scan; ``known_at`` is the offset of its line when size and time of the file are unchanged.
    A ``skipped`` row was held already; a ``quarantined`` one was left out for an earlier error.
    """

    index: int
    score: Score
    picture: Picture | None = None
    known_key: int | None = None
    skipped: bool = False
    facts: FileFacts | None = None
    known_at: int | None = None
    quarantined: bool = False
