# SPDX-License-Identifier: MIT
"""Draws the members of the decoder zoo: each is a number, a seed and what follows from them.

A member says everything that its sound depends on: rate, strides, how each stage upsamples, window,
activation, wear (`unsung.synthesis.decoder.Wear`), latent precision, refinement and bit depth. Its
lines are therefore known before it makes a sound. Units: Hz, bits, dB.
When not to use: to copy one published decoder; build that one from its own strides instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UsageError
from unsung.synthesis.decoder import predicted_peaks_hz
from unsung.types import Record

__all__ = ["ACTIVATIONS", "BIT_DEPTHS", "RATES_HZ", "STYLES", "Member", "draw_member"]

RATES_HZ = (16000, 22050, 24000, 32000, 44100, 48000)
BIT_DEPTHS = (16, 20, 24)
ACTIVATIONS = ("snake", "leaky_relu", "elu")
WINDOWS = ("sine", "vorbis", "kbd", "block")
STYLES = ("transposed", "subpixel", "nearest", "linear", "mixed", "istft", "refined")
_STYLE_SHARES = (0.3, 0.15, 0.1, 0.1, 0.15, 0.1, 0.1)
_STRIDES, _STRIDE_SHARES = (2, 3, 4, 5, 6, 8, 10), (0.25, 0.05, 0.25, 0.12, 0.05, 0.23, 0.05)
_PRODUCTS = (64, 2048)
_SOFT = 2
"""Most interpolating stages of a member: each cuts notches, and four leave little music."""

Upsampler = Literal["transposed", "subpixel", "nearest", "linear", "istft"]
"""How a stage gets from its rate to the next.

- transposed: zeros between samples, then a filter: lines at multiples of the stage's input rate.
- subpixel: a convolution at the low rate whose outputs are interleaved: the same lines.
- nearest, linear: repeat or interpolate, then convolve: a constant leaves no line, since the
  interpolator's spectrum is zero at multiples of the input rate; notches and mirror images stay.
- istft: windowed inverse Fourier frames added up: lines at multiples of the frame rate.
"""


@dataclass(frozen=True)
class Member(Record):
    """One decoder of the zoo, as drawn.

    Attributes:
        number: which member; the manifest calls it `zoo-0017`.
        seed: of its kernels, biases and noise.
        style: how its upsamplers were drawn, one of `STYLES`.
        sample_rate_hz: native rate.
        strides: of its stages, first to last.
        upsamplers: of its stages, first to last.
        frame: samples of the iSTFT head's frame; 0 without such a head.
        window: shape of the kernels; "block" means kernels as long as the stride.
        activation: between stages.
        kernel: wear of the kernel taps, relative to their deviation.
        bias: root mean square of the constant that each channel adds, of full scale.
        curve: strength of the nonlinearity.
        latent_db: precision of the latents, as signal over quantisation noise; 0 leaves them exact.
        refinement: rounds of adding noise and shrinking it again after the last stage.
        bit_depth: of the sound that leaves the decoder, with triangular dither.
    """

    number: int
    seed: int
    style: str
    sample_rate_hz: int
    strides: tuple[int, ...]
    upsamplers: tuple[str, ...]
    frame: int = 0
    window: str = "sine"
    activation: str = "snake"
    kernel: float = 0.006
    bias: float = 3e-5
    curve: float = 0.005
    latent_db: float = 0.0
    refinement: int = 0
    bit_depth: int = 16

    def __post_init__(self) -> None:
        if not self.strides or min(self.strides) < 2 or len(self.strides) != len(self.upsamplers):
            raise UsageError(
                f"expected strides of 2 or more and an upsampler for each, got {self.strides} "
                f"and {self.upsamplers}"
            )
        if "istft" in self.upsamplers[:-1]:
            raise UsageError("expected an iSTFT as the last stage only (it makes sound)")

    @property
    def name(self) -> str:
        """Return what the manifest calls it."""
        return f"zoo-{self.number:04d}"

    @property
    def hop(self) -> int:
        """Return the product of the strides: samples for each latent frame."""
        return math.prod(self.strides)

    @property
    def line_strides(self) -> tuple[int, ...]:
        """Return the strides from the first stage on that turns constants into lines."""
        for at, kind in enumerate(self.upsamplers):
            if kind not in ("nearest", "linear"):
                return self.strides[at:]
        return ()

    def predicted_peaks_hz(self) -> NDArray[np.float64]:
        """Return where its lines stand; empty if no stage makes any."""
        strides = self.line_strides
        return predicted_peaks_hz(strides, self.sample_rate_hz) if strides else np.empty(0)


def draw_member(number: int, seed: int = 0) -> Member:
    """Return a member of the zoo; the same number and seed give the same member everywhere.

    >>> draw_member(17).strides == draw_member(17).strides
    True
    """
    if number < 0:
        raise UsageError(f"expected a member from 0 on, got {number}")
    rng = np.random.default_rng([seed, number])
    style = str(rng.choice(STYLES, p=_STYLE_SHARES))
    strides, upsamplers, frame = _stack(style, rng)
    return Member(
        number=number,
        seed=int(rng.integers(2**31)),
        style=style,
        sample_rate_hz=int(rng.choice(RATES_HZ)),
        strides=strides,
        upsamplers=upsamplers,
        frame=frame,
        window=str(rng.choice(WINDOWS, p=(0.45, 0.25, 0.25, 0.05))),
        activation=str(rng.choice(ACTIVATIONS)),
        kernel=_log_uniform(rng, 0.003, 0.04),
        bias=_log_uniform(rng, 2e-5, 2e-4),
        curve=_log_uniform(rng, 0.002, 0.03),
        latent_db=round(float(rng.uniform(15, 35)), 1) if rng.random() < 0.5 else 0.0,
        refinement=int(rng.integers(1, 4)) if style == "refined" else 0,
        bit_depth=int(rng.choice(BIT_DEPTHS)),
    )


def _stack(style: str, rng: np.random.Generator) -> tuple[tuple[int, ...], tuple[str, ...], int]:
    if style == "istft":
        hop = int(rng.choice((8, 16, 64, 128, 256, 320)))
        frame = hop * int(rng.choice((2, 4)))
        before = () if hop >= 64 else _strides(rng, 64 // hop, 2048 // hop)
        return (*before, hop), (*("transposed",) * len(before), "istft"), frame
    strides = _strides(rng, *_PRODUCTS)
    plain = ("transposed", "subpixel", "nearest", "linear")
    count = len(strides)
    if style == "mixed":
        kinds = [str(kind) for kind in rng.choice(plain, count)]
    elif style in ("nearest", "linear"):
        kinds = ["transposed"] * (count - _SOFT) + [style] * min(count, _SOFT)
    else:
        kinds = ["transposed" if style == "refined" else style] * count
    soft = [at for at, kind in enumerate(kinds) if kind in ("nearest", "linear")]
    for at in soft[:-_SOFT]:
        kinds[at] = "transposed"
    return strides, tuple(kinds), 0


def _strides(rng: np.random.Generator, low: int, high: int) -> tuple[int, ...]:
    """Draw strides until their product lies within the limits; most decoders begin with large."""
    while True:
        count = int(rng.integers(1, 7))
        drawn = [int(s) for s in rng.choice(_STRIDES, count, p=_STRIDE_SHARES)]
        if low <= math.prod(drawn) <= high:
            return tuple(sorted(drawn, reverse=True) if rng.random() < 0.7 else drawn)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
