# SPDX-License-Identifier: MIT
"""Evidence planted where we know it: a patch of a song that a detector should point at.

The patch is one stretch of time and one band; everything around it stays the human recording. Two
kinds. "decoder": the patch comes out of `unsung.synthesis.decoder` (strides, worn kernels), with
the lines that upsampling layers leave. "tones": steady lines at multiples of 500 Hz, as loud as the
band itself; blunt, for detectors whose picture is too coarse for decoder lines. Hz, seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UnknownName
from unsung.explainers._spectra import Spectrum, reshaped
from unsung.synthesis.decoder import Wear, resynthesise
from unsung.types import Clip, FloatArray

__all__ = ["BANDS_HZ", "KINDS", "Planted", "plant", "with_tones"]

KINDS = ("decoder", "tones")

STRIDES: tuple[tuple[int, ...], ...] = ((8, 8, 4, 2), (8, 5, 4, 2), (8, 8, 8))
WEAR = Wear(kernel=0.03, bias=3e-4, curve=0.02)
"""Stronger than a demo's: the patch must be found, not guessed."""

BANDS_HZ = ((500.0, 2500.0), (2000.0, 4500.0), (4500.0, 7500.0))
SPACING_HZ = 500.0
WINDOW_S = 0.5
"""Of the splice: sharp enough in time, fine enough for bands of kilohertz."""


@dataclass(frozen=True)
class Planted:
    """A spliced clip, where its patch lies, and the clip as it was."""

    clip: Clip
    low_hz: float
    high_hz: float
    start_s: float
    end_s: float
    clean: Clip | None = None

    def region(
        self, freqs_hz: NDArray[np.floating], times_s: NDArray[np.floating]
    ) -> NDArray[np.bool_]:
        """Return the patch as a mask on the given axes. Shape: → ``[freq, frame]``."""
        rows = (freqs_hz >= self.low_hz) & (freqs_hz <= self.high_hz)
        columns = (times_s >= self.start_s) & (times_s <= self.end_s)
        return rows[:, None] & columns[None]


def plant(
    clip: Clip,
    seed: int = 0,
    bands_hz: Sequence[tuple[float, float]] = BANDS_HZ,
    *,
    kind: str = "decoder",
    share: float = 1 / 3,
) -> Planted:
    """Put evidence into one patch of a clip; the seed draws its place and its wear.

    Args:
        clip: a human recording.
        seed: the same seed, the same patch.
        bands_hz: bands to draw from.
        kind: "decoder" or "tones".
        share: of the clip's length that becomes the patch.

    Raises:
        UnknownName: another kind.
    """
    if kind not in KINDS:
        raise UnknownName("kind of planted evidence", kind, KINDS)
    rng = np.random.default_rng(seed)
    low, high = bands_hz[int(rng.integers(len(bands_hz)))]
    length = share * clip.duration_s
    start = float(rng.uniform(0.0, clip.duration_s - length))
    if kind == "decoder":
        strides = STRIDES[int(rng.integers(len(STRIDES)))]
        made = resynthesise(clip, strides, seed, WEAR).samples
    else:
        made = with_tones(clip, low, high)
    both = np.concatenate([clip.samples, made])
    channels = len(clip.samples)

    def splice(spectrum: Spectrum, hz: NDArray[np.float64], times: NDArray[np.float64]) -> Spectrum:
        across = ((hz >= low) & (hz <= high))[:, None]
        along = ((times >= start) & (times <= start + length))[None]
        human, other = spectrum[:channels], spectrum[channels:]
        return np.where(across & along, other, human).astype(np.complex64)

    mixed = reshaped(both, clip.sample_rate_hz, splice, window_s=WINDOW_S)[:channels]
    begin = clip.start_s + start
    return Planted(replace(clip, samples=mixed), low, high, begin, begin + length, clip)


def with_tones(clip: Clip, low_hz: float, high_hz: float) -> FloatArray:
    """Add steady lines that together are as loud as the band. Shape: ``[channel, time]``."""
    lines = np.arange(np.ceil(low_hz / SPACING_HZ), high_hz / SPACING_HZ + 1e-9) * SPACING_HZ
    lines = lines[lines < clip.sample_rate_hz / 2]
    seconds = np.arange(clip.samples.shape[1]) / clip.sample_rate_hz
    # Schroeder's phases: no click where all lines would meet.
    phases = np.pi * np.arange(len(lines)) ** 2 / max(1, len(lines))
    tones = np.zeros(len(seconds))
    for hz, phase in zip(lines, phases, strict=True):
        tones += np.sin(2 * np.pi * hz * seconds + phase)
    spectrum = np.fft.rfft(clip.samples, axis=1)
    hz = np.fft.rfftfreq(clip.samples.shape[1], 1 / clip.sample_rate_hz)
    spectrum[:, (hz < low_hz) | (hz > high_hz)] = 0
    band = np.fft.irfft(spectrum, clip.samples.shape[1], axis=1)
    level = float(np.sqrt(np.mean(np.square(band))))
    gain = level / max(float(np.sqrt(np.mean(np.square(tones)))), 1e-12)
    return np.asarray(clip.samples + gain * tones, np.float32)
