# SPDX-License-Identifier: MIT
"""A coarse grid of bands × segments over a clip, whose cells are switched off one by one.

Methods that only ask for scores cannot switch a million cells: they switch the cells of this grid.
A cell's relevance is spread evenly over what it covers. Hz, seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UsageError
from unsung.explainers._subject import Subject
from unsung.types import FloatArray

__all__ = ["Grid"]

BATCH_CELLS = 3_000_000

Cells = NDArray[np.intp]


class Grid:
    """Bands of equal width × segments of equal length.

    Args:
        subject: the clip.
        bands: over the whole frequency axis.
        segment_s: length of a segment; the last may be shorter.
        baseline: what a switched-off cell holds.
    """

    def __init__(self, subject: Subject, bands: int, segment_s: float, baseline: str) -> None:
        if bands < 1 or segment_s <= 0:
            raise UsageError(
                f"expected at least one band and segments above 0 s, got {bands} and {segment_s:g}"
            )
        self.subject = subject
        planes = subject.planes
        self._low = min(float(p.freqs_hz[0]) for p in planes)
        self._width = max(float(p.freqs_hz[-1]) for p in planes) - self._low
        self._start = min(float(p.times_s[0]) for p in planes)
        self._length = max(float(p.times_s[-1]) for p in planes) - self._start
        self.bands = bands
        self.segments = max(1, round(self._length / segment_s))
        self.nothing = subject.baseline(baseline)
        self._cells = [self.cells(p.freqs_hz, p.times_s) for p in planes]

    def cells(self, freqs_hz: NDArray[np.float64], times_s: NDArray[np.float64]) -> Cells:
        """Return the number of the cell at each place. Shape: → ``[freq, frame]``."""
        band = (freqs_hz - self._low) / max(self._width, 1e-9) * self.bands
        segment = (times_s - self._start) / max(self._length, 1e-9) * self.segments
        rows = np.clip(band.astype(np.intp), 0, self.bands - 1)
        columns = np.clip(segment.astype(np.intp), 0, self.segments - 1)
        return np.asarray(rows[:, None] * self.segments + columns[None], np.intp)

    @property
    def count(self) -> int:
        """Number of cells."""
        return self.bands * self.segments

    @property
    def baseline_logit(self) -> float:
        """Logit with every cell switched off."""
        return float(self.scores(np.zeros((1, self.count), bool))[0])

    def scores(self, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return logits with only some cells left. Shape: ``[batch, cell]`` → ``[batch]``."""
        kept = np.asarray(kept, bool)
        size = sum(p.values.size for p in self.subject.planes)
        step = max(1, BATCH_CELLS // size)
        found = [
            self.subject.scores(list(self._pictures(kept[first : first + step])))
            for first in range(0, len(kept), step)
        ]
        return np.concatenate(found)

    def _pictures(self, kept: NDArray[np.bool_]) -> Iterator[FloatArray]:
        parts = zip(self.subject.planes, self.nothing, self._cells, strict=True)
        for plane, nothing, cells in parts:
            mask = kept[:, cells][:, None]  # [batch, 1, freq, frame]
            yield np.where(mask, plane.values[None], nothing[None])

    def spread(self, values: NDArray[np.floating]) -> Sequence[FloatArray]:
        """Spread each cell's relevance evenly over its places. Shape: ``[cell]`` → planes."""
        counts = np.zeros(self.count)
        for plane, cells in zip(self.subject.planes, self._cells, strict=True):
            counts += plane.values.shape[0] * np.bincount(cells.ravel(), minlength=self.count)
        density = np.asarray(values, np.float64) / np.maximum(counts, 1)
        return [
            np.repeat(density[cells][None], plane.values.shape[0], 0).astype(np.float32)
            for plane, cells in zip(self.subject.planes, self._cells, strict=True)
        ]
