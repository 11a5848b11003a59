# SPDX-License-Identifier: MIT
"""Words that every output shares: times, addresses."""

from __future__ import annotations

import math

__all__ = ["clock", "is_url"]


def clock(seconds: float | None) -> str:
    """Return a time as ``m:ss`` or ``h:mm:ss``; a second counts once it is over.

    >>> clock(83.6), clock(3723), clock(None)
    ('1:23', '1:02:03', '–')
    """
    if seconds is None or not math.isfinite(seconds):
        return "–"
    minutes, rest = divmod(max(0, int(seconds + 1e-6)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def is_url(name: str) -> bool:
    """Say whether this is an http(s) address."""
    return name.lower().startswith(("http://", "https://"))
