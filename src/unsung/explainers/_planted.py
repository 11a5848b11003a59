# SPDX-License-Identifier: MIT
"""Evidence planted where we know it: a patch of a song goes through a neural-style decoder.

The patch is one stretch of time and one band; everything around it stays the human recording. The
decoder is `unsung.synthesis.decoder` (strides, worn kernels), which leaves the lines that
upsampling layers leave. An explanation of the spliced song should point at the patch. Hz, seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unsung.explainers._spectra import Spectrum, reshaped
from unsung.synthesis.decoder import Wear, resynthesise
from unsung.types import Clip

__all__ = ["Planted", "plant"]

STRIDES: tuple[tuple[int, ...], ...] = ((8, 8, 4, 2), (8, 5, 4, 2), (8, 8, 8))
WEAR = Wear(kernel=0.03, bias=3e-4, curve=0.02)
"""Stronger than a demo's: the patch must be found, not guessed."""

BANDS_HZ = ((500.0, 2500.0), (2000.0, 4500.0), (4500.0, 7500.0))


@dataclass(frozen=True)
class Planted:
    """A spliced clip and where its patch lies."""

    clip: Clip
    low_hz: float
    high_hz: float
    start_s: float
    end_s: float

    def region(
        self, freqs_hz: NDArray[np.floating], times_s: NDArray[np.floating]
    ) -> NDArray[np.bool_]:
        """Return the patch as a mask on the given axes. Shape: → ``[freq, frame]``."""
        rows = (freqs_hz >= self.low_hz) & (freqs_hz <= self.high_hz)
        columns = (times_s >= self.start_s) & (times_s <= self.end_s)
        return rows[:, None] & columns[None]


def plant(clip: Clip, seed: int = 0, bands_hz: Sequence[tuple[float, float]] = BANDS_HZ) -> Planted:
    """Send one patch of a clip through a decoder; seed draws place, decoder and wear.

    Args:
        clip: a human recording; about a third of its length becomes the patch.
        seed: the same seed, the same patch.
        bands_hz: bands to draw from.
    """
    rng = np.random.default_rng(seed)
    low, high = bands_hz[int(rng.integers(len(bands_hz)))]
    length = clip.duration_s / 3
    start = float(rng.uniform(0.0, clip.duration_s - length))
    strides = STRIDES[int(rng.integers(len(STRIDES)))]
    decoded = resynthesise(clip, strides, seed, WEAR)
    both = np.concatenate([clip.samples, decoded.samples])
    channels = len(clip.samples)

    def splice(spectrum: Spectrum, hz: NDArray[np.float64], times: NDArray[np.float64]) -> Spectrum:
        across = ((hz >= low) & (hz <= high))[:, None]
        along = ((times >= start) & (times <= start + length))[None]
        human, made = spectrum[:channels], spectrum[channels:]
        return np.where(across & along, made, human).astype(np.complex64)

    # Half a second: sharp enough in time, fine enough for bands of kilohertz.
    mixed = reshaped(both, clip.sample_rate_hz, splice, window_s=0.5)[:channels]
    begin = clip.start_s + start
    return Planted(replace(clip, samples=mixed), low, high, begin, begin + length)
