# SPDX-License-Identifier: MIT
"""The smallest band or comb whose removal turns the verdict, measured on the changed sound.

The exact shares of a linear detector say which bins to try: those within a band, or at the lines of
a comb, that speak for the verdict. Shares hold each window's deviation fixed, so the answer is
never taken from them: the sound is changed, measured again as a scan would, and more is removed
until the verdict turns. "Removed" is levelled to the surroundings, not silenced: what goes is the
line, not the music around it. A control levels as many bins of the same band drawn at random.

A network hears more than lines, and no exact share of it is known: there whole bands are muted, the
narrowest first that holds a given part of the relevance; the control is a band as wide elsewhere.
Hz, logits.
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

__all__ = [
    "Counterfactual",
    "Judged",
    "best_comb",
    "counterfactual",
    "muted",
    "narrowest_band",
    "shortest_band",
    "without",
]

Array = NDArray[np.float64]
FURTHER = (1.1, 1.5, 2.1, 2.9, 4.0)
"""The removed share grows by these factors of the distance to the threshold until it suffices."""

LINE_HZ = 4.0
"""What is taken at each line of a comb: the main lobe of a second-long Hann window."""

SPACINGS_HZ = (30.0, 900.0)

SHARES = (0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
"""A band that holds so much of the relevance is tried, then the whole range."""

MUTED_DB = -60.0
CONTROL_TIMES = 10
"""The stretch that control bins are drawn from is at least this wide, relative to them."""

STEP_HZ = 25.0
"""Grid of bands: finer than any that is worth naming."""


@dataclass(frozen=True)
class Judged(Record):
    """One measured sound: its logit and verdict."""

    logit: float | None
    verdict: str
    covered_s: float | None = None


@dataclass(frozen=True)
class Counterfactual(Record):
    """What was removed, and the score before and after.

    Attributes:
        kind: a band, or lines at all multiples of ``spacing_hz`` within low and high.
        removed_hz: total width of what was levelled.
        control: as many bins of the same stretch, drawn at random, levelled instead; where bands
            are muted, one as wide elsewhere.
        tried: how many changed sounds were measured.
        how: "levelled" to the surroundings, or "muted".
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
    how: Literal["levelled", "muted"] = "levelled"


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


def narrowest_band(
    clip: Clip,
    freqs_hz: Array,
    relevance: Array,
    falls: bool,
    judge: Callable[[Clip], Judged],
) -> tuple[Counterfactual, ...]:
    """Return the narrowest band that was found whose muting turns the verdict; nothing if none.

    Args:
        clip: the sound.
        freqs_hz: axis of the relevance, even or not. Shape: ``[freq]``.
        relevance: what speaks for AI, in any unit. Shape: ``[freq]``.
        falls: whether the logit has to fall to turn the verdict.
        judge: measures a sound.
    """
    edges = np.arange(max(0.0, float(freqs_hz[0])), float(freqs_hz[-1]) + STEP_HZ, STEP_HZ)
    bounds = np.concatenate([[-np.inf], (freqs_hz[1:] + freqs_hz[:-1]) / 2, [np.inf]])
    row = np.clip(np.searchsorted(bounds, edges[:-1] + STEP_HZ / 2) - 1, 0, len(freqs_hz) - 1)
    signed = relevance if falls else -relevance
    gains = np.maximum(signed[row] / np.bincount(row, minlength=len(freqs_hz))[row], 0.0)
    before, tried, seen = judge(clip), 0, None
    whole = (0, len(gains))
    places = [shortest_band(gains, share * float(gains.sum())) for share in SHARES]
    for place in (*places, whole) if gains.any() else (whole,):
        if place is None or place == seen:
            continue
        seen, tried = place, tried + 1
        low, high = float(edges[place[0]]), float(edges[place[1]])
        after = judge(muted(clip, low, high))
        if after.verdict != before.verdict:
            other = _elsewhere(low, high, float(edges[0]), float(edges[-1]))
            control = judge(muted(clip, *other))
            return (
                Counterfactual(
                    "band", low, high, None, high - low, before, after, control, tried, "muted"
                ),
            )
    return ()


def _elsewhere(low: float, high: float, least: float, most: float) -> tuple[float, float]:
    """Return a band as wide, drawn by a fixed seed where it overlaps least."""
    width = high - low
    starts = np.random.default_rng(0).uniform(least, max(most - width, least), 64)
    overlap = np.maximum(0.0, np.minimum(starts + width, high) - np.maximum(starts, low))
    start = float(starts[int(overlap.argmin())])
    return start, start + width


def muted(clip: Clip, low_hz: float, high_hz: float) -> Clip:
    """Lower a band of a sound by 60 dB."""

    def change(spectrum: NDArray[np.complex64], hz: Array, _: Array) -> NDArray[np.complex64]:
        gain = np.where((hz >= low_hz) & (hz < high_hz), 10 ** (MUTED_DB / 20), 1.0)
        return (spectrum * gain[:, None]).astype(np.complex64)

    samples = reshaped(clip.samples, clip.sample_rate_hz, change, window_s=0.1)
    return replace(clip, samples=samples)


Candidate = tuple[NDArray[np.bool_], Literal["band", "comb"], float, float, float | None]


def _drawn(marked: NDArray[np.bool_], freqs: Array, low: float, high: float) -> NDArray[np.bool_]:
    """Return as many bins, drawn at random by a fixed seed from low to high and beside.

    A band that consists of little but marked bins is widened: the control must differ from it.
    """
    wanted = int(marked.sum())
    half = CONTROL_TIMES * wanted * float(freqs[1] - freqs[0]) / 2
    middle = (low + high) / 2
    low, high = min(low, middle - half), max(high, middle + half)
    inside = np.flatnonzero((freqs >= low) & (freqs <= high))
    out = np.zeros(len(marked), bool)
    out[np.random.default_rng(0).choice(inside, wanted, replace=False)] = True
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
