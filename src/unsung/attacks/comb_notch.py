# SPDX-License-Identifier: MIT
"""The forger's attack on detectors of decoder lines: finds steady narrow peaks and lowers them.

Source: our own, aimed at residual-spectrum detectors. Over frames of two seconds the residual
(spectrum in dB minus its running mean over 21 bins) is averaged; what stands out of it by three
robust deviations counts as a line. Held notes do so too, but lines are faint: the faintest are
taken first, until together they carry a thousandth of the clip's energy. In every frame a line's
bins are lowered by at most the strength, and never below the median of their neighbours, so that
music at the same place stays. Unit: dB, the depth of the notches. When not to use: on less than
about eight seconds, where notes are as steady as lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy import ndimage

from unsung.attacks.base import Attack
from unsung.types import FloatArray

__all__ = ["CombNotch"]

_OVERLAP, _AROUND, _GUARD = 4, 10, 2  # bins beside a line; bins of its own on each side (Hann)
_DEVIATIONS = 3.0  # one bin of noise in 700 passes, and loses nothing but its height
_LOWEST_DB = 1.0
_SHORTEST = 64  # samples of a frame


class CombNotch(Attack):
    """Lowers every steady narrow peak by up to `strength` dB.

    Args:
        frame_s: length of a frame; longer frames spare more music and need steadier lines.
        least_snr_db: the distance to the input that is kept whatever the strength.
    """

    unit: ClassVar[str] = "dB"
    strengths: ClassVar[tuple[float, ...]] = (1.0, 3.0, 6.0, 12.0, 20.0, 40.0)
    default: ClassVar[float] = 20.0
    limits: ClassVar[tuple[float, float] | None] = (0.0, 80.0)

    def __init__(self, frame_s: float = 2.0, least_snr_db: float = 30.0) -> None:
        self.frame_s = frame_s
        self.least_snr_db = least_snr_db

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        del seed
        channels, n = samples.shape
        hop = min(round(self.frame_s * sample_rate_hz), n // 4) // _OVERLAP
        size = hop * _OVERLAP
        if size < _SHORTEST:
            return samples
        lines = _lines(samples, size, hop, 10 ** (-self.least_snr_db / 10))
        if not lines.size:
            return samples
        out = np.zeros((channels, n + 2 * size), dtype=np.float32)
        window = _window(size)
        for at, frame in _frames(samples, size, hop):
            lowered = frame * _gains(np.abs(frame), lines, 10 ** (-strength / 20))
            out[:, at : at + size] += scipy.fft.irfft(lowered, n=size) * window
        weight = float(np.square(window).sum()) / hop  # the overlapping squares add up to this
        return np.asarray(out[:, size : size + n] / weight, dtype=np.float32)


def _window(size: int) -> FloatArray:
    return np.hanning(size + 1)[:-1].astype(np.float32)


def _frames(
    samples: FloatArray, size: int, hop: int
) -> Iterator[tuple[int, NDArray[np.complex64]]]:
    """Yield (place in the sound padded by `size` on both sides, spectrum ``[channel, bin]``)."""
    padded = np.pad(samples, ((0, 0), (size, size)))
    window = _window(size)
    for at in range(0, padded.shape[1] - size + 1, hop):
        yield at, scipy.fft.rfft(padded[:, at : at + size] * window, axis=-1)


def _lines(samples: FloatArray, size: int, hop: int, share: float) -> NDArray[np.int_]:
    """Return the middle bins of steady narrow peaks that carry at most a share of the energy."""
    bins = size // 2 + 1
    total, energy, count = np.zeros(bins), np.zeros(bins), 0
    for _, frame in _frames(samples, size, hop):
        power = np.square(np.abs(frame)).sum(axis=0)
        if power.sum() > 0:
            level = 10 * np.log10(power + 1e-12 * power.max())
            residual = level - ndimage.uniform_filter1d(level, 2 * _AROUND + 1)
            total += np.clip(residual, -12, 12)  # a loud note weighs no more than a steady line
            energy += power
            count += 1
    mean = total / max(1, count)
    spread = 1.4826 * float(np.median(np.abs(mean - np.median(mean))))
    own = 2 * _GUARD + 1
    tall = (mean > max(_LOWEST_DB, _DEVIATIONS * spread)) & (
        mean == ndimage.maximum_filter1d(mean, own)
    )
    tall[: _AROUND + 1] = tall[-_AROUND - 1 :] = False
    found = np.flatnonzero(tall)
    carried = own * ndimage.uniform_filter1d(energy, own)[found]
    order = np.argsort(carried, kind="stable")
    faint = np.cumsum(carried[order]) <= share * energy.sum()
    return np.sort(found[order[faint]])


def _gains(magnitude: FloatArray, lines: NDArray[np.int_], least: float) -> FloatArray:
    """Return factors from `least` to 1. Shape: ``[channel, bin]``, both ways."""
    beside = np.r_[-_AROUND:-_GUARD, _GUARD + 1 : _AROUND + 1]
    floor = np.median(magnitude[:, lines[:, None] + beside], axis=-1)[..., None]  # [ch, line, 1]
    own = lines[:, None] + np.arange(-_GUARD, _GUARD + 1)
    wanted = floor / np.maximum(magnitude[:, own], 1e-30)
    gains = np.ones_like(magnitude)
    gains[:, own.ravel()] = np.clip(wanted, least, 1.0).reshape(len(magnitude), -1)
    return gains
