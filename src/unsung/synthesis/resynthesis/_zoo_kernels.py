# SPDX-License-Identifier: MIT
"""Kernels with which the zoo's stages give music back: lapped transforms, Fourier frames, fits.

Analysis and synthesis share one kernel set for transposed, sub-pixel and iSTFT stages (tight
frames: Malvar 1990 for the lapped transform). Interpolating stages cannot be exact: their filters
are fitted by least squares so that interpolation and filter together come close to the lapped
kernels. When not to use: with strides above some hundreds for fitted stages (the fit is dense).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UnknownName

__all__ = ["fourier_kernel", "interpolation_taps", "interpolator", "lapped", "place"]

Floats = NDArray[np.float64]
_BLOCKS = 8
"""Length of an interpolating stage's kernels in strides; six leave 3 dB more error."""


def lapped(stride: int, window: str) -> Floats:
    """Return a lapped transform's kernels, ``[stride, 2·stride]``, or ``[stride, stride]`` blocks.

    Args:
        stride: channels and hop.
        window: "sine", "vorbis", "kbd" (alpha 4), or "block" for a transform without overlap.

    Raises:
        UnknownName: another window.
    """
    if window == "block":
        n, k = np.arange(stride), np.arange(stride)[:, None]
        return np.asarray(math.sqrt(2 / stride) * np.cos(np.pi / stride * (n + 0.5) * (k + 0.5)))
    taps, channels = np.arange(2 * stride), np.arange(stride)[:, None]
    phase = np.pi / stride * (taps + 0.5 + stride / 2) * (channels + 0.5)
    return np.asarray(math.sqrt(2 / stride) * _window(stride, window) * np.cos(phase))


def fourier_kernel(hop: int, frame: int) -> Floats:
    """Return real Fourier frames under a square-root Hann window, ``[frame, frame]``.

    The frame is a multiple of twice the hop; hop by hop the squared windows add up to one.
    """
    n, bins = np.arange(frame), np.arange(frame // 2 + 1)[:, None]
    angle = 2 * np.pi * bins * n / frame
    scale = np.where((bins == 0) | (bins == frame // 2), 1.0, math.sqrt(2)) / math.sqrt(frame)
    basis = np.concatenate([scale * np.cos(angle), (scale * np.sin(angle))[1:-1]])
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * n / frame)
    return np.asarray(basis * np.sqrt(hann * 2 * hop / frame))


def interpolator(stride: int, kind: str) -> Floats:
    """Return what nearest (a box) or linear (a triangle) interpolation convolves with."""
    box = np.ones(stride)
    return box if kind == "nearest" else np.convolve(box, box) / stride


@lru_cache(maxsize=64)
def interpolation_taps(stride: int, kind: str, window: str) -> Floats:
    """Fit the filters after an interpolator so that both together are the lapped kernels.

    Shape: ``[stride, tap]``; convolved with `interpolator` each row is 8 · stride long.
    """
    shape = interpolator(stride, kind)
    taps = _BLOCKS * stride - len(shape) + 1
    matrix = np.stack([place(np.eye(taps)[k], shape) for k in range(taps)], axis=1)
    goal = lapped(stride, window)
    room = _BLOCKS * stride - goal.shape[1]
    lead = (_BLOCKS - goal.shape[1] // stride) // 2 * stride
    goal = np.pad(goal, ((0, 0), (lead, room - lead)))
    ridge = 1e-3 * np.eye(taps) * np.trace(matrix.T @ matrix) / taps
    fitted: Floats = np.linalg.solve(matrix.T @ matrix + ridge, matrix.T @ goal.T).T
    return fitted


def place(taps: Floats, shape: Floats) -> Floats:
    """Return interpolator and filter as one kernel."""
    return np.convolve(taps, shape)


def _window(stride: int, name: str) -> Floats:
    """Return a window of 2·stride whose squares add up to one after a stride (Princen-Bradley)."""
    n = np.arange(2 * stride) + 0.5
    if name == "sine":
        return np.asarray(np.sin(np.pi * n / (2 * stride)))
    if name == "vorbis":
        return np.asarray(np.sin(np.pi / 2 * np.sin(np.pi * n / (2 * stride)) ** 2))
    if name == "kbd":
        grown = np.cumsum(np.kaiser(stride + 1, 4 * np.pi))
        half = np.sqrt(grown[:-1] / grown[-1])
        return np.concatenate([half, half[::-1]])
    raise UnknownName("window", name, ("sine", "vorbis", "kbd", "block"))
