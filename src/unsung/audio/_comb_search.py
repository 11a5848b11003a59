# SPDX-License-Identifier: MIT
"""Lays combs over a whitened spectrum: rank scores of any spacing and shift, by sub-band.

Every bin is replaced by its rank within its sub-band, so that one tall line weighs no more than a
low one that is still the highest around; a comb's score is the mean rank at its teeth in deviations
of chance (Mann and Whitney 1947). Units: Hz. When not to use: on a spectrum that is not whitened;
ranks of a slope are no evidence.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.stats
from numpy.typing import NDArray

__all__ = ["SUB_BANDS", "RankedBand"]

Floats = NDArray[np.float64]

SUB_BANDS = 6
_CAP = 3.0
"""Most deviations that one sub-band may add: partials of a note fill the lowest ones only."""


class RankedBand:
    """Ranks of the bins of a band, by sub-band, and the scores of combs laid over them."""

    def __init__(self, values: Floats, hz: Floats, step: float) -> None:
        self.values, self.hz, self.step = values, hz, step
        edges = np.linspace(0, len(values), SUB_BANDS + 1).round().astype(int)
        self.limits_hz = hz[0] + (edges - 0.5) * step
        parts = np.split(values, edges[1:-1])
        ranks = [(scipy.stats.rankdata(part) - 0.5) / len(part) - 0.5 for part in parts]
        self.scores_of_bins = np.concatenate(ranks) * math.sqrt(12)  # mean 0, deviation 1

    def scores(self, spacings: Floats, shift: float) -> tuple[Floats, Floats]:
        """Return capped and plain deviations above chance. Shape: ``[spacing]`` both."""
        # Number of each spacing's first tooth in every sub-band. Shape: [spacing, sub-band + 1]
        limits = self.limits_hz / spacings[:, None] - shift
        first = np.ceil(limits).astype(np.int64)
        number = np.diff(first, axis=1)
        counts = number.sum(axis=1)
        ends = np.cumsum(counts)
        tooth = np.arange(int(ends[-1])) - np.repeat(ends - counts - first[:, 0], counts)
        exact = (tooth + shift) * np.repeat(spacings, counts) - self.hz[0]
        bins = np.rint(exact / self.step).astype(np.int64)
        running = np.concatenate([[0.0], np.cumsum(self.scores_of_bins[bins])])
        at = (ends - counts)[:, None] + first - first[:, :1]
        total = np.diff(running[at], axis=1)
        deviation = total / np.sqrt(np.maximum(number, 1))
        used = np.maximum((number > 0).sum(axis=1), 1)
        capped = np.minimum(deviation, _CAP).sum(axis=1) / np.sqrt(used)
        return capped, total.sum(axis=1) / np.sqrt(np.maximum(counts, 1))

    def offset(self, spacing: float) -> float:
        """Return where within half a spacing of 0 Hz the teeth stand highest."""
        steps = max(2, math.ceil(spacing / self.step))
        shifts = np.arange(-(steps // 2), (steps + 1) // 2) / steps
        plain = [self.scores(np.array([spacing]), float(shift))[1][0] for shift in shifts]
        return float(shifts[int(np.argmax(plain))] * spacing)

    def count(self, spacing: float) -> int:
        """Return how many teeth the band holds."""
        first = math.ceil(float(self.hz[0]) / spacing)
        return math.floor(float(self.hz[-1]) / spacing) - first + 1
