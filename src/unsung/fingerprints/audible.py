# SPDX-License-Identifier: MIT
"""Makes a fingerprint audible: what a generator adds to music, without the music.

Noise is shaped by what the generator's mean spectrum holds more than human music; its lines are
added as tones, each as much louder as it stands higher. Nothing of any recording is in it. Level is
set to -24 dB RMS of full scale (about -20 LUFS, since K-weighting raises treble) with peaks under
-3 dB, faded in and out. When not to use: to judge how audible the traces are in a song; here they
are alone and raised by tens of decibels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UsageError
from unsung.fingerprints.compare import Fingerprint
from unsung.fingerprints.spectra import STFT_HZ
from unsung.types import Clip

__all__ = ["RMS_DB", "render"]

RMS_DB, PEAK_DB = -24.0, -3.0
_RATE_HZ = 32000
_FADE_S = 0.1
_BAND_HZ = (80.0, 15500.0)
_MOST_DB = 12.0
_TONES_DB = 6.0
"""Tones together above the noise."""

_TEETH = 60


def render(fingerprint: Fingerprint, seconds: float = 5.0, seed: int = 0) -> Clip:
    """Return the sound of a fingerprint: one channel at 32 kHz. Same seed, same samples.

    Raises:
        UsageError: a length outside 0.5 to 60 s.
    """
    if not 0.5 <= seconds <= 60:
        raise UsageError(f"expected 0.5 to 60 seconds, got {seconds:g}")
    rng = np.random.default_rng(seed)
    count = round(seconds * _RATE_HZ)
    sound = _noise(fingerprint, count, rng)
    tones = _tones(fingerprint, count, rng)
    if tones.any():
        sound = _scaled(sound, -_TONES_DB) + _scaled(tones, 0.0)
    fade = np.minimum(1.0, np.arange(count) / (_FADE_S * _RATE_HZ))
    sound = _scaled(sound * fade * fade[::-1], RMS_DB)
    most = 10 ** (PEAK_DB / 20)
    peak = float(np.abs(sound).max())
    samples = sound * min(1.0, most / peak) if peak else sound
    return Clip(samples[None].astype(np.float32), _RATE_HZ, track_id=fingerprint.name)


def _noise(fingerprint: Fingerprint, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    hz = np.fft.rfftfreq(count, 1 / _RATE_HZ)
    held = np.isfinite(fingerprint.stft_difference_db)
    excess = fingerprint.stft_difference_db[held].astype(np.float64)
    excess = np.clip(excess - np.median(excess), -2 * _MOST_DB, _MOST_DB)
    gain_db = np.interp(hz, STFT_HZ[held], excess)
    # A pink base: as loud in every octave, so that the treble does not drown the rest.
    gain = 10 ** (gain_db / 20) / np.sqrt(np.maximum(hz, _BAND_HZ[0]))
    top = min(_BAND_HZ[1], float(STFT_HZ[held][-1]))
    gain[(hz < _BAND_HZ[0]) | (hz > top)] = 0.0
    return np.fft.irfft(np.fft.rfft(rng.standard_normal(count)) * gain, count)


def _tones(fingerprint: Fingerprint, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    t = np.arange(count) / _RATE_HZ
    out = np.zeros(count)
    for hz, db in _pitches(fingerprint):
        phase = rng.uniform(0, 2 * np.pi)
        out += db / np.sqrt(hz) * np.sin(2 * np.pi * hz * t + phase)
    return out


def _pitches(fingerprint: Fingerprint) -> list[tuple[float, float]]:
    """Return the lines, and the strongest teeth of the comb, with their heights in dB."""
    found = {line.hz: line.difference_db for line in fingerprint.lines}
    comb = fingerprint.comb
    if comb.spacing_hz is not None:
        low, high = _BAND_HZ
        hz = np.arange(1, high / comb.spacing_hz) * comb.spacing_hz + comb.offset_hz
        hz = hz[hz > low]
        place = np.clip(np.rint(hz - 250).astype(int), 0, len(fingerprint.difference_db) - 1)
        height = np.where(hz >= 250, np.nan_to_num(fingerprint.difference_db[place]), 0.0)
        for index in np.argsort(-height, kind="stable")[:_TEETH]:
            if height[index] > 0:
                found.setdefault(float(round(hz[index])), float(height[index]))
    return sorted(found.items())


def _scaled(sound: NDArray[np.float64], rms_db: float) -> NDArray[np.float64]:
    rms = float(np.sqrt(np.mean(np.square(sound))))
    return sound * (10 ** (rms_db / 20) / rms) if rms > 0 else sound
