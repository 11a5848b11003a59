# SPDX-License-Identifier: MIT
"""A voice over the music, as in broadcast: syllables made of pulses, noise and formants.

Source: source-filter synthesis; vowel formants of Peterson and Barney (JASA 1952), bandwidths of
50 to 150 Hz, four to six syllables a second in phrases. No word is said; level, rhythm and spectrum
are those of speech. Unit: dB by which the music exceeds the voice. When not to use: to test what a
speech recogniser understands.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from unsung.attacks._mixing import mixed
from unsung.attacks.base import Attack
from unsung.audio.resample import resample
from unsung.types import FloatArray, fit_length

__all__ = ["SpeechOver"]

_RATE_HZ = 16000
_VOWELS_HZ = (
    *((270, 2290, 3010), (390, 1990, 2550), (530, 1840, 2480), (660, 1720, 2410)),
    *((730, 1090, 2440), (570, 840, 2410), (300, 870, 2240), (640, 1190, 2390)),
)
_BANDWIDTHS_HZ = (60.0, 90.0, 150.0)
_SYLLABLE_S, _CONSONANT_S, _PAUSE_S = (0.12, 0.24), (0.03, 0.08), (0.2, 0.6)
_PAUSE_SHARE = 0.12  # a phrase has about eight syllables


class SpeechOver(Attack):
    """One synthetic speaker in the middle, `strength` dB below the music."""

    unit: ClassVar[str] = "dB"
    strengths: ClassVar[tuple[float, ...]] = (30.0, 20.0, 15.0, 10.0, 5.0, 0.0, -5.0)
    default: ClassVar[float] = 10.0
    limits: ClassVar[tuple[float, float] | None] = (-40.0, 80.0)
    seeded: ClassVar[bool] = True

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        n = samples.shape[1]
        length = n * _RATE_HZ // sample_rate_hz + _RATE_HZ // 100
        voice = _speech(length, np.random.default_rng(seed))
        voice = fit_length(resample(voice[None], _RATE_HZ, sample_rate_hz), n)
        return mixed(samples, voice, strength)


def _speech(length: int, rng: np.random.Generator) -> FloatArray:
    out, at = np.zeros(length), 0
    pitch_hz = rng.uniform(90, 220)
    while at < length:
        if rng.random() < 0.7:
            at = _put(out, _consonant(rng), at)
        tune = pitch_hz * 2 ** rng.normal(0, 0.12)
        at = _put(out, _vowel(tune, rng), at)
        if rng.random() < _PAUSE_SHARE:
            at += round(rng.uniform(*_PAUSE_S) * _RATE_HZ)
    return out.astype(np.float32)


def _put(out: NDArray[np.float64], sound: NDArray[np.float64], at: int) -> int:
    end = min(len(out), at + len(sound))
    out[at:end] += sound[: max(0, end - at)]
    return at + len(sound)


def _vowel(pitch_hz: float, rng: np.random.Generator) -> NDArray[np.float64]:
    n = round(rng.uniform(*_SYLLABLE_S) * _RATE_HZ)
    glide = pitch_hz * np.linspace(1.0, rng.uniform(0.85, 1.1), n) / _RATE_HZ  # cycles a sample
    phase = np.cumsum(glide)
    sound = np.diff(np.floor(phase), prepend=0.0) + 0.02 * rng.standard_normal(n)
    # the glottis falls by 12 dB an octave, the lips raise by 6 and let no constant through
    sound = signal.lfilter([1.0, -1.0], [1.0, -1.9, 0.9025], sound)
    for hz, width_hz in zip(rng.choice(_VOWELS_HZ), _BANDWIDTHS_HZ, strict=True):
        sound = _resonance(sound, hz * rng.uniform(0.93, 1.07), width_hz)
    return _levelled(sound, 1.0)


def _consonant(rng: np.random.Generator) -> NDArray[np.float64]:
    n = round(rng.uniform(*_CONSONANT_S) * _RATE_HZ)
    hiss = _resonance(np.diff(rng.standard_normal(n + 1)), rng.uniform(2000, 6500), 1500.0)
    return _levelled(hiss, rng.uniform(0.1, 0.4))


def _resonance(
    sound: NDArray[np.float64], centre_hz: float, width_hz: float
) -> NDArray[np.float64]:
    radius = np.exp(-np.pi * width_hz / _RATE_HZ)
    turn = 2 * radius * np.cos(2 * np.pi * centre_hz / _RATE_HZ)
    return np.asarray(signal.lfilter([1.0], [1.0, -turn, radius * radius], sound))


def _levelled(sound: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    shaped = sound * np.sqrt(np.hanning(len(sound) + 2)[1:-1])
    return np.asarray(level * shaped / np.sqrt(np.mean(np.square(shaped))))
