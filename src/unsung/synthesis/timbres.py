# SPDX-License-Identifier: MIT
"""Instruments from formulas: each turns pitch, length and velocity into a mono sound.

Sources: stiff-string partials f·k·sqrt(1 + B·k²) (Fletcher 1962); Karplus and Strong 1983 with the
tuning of Jaffe and Smith 1983; frequency modulation (Chowning 1973); sub-band-limited wavetables.
Units: Hz, seconds, velocity 0 to 1; amplitudes near 1. When not to use: as stand-ins for recorded
instruments in a training set.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import signal

__all__ = ["TIMBRES", "Timbre", "bell", "decaying_partials", "drum", "pad", "piano", "plucked"]

Floats = NDArray[np.float64]
Timbre = Callable[[float, float, float, int, np.random.Generator], Floats]
_STEP = 256


def decaying_partials(
    hz: Floats, decay_s: Floats, amplitudes: Floats, duration_s: float, rate: int
) -> Floats:
    """Sum sines that die away exponentially, by one matrix product.

    exp((a + b)·z) = exp(a·z)·exp(b·z), so coarse and fine steps of time are tabled apart.

    Shape: three times ``[partial]`` → ``[time]``.
    """
    n = round(duration_s * rate)
    z = (-1 / decay_s + 2j * np.pi * hz) / rate
    coarse = np.exp(np.arange(-(-n // _STEP))[:, None] * _STEP * z)  # [block, partial]
    fine = amplitudes[:, None] * np.exp(z[:, None] * np.arange(_STEP))  # [partial, step]
    return np.asarray((coarse @ fine).imag.ravel()[:n])


def piano(
    hz: float, duration_s: float, velocity: float, rate: int, rng: np.random.Generator
) -> Floats:
    """Struck stiff strings: two detuned strings a note, treble dies first, a soft hammer knock."""
    k = np.arange(1, max(2, min(40, int(0.4 * rate / hz))))
    stiffness = 2.5e-4 * (hz / 220) ** 1.2
    partials = k * hz * np.sqrt((1 + stiffness * k**2) / (1 + stiffness))
    keep = partials < 0.42 * rate
    k, partials = k[keep], partials[keep]
    loud = np.sin(np.pi * k / 8.5) ** 2 / k + 0.05 / k  # struck at one eighth of the string
    loud = (loud + 0.25 / k**1.5) * np.exp(-k * hz / (900 + 3800 * velocity**2))
    decay_s = 2.4 * (220 / hz) ** 0.6 / (1 + 0.25 * k)
    ring_s = duration_s + 0.35
    detune = 1 + rng.uniform(0.0002, 0.0005)
    both = np.concatenate([partials, partials * detune])
    tone = decaying_partials(
        both, np.tile(decay_s, 2), np.concatenate([loud, 0.7 * loud]), ring_s, rate
    )
    tone += _knock(len(tone), 0.02 + 0.05 * velocity, 900 + 2500 * velocity, rate, rng)
    return _released(tone, duration_s, 0.12, rate) * velocity * 0.8


def plucked(
    hz: float, duration_s: float, velocity: float, rate: int, rng: np.random.Generator
) -> Floats:
    """A plucked string: a noise burst circling through a damped, finely tuned delay line."""
    bright = 0.10 - 0.06 * velocity  # share of each neighbour in the loop's smoothing
    gain = 10 ** (-3 / (hz * 4.5 * (196 / hz) ** 0.5))  # 60 dB in about 4.5 s
    delay = rate / hz
    whole = int(delay) - 2
    kernel = gain * np.convolve(_fraction(delay - whole - 1), [bright, 1 - 2 * bright, bright])
    reach = len(kernel) - 1
    n = round((duration_s + 0.3) * rate)
    out = np.zeros(reach + whole + n + whole)
    burst = np.cumsum(rng.uniform(-1, 1, round(delay)))  # a finger: -6 dB an octave
    burst = signal.detrend(burst) + 0.15 * rng.uniform(-1, 1, len(burst))
    pick = round(0.18 * delay)  # plucked near one fifth: a comb
    burst = burst - np.roll(burst, pick)
    out[reach + whole : reach + whole + len(burst)] = burst / np.abs(burst).max()
    for start in range(reach + whole, reach + whole + n, whole):
        past = out[start - whole - reach : start]
        out[start : start + whole] += np.convolve(past, kernel, "valid")[:whole]
    tone = out[reach + whole : reach + whole + n]
    return _released(tone, duration_s, 0.25, rate) * velocity * 0.9


def bell(
    hz: float, duration_s: float, velocity: float, rate: int, rng: np.random.Generator
) -> Floats:
    """Frequency modulation at a ratio of 1 to 3.5 whose brightness fades before the tone."""
    n = round((duration_s + 1.6) * rate)
    t = np.arange(n) / rate
    index = (0.8 + 1.8 * velocity) * np.exp(-t / 0.35)
    phase = rng.uniform(0, 2 * np.pi)
    tone = np.sin(2 * np.pi * hz * t + index * np.sin(2 * np.pi * 3.5 * hz * t + phase))
    tone += 0.25 * np.sin(2 * np.pi * 2.001 * hz * t) * np.exp(-t / 0.5)
    tone *= np.exp(-t / 1.1) * np.minimum(1, t / 0.002)
    tone += _knock(n, 0.05 * velocity, 6000, rate, rng)
    return _released(tone, duration_s + 1.2, 0.4, rate) * velocity * 0.6


def pad(
    hz: float, duration_s: float, velocity: float, rate: int, rng: np.random.Generator
) -> Floats:
    """Three detuned saw voices with vibrato, through a low-pass that opens and closes slowly."""
    n = round((duration_s + 0.8) * rate)
    t = np.arange(n) / rate
    sweep = 0.5 - 0.5 * np.cos(2 * np.pi * np.clip(t / (duration_s + 0.8), 0, 1))
    dark, light = (_saw_table(hz, cutoff, rate) for cutoff in (2 * hz, 5 * hz + 1200 * velocity))
    wave = np.zeros(n)
    for cents in (-6.0, 0.5, 7.0):
        depth = 0.0025 * np.minimum(1, t / 0.6)
        swing = depth * np.sin(2 * np.pi * rng.uniform(4.6, 5.4) * t + rng.uniform(0, 6.28))
        cycles = np.cumsum(hz * 2 ** (cents / 1200) * (1 + swing)) / rate + rng.uniform()
        place = (cycles % 1.0) * (len(dark) - 1)
        index = place.astype(np.intp)
        part = place - index
        for table, share in ((dark, 1 - sweep), (light, sweep)):
            wave += share * (table[index] + part * (table[index + 1] - table[index]))
    wave *= np.minimum(1, t / 0.25)
    return _released(wave, duration_s, 0.6, rate) * velocity * 0.25


def bass(
    hz: float, duration_s: float, velocity: float, rate: int, rng: np.random.Generator
) -> Floats:
    """A round electric bass: few decaying partials and a finger noise."""
    k = np.arange(1.0, 13.0)
    loud = np.exp(-(k - 1) * (0.75 - 0.35 * velocity)) * (1 + 0.1 * rng.standard_normal(12))
    loud = np.asarray(loud, dtype=np.float64)
    tone = decaying_partials(
        np.asarray(k * hz), np.asarray(1.6 / (1 + 0.5 * k)), loud, duration_s + 0.15, rate
    )
    tone *= np.minimum(1, np.arange(len(tone)) / (0.004 * rate))
    tone += _knock(len(tone), 0.08 * velocity, 1800, rate, rng)
    return _released(tone, duration_s, 0.08, rate) * velocity * 0.9


def drum(kind: str) -> Timbre:
    """Return a percussion timbre: kick, snare, hat or shaker; pitch and length are ignored."""
    length_s, fall_s, low_hz, noise, tone_hz = {
        "kick": (0.35, 0.012, 1500.0, 0.08, 52.0),
        "snare": (0.25, 0.06, 1200.0, 0.5, 185.0),
        "hat": (0.10, 0.025, 5500.0, 0.6, 0.0),
        "shaker": (0.12, 0.03, 4000.0, 0.45, 0.0),
    }[kind]

    def play(
        hz: float, duration_s: float, velocity: float, rate: int, rng: np.random.Generator
    ) -> Floats:
        del hz, duration_s
        t = np.arange(round(length_s * rate)) / rate
        sections = signal.butter(2, low_hz, "highpass", fs=rate, output="sos")
        rush = np.minimum(1, t / (0.03 if kind == "shaker" else 0.001)) * np.exp(-t / fall_s)
        sound = noise * rush * np.asarray(signal.sosfilt(sections, rng.standard_normal(len(t))))
        if tone_hz:
            glide = 2 * np.pi * tone_hz * (t + 0.06 * (1 - np.exp(-t / 0.02)))
            sound += np.sin(glide) * np.exp(-t / (0.11 if kind == "kick" else 0.05))
        return _released(sound, length_s - 0.03, 0.03, rate) * velocity

    return play


TIMBRES: dict[str, Timbre] = {
    **{"piano": piano, "guitar": plucked, "arpeggio": plucked, "bell": bell, "pad": pad},
    **{"bass": bass, **{kind: drum(kind) for kind in ("kick", "snare", "hat", "shaker")}},
}
"""Part of a score → who plays it."""


def _fraction(delay: float) -> Floats:
    """Return the four taps of a cubic Lagrange interpolator for a delay from 1 to 2 samples."""
    taps = np.arange(4)
    others = taps[:, None] != taps
    above = np.where(others, delay - taps, 1.0).prod(axis=1)
    below = np.where(others, taps[:, None] - taps, 1.0).prod(axis=1)
    return np.asarray(above / below)


def _saw_table(hz: float, cutoff_hz: float, rate: int) -> Floats:
    k = np.arange(1, max(2, int(0.42 * rate / hz)))
    loud = 1 / (k * (1 + (k * hz / cutoff_hz) ** 4))  # four poles
    turn = 2 * np.pi * np.arange(2049) / 2048
    return np.asarray(loud @ np.sin(k[:, None] * turn))


def _knock(n: int, level: float, cutoff_hz: float, rate: int, rng: np.random.Generator) -> Floats:
    length = min(n, round(0.03 * rate))
    sections = signal.butter(2, cutoff_hz, fs=rate, output="sos")
    burst = rng.standard_normal(length) * np.exp(-np.arange(length) / (0.005 * rate))
    out = np.zeros(n)
    out[:length] = level * np.asarray(signal.sosfilt(sections, burst))
    return out


def _released(sound: Floats, hold_s: float, release_s: float, rate: int) -> Floats:
    """Let go after `hold_s`: a half-cosine over `release_s`, then silence."""
    t = np.arange(len(sound)) / rate
    past = np.clip((t - hold_s) / min(release_s, max(1e-3, t[-1] - hold_s)), 0, 1)
    return np.asarray(sound * (0.5 + 0.5 * np.cos(np.pi * past)))
