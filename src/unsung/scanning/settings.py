# SPDX-License-Identifier: MIT
"""What one scan is set to, what stamps its rows, and the row that a file becomes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unsung.errors import UsageError
from unsung.types import Picture, Score

__all__ = ["FALSE_ALARM_RATE", "PRIOR", "Row", "Settings", "Stamp"]

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

    def __post_init__(self) -> None:
        if not 0.0 < self.false_alarm_rate <= 0.5:
            raise UsageError(
                f"expected a false-alarm rate above 0 and up to 0.5, got {self.false_alarm_rate}; "
                f"try {FALSE_ALARM_RATE}"
            )
        if not 0.0 < self.prior < 1.0:
            raise UsageError(f"expected a prior above 0 and below 1, got {self.prior}; try {PRIOR}")


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

    def made(self, row: Mapping[str, Any]) -> bool:
        """Say whether a stored row was made under these settings and has its result."""
        return (
            row.get("error") is None
            and bool(row.get("sha256"))
            and row.get("detector") == self.detector
            and row.get("false_alarm_rate") == self.false_alarm_rate
            and row.get("prior") == self.prior
            and row.get("calibration") == self.calibration
        )


@dataclass(frozen=True)
class Row:
    """One finished file: its place in the input, its score and, on request, its picture.

    ``known_key`` is set instead of a score when the resume file already holds this content.
    """

    index: int
    score: Score
    picture: Picture | None = None
    known_key: int | None = None
    skipped: bool = False
