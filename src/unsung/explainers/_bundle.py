# SPDX-License-Identifier: MIT
"""A packaged detector as a subject: every frame's residual, on which the logit is a plain sum.

The bundle averages frames, and pairs of neighbouring frames, over a window and divides by the
deviation over frequency. With each window's deviation and each bin's mean phase step held at their
values, the logit is linear in single frames and pairs: that gives relevance in time as well, exact
to rounding. (Held as AttnLRP holds the deviation inside a layer norm. What changes when the sound
changes is measured on the sound: see `_counterfactual`.)
No torch needed. Deviations of a residual spectrum, logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unsung.audio.mixing import heard
from unsung.audio.resample import resample
from unsung.errors import EmptyAudio, SilentAudio, UsageError
from unsung.explainers._subject import Plane, Subject
from unsung.frontends.residual_spectrum import SPREAD_FLOOR, ResidualSpectrum, Rows, Statistic
from unsung.runtime.bundle import Bundle
from unsung.types import Clip, FloatArray

if TYPE_CHECKING:
    import torch

__all__ = ["LinearSubject", "subject_of_bundle"]


class LinearSubject(Subject):
    """``logit = base + sum(weight · (value − mean))`` over the cells of all planes.

    Shape: weights like the planes' values.
    """

    def __init__(
        self, planes: Sequence[Plane], weights: Sequence[FloatArray], base: float, name: str
    ) -> None:
        self.weights, self.base = tuple(weights), base
        self._offset = base - sum(
            float((w * p.mean).sum(dtype=np.float64)) for w, p in zip(weights, planes, strict=True)
        )
        super().__init__(planes, name)

    def scores(self, batch: Sequence[FloatArray]) -> NDArray[np.float64]:
        """See `Subject`."""
        total = np.full(len(batch[0]), self._offset)
        for weight, values in zip(self.weights, batch, strict=True):
            flat = np.asarray(values, np.float32).reshape(len(values), -1)
            total += flat @ weight.reshape(-1)
        return total

    def exact(self, baseline: str = "silence") -> tuple[list[FloatArray], float]:
        """See `Subject`."""
        nothing = self.baseline(baseline)
        parts = zip(self.weights, self.planes, nothing, strict=True)
        relevance = [weight * (plane.values - none) for weight, plane, none in parts]
        return relevance, float(self.scores([none[None] for none in nothing])[0])

    def randomised(self, seed: int = 0) -> LinearSubject:
        """See `Subject`."""
        rng = np.random.default_rng(seed)
        shuffled = []
        for weight in self.weights:
            # Rows go, the share of each frame stays: it is arithmetic, not something learned.
            order = rng.permutation(weight.shape[1])
            shuffled.append(np.ascontiguousarray(weight[:, order]))
        return LinearSubject(self.planes, shuffled, self.base, self.name)

    def network(self) -> torch.nn.Module:
        """See `Subject`."""
        from unsung.explainers._torch import LinearNetwork

        return LinearNetwork(self.weights, self._offset)


def subject_of_bundle(bundle: Bundle, clip: Clip, reference: Clip | None = None) -> LinearSubject:
    """Return a clip before a packaged detector, with the frames and windows of a scan.

    Args:
        bundle: the detector.
        clip: the sound, any rate and channel count.
        reference: a human recording for the baseline "human".

    Raises:
        UsageError: the bundle holds a network that judges windows, not averaged spectra.
        EmptyAudio: the clip has no samples.
        SilentAudio: no frame is louder than -90 dB re full scale.
    """
    if not bundle.front_ends:
        raise UsageError(
            f"{bundle.name}: expected a bundle that averages spectra, this one holds a network; "
            "explain the checkpoint that it was exported from (best.pt in its run folder)"
        )
    rate = bundle.sample_rate_hz
    signal = _signal(clip, rate)
    size = round(bundle.window_s * rate)
    measured = [_frames(f, signal, size) for f in bundle.front_ends]
    shares = _shares(measured[int(bundle.info["reference"])])
    planes, weights = [], []
    human = None if reference is None else _signal(reference, rate)
    parts = zip(
        bundle.front_ends, measured, bundle.linear.weights, bundle.linear.means, strict=True
    )
    for front_end, windows, weight, mean in parts:
        others = None if human is None else _frames(front_end, human, size)
        step = len(front_end.widths)
        for number, statistic in enumerate(front_end.statistics):
            own = slice(number * step, (number + 1) * step)
            source = _Source(front_end, statistic, mean[own])
            plane, coefficient = source.plane(windows, shares, clip.start_s)
            if others is not None:
                plane = source.with_human(plane, others)
            planes.append(plane)
            weights.append(weight[own, :, None] * coefficient)
    base = bundle.linear.baseline + _variation(bundle, signal)
    return LinearSubject(planes, weights, base, bundle.name)


def _variation(bundle: Bundle, signal: FloatArray) -> float:
    """Return what the bins' deviations over the clip's windows add, held like the deviations."""
    if bundle.variation is None:
        return 0.0
    analyzer = bundle.analyzer(bundle.sample_rate_hz)
    analyzer.push(signal)
    return analyzer.finish().variation


@dataclass(frozen=True)
class _Window:
    """The frames and pairs of one window; ``begin`` is its first frame's first sample."""

    rows: Rows
    begin: int
    covered: float


def _signal(clip: Clip, rate_hz: int) -> FloatArray:
    if not clip.samples.size:
        raise EmptyAudio(f"clip '{clip.track_id}' has no samples; nothing can be explained")
    return np.asarray(resample(heard(clip), clip.sample_rate_hz, rate_hz), np.float32)


def _frames(front_end: ResidualSpectrum, signal: FloatArray, size: int) -> list[_Window]:
    """Cut as a scan does: a rest shorter than half a window joins the last whole one."""
    windows, first = [], 0
    while first < len(signal):
        left = len(signal) - first
        length = size if left >= 1.5 * size else left
        windows.append(_window(front_end, signal, first, length))
        first += length
    return windows


def _window(front_end: ResidualSpectrum, signal: FloatArray, first: int, length: int) -> _Window:
    hop, n_fft = front_end.hop, front_end.n_fft
    begin = -(-first // hop) * hop
    starts = range(begin, min(first + length, len(signal) - n_fft + 1), hop)
    if not starts:  # sound shorter than one frame, which the front end pads
        rows = front_end.rows(signal[first : first + length], hop)
        return _Window(rows, first, len(rows.places) * length)
    rows = front_end.rows(signal[begin : starts[-1] + n_fft], hop)
    return _Window(rows, begin, len(rows.places) / len(starts) * length)


def _shares(windows: list[_Window]) -> list[float]:
    """Return each window's share of the logit: the sound it holds."""
    total = sum(window.covered for window in windows)
    if not total:
        raise SilentAudio(
            "no frame is louder than -90 dB re full scale; choose a part of the song with sound"
        )
    return [window.covered / total for window in windows]


@dataclass(frozen=True)
class _Source:
    """One statistic of one front end. Shape: mean ``[width, freq]``."""

    front_end: ResidualSpectrum
    statistic: Statistic
    mean: FloatArray

    def plane(
        self, windows: list[_Window], shares: list[float], start_s: float
    ) -> tuple[Plane, FloatArray]:
        """Return the plane and each column's share of the logit ``[column]``."""
        values, coefficients, starts = [], [], []
        for window, share in zip(windows, shares, strict=True):
            if not len(window.rows.places):
                continue
            columns, places = self._columns(window.rows)
            spread = columns.mean(axis=0).std(axis=1) + SPREAD_FLOOR
            values.append(columns / spread[None, :, None])
            coefficients.append(np.full(len(columns), share / len(columns)))
            starts.append(window.begin + places * self.front_end.hop)
        stacked = np.moveaxis(np.concatenate(values), 0, 2).astype(np.float32)
        middles = np.concatenate(starts) + self.front_end.n_fft / 2
        plane = Plane(
            np.ascontiguousarray(stacked),  # [width, freq, column]
            self.front_end.freqs_hz,
            middles / self.front_end.sample_rate_hz + start_s,
            np.zeros_like(stacked),
            np.broadcast_to(self.mean[:, :, None], stacked.shape),
        )
        return plane, np.concatenate(coefficients).astype(np.float32)

    def with_human(self, plane: Plane, windows: list[_Window]) -> Plane:
        """Add the mean of a human recording."""
        other, coefficient = self.plane(windows, _shares(windows), 0.0)
        mean = (other.values * coefficient).sum(axis=2, keepdims=True)
        return replace(plane, human=np.broadcast_to(mean, plane.values.shape))

    def _columns(self, rows: Rows) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Return values whose mean is the statistic, and their places in frames.

        A pair stands half a frame before its later one; a window without any has one empty column.

        Shape: ``[column, width, freq]``, ``[column]``.
        """
        if self.statistic == "mean":
            return rows.level, rows.places.astype(np.float64)
        places = rows.places[rows.pairs] - 0.5
        if not len(places):
            return np.zeros((1, *rows.level.shape[1:]), np.float32), rows.places[:1] + 0.0
        if self.statistic == "persistence" or rows.cross is None:
            return rows.product, places
        mean = rows.cross.mean(axis=0)
        held = mean.conj() / np.maximum(np.abs(mean), 1e-12)
        return self.front_end.above((rows.cross * held).real), places
