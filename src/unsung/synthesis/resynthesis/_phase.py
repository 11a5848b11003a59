# SPDX-License-Identifier: MIT
"""Finds a phase for magnitudes: Griffin-Lim with momentum, in blocks that fade into each other.

Griffin and Lim 1984; Perraudin, Balazs, Søndergaard, "A fast Griffin-Lim algorithm", 2013 (momentum
0.99, as torchaudio's default). Shapes: sound ``[time]``, spectra ``[frame, bin]``.
When not to use: where phase is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from unsung.types import FloatArray

__all__ = ["Stft", "faded", "griffin_lim"]

Spectra = NDArray[np.complex64]
_MOMENTUM = 0.99


@dataclass(frozen=True)
class Stft:
    """A centred short-time transform: Hann window of `win` samples, zero-padded to `n_fft`."""

    n_fft: int
    hop: int
    win: int

    def window(self) -> FloatArray:
        """Return the periodic Hann window."""
        phase = 2 * np.pi * np.arange(self.win) / self.win
        return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)

    def forward(self, x: FloatArray) -> Spectra:
        """Return spectra of frames centred at multiples of the hop, one more than whole hops."""
        half = self.win // 2
        mode = "reflect" if len(x) > half else "constant"
        padded = np.pad(x, half, mode=mode)  # type: ignore[call-overload]
        count = 1 + len(x) // self.hop
        padded = np.pad(padded, (0, max(0, (count - 1) * self.hop + self.win - len(padded))))
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.win)[:: self.hop][:count]
        return np.asarray(fft.rfft(frames * self.window(), self.n_fft, axis=1))

    def inverse(self, spectra: Spectra, length: int) -> FloatArray:
        """Return the least-squares sound of spectra (Griffin and Lim 1984)."""
        frames = fft.irfft(spectra, self.n_fft, axis=1)[:, : self.win] * self.window()
        total = (len(spectra) - 1) * self.hop + self.win
        out, weight = np.zeros(total, np.float32), np.zeros(total, np.float32)
        squared = self.window() ** 2
        for number, frame in enumerate(frames):
            at = number * self.hop
            out[at : at + self.win] += frame
            weight[at : at + self.win] += squared
        half = self.win // 2
        sound = (out / np.maximum(weight, 1e-8))[half : half + length]
        return np.pad(sound, (0, length - len(sound)))


def griffin_lim(
    magnitude: FloatArray, stft: Stft, length: int, rounds: int, rng: np.random.Generator
) -> FloatArray:
    """Return sound whose spectrogram is close to these magnitudes, from a random phase.

    Shape: ``[frame, bin]`` → ``[length]``.
    """
    turn = rng.random(magnitude.shape, dtype=np.float32) * np.float32(2 * np.pi)
    phase = np.exp(1j * turn).astype(np.complex64)
    before: Spectra | None = None
    for _ in range(rounds):
        rebuilt = stft.forward(stft.inverse(magnitude * phase, length))
        ahead = rebuilt if before is None else rebuilt - before * np.float32(_KEEP)
        before = rebuilt
        phase = ahead / np.maximum(np.abs(ahead), 1e-16)
    return stft.inverse(magnitude * phase, length)


_KEEP = _MOMENTUM / (1 + _MOMENTUM)


def faded(
    x: FloatArray, run: Callable[[FloatArray], FloatArray], chunk: int, fade: int
) -> FloatArray:
    """Run over pieces that overlap and fade into each other. Shape: ``[time]`` → ``[time]``."""
    out, at = np.zeros_like(x), 0
    ramp = (np.arange(fade, dtype=np.float32) + 0.5) / max(fade, 1)
    while True:
        piece = run(x[at : at + chunk + fade]).copy()
        if at:
            piece[:fade] *= ramp[: len(piece)]
        last = at + chunk + fade >= len(x)
        if not last:
            piece[-fade:] *= ramp[::-1]
        out[at : at + len(piece)] += piece
        if last:
            return out
        at += chunk
