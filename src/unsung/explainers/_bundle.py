# SPDX-License-Identifier: MIT
"""A packaged detector as a subject: every frame's residual, on which the logit is a plain sum.

The bundle averages frames over a window and divides by the deviation over frequency. With each
window's deviation held at its value, the logit is linear in the residuals of single frames: that
gives relevance in time as well, exact to rounding. (Held as AttnLRP holds the deviation inside a
layer norm. What changes when the sound changes is measured on the sound: see `_counterfactual`.)
No torch needed. Deviations of a residual spectrum, logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unsung.audio.resample import resample
from unsung.errors import EmptyAudio, SilentAudio
from unsung.explainers._subject import Plane, Subject
from unsung.frontends.residual_spectrum import SPREAD_FLOOR, ResidualSpectrum
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

    def exact(self) -> tuple[list[FloatArray], float]:
        """See `Subject`."""
        pairs = zip(self.weights, self.planes, strict=True)
        return [weight * (plane.values - plane.mean) for weight, plane in pairs], self.base

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
        EmptyAudio: the clip has no samples.
        SilentAudio: no frame is louder than -90 dB re full scale.
    """
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
        plane, coefficient = _plane(front_end, windows, shares, mean, clip.start_s)
        if human is not None:
            plane = _with_human(plane, front_end, human, size)
        planes.append(plane)
        weights.append(weight[:, :, None] * coefficient)
    return LinearSubject(planes, weights, bundle.linear.baseline, bundle.name)


@dataclass(frozen=True)
class _Window:
    """The frames of one window. Shape: residuals in dB ``[frame, width, freq]``, active only."""

    residuals: FloatArray
    starts: NDArray[np.int64]
    covered: float


def _signal(clip: Clip, rate_hz: int) -> FloatArray:
    if not clip.samples.size:
        raise EmptyAudio(f"clip '{clip.track_id}' has no samples; nothing can be explained")
    return np.asarray(resample(clip.mono(), clip.sample_rate_hz, rate_hz), np.float32)


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
    starts = list(range(begin, min(first + length, len(signal) - n_fft + 1), hop)) or [first]
    rows, kept = [], []
    for start in starts:
        end = start + n_fft if start + n_fft <= len(signal) else first + length
        total, count = front_end.accumulate(signal[start:end], hop)
        if count:
            rows.append(total)
            kept.append(start)
    shape = (len(rows), len(front_end.widths), len(front_end.freqs_hz))
    covered = len(rows) / len(starts) * length
    return _Window(np.array(rows, np.float32).reshape(shape), np.array(kept, np.int64), covered)


def _shares(windows: list[_Window]) -> list[float]:
    """Return each window's share of the logit: the sound it holds."""
    total = sum(window.covered for window in windows)
    if not total:
        raise SilentAudio(
            "no frame is louder than -90 dB re full scale; choose a part of the song with sound"
        )
    return [window.covered / total for window in windows]


def _plane(
    front_end: ResidualSpectrum,
    windows: list[_Window],
    shares: list[float],
    mean: FloatArray,
    start_s: float,
) -> tuple[Plane, FloatArray]:
    """Return the plane and each frame's share of the logit ``[frame]``."""
    values, coefficients, starts = [], [], []
    for window, share in zip(windows, shares, strict=True):
        count = len(window.starts)
        if not count:
            continue
        spread = window.residuals.mean(axis=0).std(axis=1) + SPREAD_FLOOR
        values.append(window.residuals / spread[None, :, None])
        coefficients.append(np.full(count, share / count))
        starts.append(window.starts)
    stacked = np.moveaxis(np.concatenate(values), 0, 2)  # [width, freq, frame]
    middles = (np.concatenate(starts) + front_end.n_fft / 2) / front_end.sample_rate_hz + start_s
    plane = Plane(
        np.ascontiguousarray(stacked),
        front_end.freqs_hz,
        middles,
        np.zeros_like(stacked),
        np.broadcast_to(mean[:, :, None], stacked.shape),
    )
    return plane, np.concatenate(coefficients).astype(np.float32)


def _with_human(plane: Plane, front_end: ResidualSpectrum, signal: FloatArray, size: int) -> Plane:
    windows = _frames(front_end, signal, size)
    other, coefficient = _plane(front_end, windows, _shares(windows), plane.mean[:, :, 0], 0.0)
    mean = (other.values * coefficient).sum(axis=2, keepdims=True)
    return replace(plane, human=np.broadcast_to(mean, plane.values.shape))
