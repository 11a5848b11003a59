# SPDX-License-Identifier: MIT
"""Looks for a comb in a track's averaged residual; about 0.1 s, so only where it is worth it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from unsung.audio.combs import DECODERS, Candidate, CombEstimate, estimate
from unsung.errors import UsageError
from unsung.types import Comb, Evidence, FloatArray

__all__ = ["LIMIT", "comb_of", "with_comb"]

MOST_CANDIDATES = 4

LIMIT = 1e-4
"""p-value up to which a comb is told. Of human excerpts one in fifty reaches it, of whole human
tracks, whose sequenced notes repeat at even distances, one in seven (results/attribution.md): so
combs are told only of tracks called AI and in reports."""

SEEN_HZ = (25.0,)
"""Spacings without a published decoder: half of the Suno recordings at hand have this one."""

FREE_HZ = (40.0, 1200.0)
"""Below 40 Hz the free search finds the clocks of sequenced music more often than decoders."""


def comb_of(residual: FloatArray, freqs_hz: NDArray[np.float64]) -> Comb | None:
    """Return the comb that stands out of a residual, or None.

    The spacings of known decoders come first: the fewer are tried, the more a fit says.

    Shape: ``[freq]``, ``[freq]``.
    """
    known = sorted({round(decoder.spacing_hz, 4) for decoder in DECODERS} | set(SEEN_HZ))
    try:
        found = estimate(residual, freqs_hz, only=known, limit=LIMIT)
        if found.spacing_hz is None:
            found = estimate(residual, freqs_hz, spacings_hz=FREE_HZ, limit=LIMIT)
    except UsageError:
        return None  # a front end with too coarse or too narrow an axis shows no comb
    return _record(found)


def _record(found: CombEstimate) -> Comb | None:
    if found.spacing_hz is None:
        return None
    words = tuple(_words(candidate) for candidate in found.candidates[:MOST_CANDIDATES])
    return Comb(round(found.spacing_hz, 3), found.p_value, round(found.strength, 4), words)


def with_comb(evidence: Evidence, residual: FloatArray, freqs_hz: NDArray[np.float64]) -> Evidence:
    """Return evidence that also tells the comb, in figures and in words."""
    comb = comb_of(residual, freqs_hz)
    if comb is None:
        return evidence
    line = f"lines stand at every multiple of {comb.spacing_hz:.2f} Hz (p {comb.p_value:.1g})"
    if comb.explained_by:
        line += f", as {comb.explained_by[0]} would leave them"
    return replace(evidence, words=(*evidence.words, line), comb=comb, comb_hz=comb.spacing_hz)


def _words(candidate: Candidate) -> str:
    text = f"{candidate.sample_rate_hz / 1000:g} kHz, stride {candidate.stride}"
    return f"{text} ({', '.join(candidate.decoders)})" if candidate.decoders else text
