# SPDX-License-Identifier: MIT
"""A small strided decoder: music into slow latents and back through transposed convolutions.

The encoder is a tree of modulated lapped transforms (stride s, kernels 2·s long, as in HiFi-GAN);
the decoder is the same tree upside down, stage by stage a transposed convolution. With zero `wear`
it gives the music back exactly. Wear makes it what a trained network is: kernels a little off, a
bias in each channel, a mild nonlinearity (snake, Ziyin et al. 2020). A constant that enters a stage
of stride s leaves it as lines at all multiples of the stage's input rate (Afchar, Meseguer-Brocal,
Akesbi, Hennequin, "A Fourier explanation of AI-music artifacts", ISMIR 2025). Units: Hz; full scale
±1. When not to use: as a stand-in for a real generator's sound; only the mechanism is real.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UsageError
from unsung.types import Clip, Record

__all__ = [
    "Decoder",
    "Wear",
    "encode",
    "lapped_kernel",
    "predicted_peaks_hz",
    "resynthesise",
    "transposed_convolution",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Wear(Record):
    """How far the decoder is from a perfect filter bank.

    Attributes:
        kernel: standard deviation of each kernel tap, relative to the kernel's own.
        bias: root mean square of the constant that each channel adds to the sound, of full scale.
        curve: strength a of the snake nonlinearity x + sin²(a·x) / a between stages.
    """

    kernel: float = 0.006
    bias: float = 3e-5
    curve: float = 0.005


def predicted_peaks_hz(strides: Sequence[int], sample_rate_hz: float) -> Floats:
    """Return where upsampling leaves lines: multiples of rate / product(strides), up to Nyquist.

    >>> predicted_peaks_hz((8, 8, 4, 2), 44100)[:3].round(2).tolist()
    [86.13, 172.27, 258.4]
    """
    base_hz = sample_rate_hz / math.prod(_checked(strides))
    count = math.floor(sample_rate_hz / 2 / base_hz + 1e-9)
    return np.asarray(base_hz * np.arange(1, count + 1), dtype=np.float64)


def lapped_kernel(stride: int) -> Floats:
    """Return the modulated lapped transform's kernels: orthogonal, perfectly reconstructing.

    Shape: ``[stride channels, 2·stride taps]`` (Malvar 1990; sine window).
    """
    taps, channels = np.arange(2 * stride), np.arange(stride)[:, None]
    window = np.sin(np.pi * (taps + 0.5) / (2 * stride))
    phase = np.pi / stride * (taps + 0.5 + stride / 2) * (channels + 0.5)
    return np.asarray(math.sqrt(2 / stride) * window * np.cos(phase))


def transposed_convolution(x: Floats, kernels: Floats, stride: int) -> Floats:
    """Stuff zeros between samples and filter: the upsampling layer of neural decoders.

    Each group of channels becomes one channel. Shape: x ``[group, channel, time]``, kernels
    ``[group or 1, channel, 2·stride]`` → ``[group, time · stride]``.
    """
    groups, _, n = x.shape
    pieces = np.swapaxes(x, 1, 2) @ kernels  # [group, time, 2·stride]
    out = np.zeros((groups, n + 1, stride))
    out[:, :-1] += pieces[..., :stride]
    out[:, 1:] += pieces[..., stride:]
    return out.reshape(groups, -1)[:, : n * stride]


def encode(samples: Floats, strides: Sequence[int]) -> Floats:
    """Analyse one channel into latents at rate / product(strides), last stride first.

    Shape: ``[time]``, a multiple of the product → ``[product, frame]``.
    """
    x = np.asarray(samples, dtype=np.float64)[None]
    for stride in reversed(_checked(strides)):
        blocks = np.pad(x, ((0, 0), (0, stride))).reshape(x.shape[0], -1, stride)
        frames = np.concatenate([blocks[:, :-1], blocks[:, 1:]], axis=2)  # [group, time, 2·stride]
        latent = frames @ lapped_kernel(stride).T
        x = np.swapaxes(latent, 1, 2).reshape(-1, latent.shape[1])
    return x


class Decoder:
    """A stack of transposed convolutions, from latents to sound; the seed draws the wear.

    Args:
        strides: upsampling of each stage, first to last.
        seed: draws kernels and biases; two seeds are two "trained" decoders.
        wear: how far from perfect; `Wear(0, 0, 0)` gives the input back.
    """

    def __init__(
        self, strides: Sequence[int] = (8, 8, 4, 2), seed: int = 0, wear: Wear | None = None
    ) -> None:
        self.strides = _checked(strides)
        self.wear = wear or Wear()
        rng = np.random.default_rng(seed)
        self._stages: list[tuple[int, Floats, Floats]] = []
        groups = math.prod(self.strides)
        for stride in self.strides:
            groups //= stride
            kernel = lapped_kernel(stride)
            shape = (groups, *kernel.shape)
            kernels = kernel + self.wear.kernel * kernel.std() * rng.standard_normal(shape)
            scale = self.wear.bias * math.sqrt(groups * stride)  # of that many channels
            bias = scale * rng.standard_normal((groups, stride, 1))
            self._stages.append((stride, kernels, bias))

    def __call__(self, latent: Floats) -> Floats:
        """Turn latents into sound. Shape: ``[product of strides, frame]`` → ``[time]``."""
        x = latent
        for stride, kernels, bias in self._stages:
            grouped = x.reshape(len(kernels), stride, -1)
            x = transposed_convolution(_snake(grouped, self.wear.curve) + bias, kernels, stride)
        return np.asarray(x[0])


def resynthesise(
    clip: Clip,
    strides: Sequence[int] = (8, 8, 4, 2),
    seed: int = 0,
    wear: Wear | None = None,
) -> Clip:
    """Send every channel through encoder and decoder; length, level and rate stay.

    Shape of the samples: ``[channel, time]``, both ways.
    """
    decoder = Decoder(strides, seed, wear)
    n, hop = clip.samples.shape[1], math.prod(decoder.strides)
    lead = 2 * hop  # the first frames overlap nothing; they are cut off again
    padded = np.pad(clip.samples, ((0, 0), (lead, lead + -n % hop)))
    rows = [decoder(encode(row, decoder.strides))[lead : lead + n] for row in padded]
    return Clip(np.stack(rows).astype(np.float32), clip.sample_rate_hz, clip.start_s, clip.track_id)


def _snake(x: Floats, curve: float) -> Floats:
    return np.asarray(x + np.sin(curve * x) ** 2 / curve, dtype=np.float64) if curve else x


def _checked(strides: Sequence[int]) -> tuple[int, ...]:
    values = tuple(int(s) for s in strides)
    if not values or min(values) < 2:
        raise UsageError(f"expected strides of 2 or more, first to last, got {tuple(strides)}")
    return values
