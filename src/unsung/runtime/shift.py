# SPDX-License-Identifier: MIT
"""Finds a decoder's lines on a stretched frequency axis: sound that was sped up or pitched.

A change of speed multiplies every frequency by one factor. On a logarithmic axis that is a shift,
so one correlation by FFT scores a linear template at all factors at once (a matched filter with
unknown scale: Casasent and Psaltis, "Position, rotation, and scale invariant optical correlation",
Applied Optics 1976). The score of a factor is the template's sum there less half of its mean over
the factors nearby: a comb fits in one narrow place, a key or a loudness does not.

Units: logits, natural logarithm of the factor. Not for sound whose lines are gone: stretching that
locks the phases of weak components to strong ones leaves nothing to find.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.ndimage
from numpy.typing import NDArray

from unsung.errors import UsageError
from unsung.types import FloatArray, Record

__all__ = ["Join", "ShiftSearch"]

Floats = float | NDArray[np.float64]

STEP = 1e-4
"""Step of the axis in ln(Hz): 0.8 Hz at 8 kHz, less than a bin of the finest front end."""

REACH = 0.08
"""Largest shift either way: 8 %, about 1.4 semitones."""

HOLE = 0.0024
"""Shifts smaller than this are the unshifted template's own place."""

NEARBY = 0.0102
"""Width of the mean that half of is taken off: a few times the width of one fit at 8 kHz."""


WIDTH = round(NEARBY / STEP) | 1


@dataclass(frozen=True)
class Join(Record):
    """How several scores become one logit: each is read against human recordings.

    ``limit`` is a high quantile of a score over human recordings, ``spread`` the way to it from a
    lower one; the joint logit is the soft maximum of all scores in units of the linear one, which
    it leaves untouched where the others say little. ``shift`` is the score of the lines at their
    best shift, which counts from ``from_s`` seconds heard on (a short sound fits too many shifts by
    chance), ``copies`` that of a second linear model (None in bundles without one).
    """

    linear_limit: float
    linear_spread: float
    shift_limit: float
    shift_spread: float
    sharpness: float = 3.0
    from_s: float = 0.0
    copies_limit: float | None = None
    copies_spread: float = 1.0

    def __call__(
        self, linear: Floats, shift: Floats | None = None, copies: Floats | None = None
    ) -> NDArray[np.float64]:
        """Return the joint logit; a score that is left out says nothing.

        Shape: each ``[track]`` → ``[track]``.
        """
        unit = self.linear_spread / self.sharpness
        joint = np.asarray(linear / unit, np.float64)
        if shift is not None:
            joint = np.logaddexp(joint, self._alike(shift) / unit)
        if copies is not None and self.copies_limit is not None:
            joint = np.logaddexp(joint, self._alike_copies(copies) / unit)
        return np.asarray(unit * joint, np.float64)

    def _alike_copies(self, copies: Floats) -> Floats:
        """Return the second model's score in units of the linear one."""
        limit = np.inf if self.copies_limit is None else self.copies_limit
        return self.linear_limit + (copies - limit) / self.copies_spread * self.linear_spread

    def favours_shift(self, linear: float, shift: float) -> bool:
        """Say whether shifted lines weigh more than those in place and than in human music."""
        return bool(self._alike(shift) > max(linear, self.linear_limit))

    def _alike(self, shift: Floats) -> Floats:
        """Return the shift's score in units of the linear one."""
        moved = (shift - self.shift_limit) / self.shift_spread * self.linear_spread
        return self.linear_limit + moved


class ShiftSearch:
    """A linear template over averaged residual spectra, scored at every shift.

    Args:
        freqs_hz: axis of each front end, evenly spaced. Shape: each ``[freq]``.
        weights: the template. Shape: each ``[channel, freq]``.
        means: pictures of no evidence, subtracted first. Shape: each ``[channel, freq]``.

    Attributes:
        shifts: ln of the factors that are tried; ``away`` marks those that are no place of the
            unshifted template, ``reach`` is how many lie on either side of zero.
        places: where the points of the logarithmic axis lie on each front end's axis.
        density: axis steps for each bin, the weight of a point.
        spectra: conjugate spectra of the template over ``size`` points; with these another engine
            can do the same correlation.

    Raises:
        UsageError: the shapes do not fit, or the band is too narrow to shift in.
    """

    def __init__(
        self,
        freqs_hz: Sequence[NDArray[np.float64]],
        weights: Sequence[FloatArray],
        means: Sequence[FloatArray],
    ) -> None:
        for axis, weight, mean in zip(freqs_hz, weights, means, strict=True):
            if weight.shape != mean.shape or weight.shape[-1] != len(axis):
                raise UsageError(
                    f"shift search: expected weights and means [channel, {len(axis)}], got "
                    f"{weight.shape} and {mean.shape}"
                )
        low = max(float(axis[0]) for axis in freqs_hz)
        high = min(float(axis[-1]) for axis in freqs_hz)
        if high < low * np.exp(4 * REACH):
            raise UsageError(f"shift search: a band from {low:g} to {high:g} Hz is too narrow")
        grid = np.exp(np.arange(np.log(low), np.log(high), STEP))
        self.reach = round(REACH / STEP)
        self.size: int = scipy.fft.next_fast_len(len(grid) + self.reach, real=True)
        self.weights = [np.asarray(weight, np.float32) for weight in weights]
        self.means = [np.asarray(mean, np.float32) for mean in means]
        self.places = [_places(axis, grid) for axis in freqs_hz]
        self.spectra = [
            scipy.fft.rfft(_read(weight, place), self.size).conj()
            for weight, place in zip(self.weights, self.places, strict=True)
        ]
        self.density = [(grid * STEP / (axis[1] - axis[0])).astype(np.float32) for axis in freqs_hz]
        self.shifts = np.arange(-self.reach, self.reach + 1) * STEP
        self.away = np.abs(self.shifts) > HOLE

    def curve(self, pictures: Sequence[FloatArray]) -> NDArray[np.float64]:
        """Return the template's sum at every shift of `shifts`.

        The template's channels are the pictures' first; it says nothing of further ones.

        Shape: pictures each ``[channel, freq]`` → ``[shift]``.
        """
        total = np.zeros(self.size // 2 + 1, np.complex128)
        for picture, mean, place, density, template in zip(
            pictures, self.means, self.places, self.density, self.spectra, strict=True
        ):
            own = picture[: len(mean)] - mean
            moved = scipy.fft.rfft(_read(own, place) * density, self.size)
            total += (moved * template).sum(axis=0)
        sums = scipy.fft.irfft(total, self.size)
        return np.concatenate([sums[-self.reach :], sums[: self.reach + 1]])

    def best(self, pictures: Sequence[FloatArray]) -> tuple[float, float]:
        """Return ``(score, shift)`` of the shift that fits best away from zero.

        A shift of +0.0583 means frequencies 6 % higher than the decoder left them.
        """
        curve = self.curve(pictures)
        score = curve - 0.5 * scipy.ndimage.uniform_filter1d(curve, WIDTH, mode="nearest")
        index = int(np.flatnonzero(self.away)[score[self.away].argmax()])
        return float(score[index]), float(self.shifts[index])


def _places(
    axis: NDArray[np.float64], grid: NDArray[np.float64]
) -> tuple[NDArray[np.intp], FloatArray]:
    """Return where a grid's points lie on an even axis: lower bin and share of the next."""
    place = (grid - axis[0]) / (axis[1] - axis[0])
    lower = np.clip(np.floor(place).astype(np.intp), 0, len(axis) - 2)
    return lower, (place - lower).astype(np.float32)


def _read(values: FloatArray, place: tuple[NDArray[np.intp], FloatArray]) -> FloatArray:
    """Interpolate linearly on the axis. Shape: ``[channel, freq]`` → ``[channel, grid]``."""
    lower, share = place
    read: FloatArray = values[..., lower] * (1 - share) + values[..., lower + 1] * share
    return read
