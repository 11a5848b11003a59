# SPDX-License-Identifier: MIT
"""The smallest band or comb whose removal turns the verdict, measured on the changed sound.

The exact shares of a linear detector say which bins to try: those within a band, or at the lines of
a comb, that speak for the verdict. Shares hold each window's deviation fixed, so the answer is
never taken from them: the sound is changed, measured again as a scan would, and more is removed
until the verdict turns. "Removed" is levelled to the surroundings, not silenced: what goes is the
line, not the music around it. A control levels as many bins of the same band drawn at random. Hz,
logits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unsung.explainers._spectra import levelled, reshaped
from unsung.types import Clip, FloatArray, Record

__all__ = ["Counterfactual", "Judged", "best_comb", "counterfactual", "shortest_band", "without"]

Array = NDArray[np.float64]
FURTHER = (1.1, 1.5, 2.1, 2.9, 4.0)
"""The removed share grows by these factors of the distance to the threshold until it suffices."""

LINE_HZ = 4.0
"""What is taken at each line of a comb: the main lobe of a second-long Hann window."""

SPACINGS_HZ = (30.0, 900.0)


@dataclass(frozen=True)
class Judged(Record):
    """One measured sound: its logit and verdict."""

    logit: float | None
    verdict: str


@dataclass(frozen=True)
class Counterfactual(Record):
    """What was removed, and the score before and after.

    Attributes:
        kind: a band, or lines at all multiples of ``spacing_hz`` within low and high.
        removed_hz: total width of what was levelled.
        control: as many bins of the same stretch, drawn at random, levelled instead.
        tried: how many changed sounds were measured.
    """

    kind: Literal["band", "comb"]
    low_hz: float
    high_hz: float
    spacing_hz: float | None
    removed_hz: float
    before: Judged
    after: Judged
    control: Judged
    tried: int


def counterfactual(
    clip: Clip,
    freqs_hz: Array,
    removal: Array,
    distance: float,
    judge: Callable[[Clip], Judged],
) -> tuple[Counterfactual, ...]:
    """Return the smallest band and comb whose removal turns the verdict, narrowest first.

    Args:
        clip: the sound.
        freqs_hz: axis of the removal. Shape: ``[freq]``.
        removal: what the logit is expected to gain when a bin's line goes. Shape: ``[freq]``.
        distance: gain that the nearest threshold asks for (negative: the logit must fall).
        judge: measures a sound as a scan does.
    """
    before = judge(clip)
    gains = np.maximum(removal if distance >= 0 else -removal, 0.0)
    found = []
    for search in (_bands, _combs):
        for tried, candidate in enumerate(search(freqs_hz, gains, abs(distance)), start=1):
            stretch, kind, low, high, spacing = candidate
            marked = stretch & (gains > 0)
            after = judge(without(clip, freqs_hz, marked))
            if after.verdict != before.verdict:
                control = judge(without(clip, freqs_hz, _drawn(marked, freqs_hz, low, high)))
                width = float(marked.sum() * (freqs_hz[1] - freqs_hz[0]))
                judged = (before, after, control)
                found.append(Counterfactual(kind, low, high, spacing, width, *judged, tried))
                break
    return tuple(sorted(found, key=lambda c: c.removed_hz))


Candidate = tuple[NDArray[np.bool_], Literal["band", "comb"], float, float, float | None]


def _drawn(marked: NDArray[np.bool_], freqs: Array, low: float, high: float) -> NDArray[np.bool_]:
    """Return as many bins between low and high, drawn at random by a fixed seed."""
    inside = np.flatnonzero((freqs >= low) & (freqs <= high))
    out = np.zeros(len(marked), bool)
    out[np.random.default_rng(0).choice(inside, int(marked.sum()), replace=False)] = True
    return out


def without(clip: Clip, freqs_hz: Array, marked: NDArray[np.bool_]) -> Clip:
    """Level the marked bins of a sound. Shape: freqs_hz, marked ``[freq]``."""
    half = float(freqs_hz[1] - freqs_hz[0]) / 2

    def change(spectrum: NDArray[np.complex64], hz: Array, _: Array) -> NDArray[np.complex64]:
        rows = np.clip(np.searchsorted(freqs_hz + half, hz), 0, len(freqs_hz) - 1)
        inside = (hz >= freqs_hz[0] - half) & (hz <= freqs_hz[-1] + half)
        # A bin of the spectrum between two marked ones is marked as well.
        near = marked[rows] | marked[np.maximum(rows - 1, 0)] & (np.diff(hz, prepend=0) > 2 * half)
        return levelled(spectrum, hz, near & inside)

    samples = reshaped(clip.samples, clip.sample_rate_hz, change)
    return replace(clip, samples=samples)


def _bands(freqs: Array, gains: Array, distance: float) -> Iterator[Candidate]:
    seen = None
    for factor in FURTHER:
        place = shortest_band(gains, factor * distance)
        if place is None:
            break
        if place != seen:
            marked = np.zeros(len(freqs), bool)
            marked[place[0] : place[1]] = True
            yield marked, "band", float(freqs[place[0]]), float(freqs[place[1] - 1]), None
        seen = place
    yield np.ones(len(freqs), bool), "band", float(freqs[0]), float(freqs[-1]), None


def shortest_band(gains: Array, wanted: float) -> tuple[int, int] | None:
    """Return the shortest run of bins, as (first, behind the last), that gains enough, or None.

    Shape: ``[freq]``. Linear time: a start is given up once a later one has a smaller sum before
    it.
    """
    sums = np.concatenate([[0.0], np.cumsum(gains)])
    best: tuple[int, int] | None = None
    starts: deque[int] = deque()
    for end, total in enumerate(sums):
        while starts and total - sums[starts[0]] >= wanted:
            first = starts.popleft()
            if best is None or end - first < best[1] - best[0]:
                best = (first, end)
        while starts and sums[starts[-1]] >= total:
            starts.pop()
        starts.append(end)
    return best


def _combs(freqs: Array, gains: Array, distance: float) -> Iterator[Candidate]:
    seen = None
    for factor in FURTHER:
        found = best_comb(freqs, gains, factor * distance)
        if found is None:
            return
        spacing, marked = found
        if spacing != seen:
            yield marked, "comb", float(freqs[0]), float(freqs[-1]), round(spacing, 3)
        seen = spacing


def best_comb(freqs: Array, gains: Array, wanted: float) -> tuple[float, NDArray[np.bool_]] | None:
    """Return the comb of fewest lines that gains enough: spacing in Hz and marked bins, or None.

    Shape: freqs, gains ``[freq]``.
    """
    step = float(freqs[1] - freqs[0])
    half = max(1, round(LINE_HZ / 2 / step))
    sums = np.concatenate([[0.0], np.cumsum(gains)])
    # Spacings so close that the last line moves by one bin from one to the next.
    count = int(np.log(SPACINGS_HZ[1] / SPACINGS_HZ[0]) * freqs[-1] / step)
    for spacing in SPACINGS_HZ[1] * np.exp(-np.arange(count) * step / freqs[-1]):
        middles = _lines(freqs, float(spacing), step)
        first = np.maximum(middles - half, 0)
        last = np.minimum(middles + half + 1, len(freqs))
        if float((sums[last] - sums[first]).sum()) >= wanted:
            marked = np.zeros(len(freqs), bool)
            for a, b in zip(first, last, strict=True):
                marked[a:b] = True
            return float(spacing), marked
    return None


def _lines(freqs: Array, spacing: float, step: float) -> NDArray[np.intp]:
    orders = np.arange(np.ceil(freqs[0] / spacing), np.floor(freqs[-1] / spacing) + 1)
    return np.asarray(np.round((orders * spacing - freqs[0]) / step), np.intp)


def removal_gains(weights: list[FloatArray], values: list[FloatArray]) -> list[FloatArray]:
    """Return what each cell's logit share changes by when its residual goes to zero."""
    return [-w * v for w, v in zip(weights, values, strict=True)]
