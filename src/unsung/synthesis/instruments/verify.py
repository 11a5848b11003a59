# SPDX-License-Identifier: MIT
"""Listens to single notes: is the pitch of the sound the pitch of the label?

The estimate does not know the label. A normalised square difference of the signal with itself
(McLeod and Wyvill, "A smarter way to find pitch", ICMC 2005) gives the period; the strongest
spectral line near a harmonic of it refines the frequency. Octaves are reported apart from cents,
because organs and some leads sound an octave off by design.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unsung.errors import SilentAudio
from unsung.synthesis.instruments.melody import Note, Part
from unsung.synthesis.instruments.render import render_parts
from unsung.synthesis.instruments.table import Program
from unsung.types import FloatArray, Record

__all__ = ["PitchCheck", "check_pitch", "fundamental_hz", "pitch_hz", "render_note"]

_FROM_S, _TO_S = 0.15, 0.95  # after the attack, before the release
_LOWEST_HZ, _HIGHEST_HZ = 20.0, 5000.0
_KEY = 0.93  # first maximum above this share of the largest is the period
_HARMONICS = 6


@dataclass(frozen=True)
class PitchCheck(Record):
    """One note of one instrument: what was asked for and what sounds.

    ``octave`` is the number of whole octaves between them, ``error_cents`` what remains.
    """

    program: int
    name: str
    pitch: int
    measured_hz: float
    octave: int
    error_cents: float


def pitch_hz(pitch: float, a4_hz: float = 440.0) -> float:
    """Frequency of a MIDI pitch in equal temperament.

    >>> pitch_hz(69), round(pitch_hz(60), 2)
    (440.0, 261.63)
    """
    return float(a4_hz * 2 ** ((pitch - 69) / 12))


def fundamental_hz(sound: FloatArray, sample_rate_hz: int) -> float:
    """Return the fundamental frequency of a steady sound between 20 and 5 000 Hz.

    Not for chords, noises or sounds shorter than about four periods.

    Shape: ``[time]``.

    Raises:
        SilentAudio: nothing sounds, or nothing in it repeats.
    """
    x = np.asarray(sound, np.float64)
    x = x - x.mean()
    count = len(x)
    longest = min(int(sample_rate_hz / _LOWEST_HZ), count // 2)
    shortest = max(2, int(sample_rate_hz / _HIGHEST_HZ))
    if longest <= shortest or not np.any(x):
        raise SilentAudio(f"expected a steady sound for its pitch, got {count} samples of silence")
    size = 1 << (2 * count - 1).bit_length()
    power = np.abs(np.fft.rfft(x, size)) ** 2
    correlation = np.fft.irfft(power, size)[: longest + 1]
    # Energy of the two overlapping stretches at each lag: [lag].
    squares = np.concatenate([[0.0], np.cumsum(x * x)])
    lags = np.arange(longest + 1)
    energy = squares[count - lags] + (squares[count] - squares[lags])
    alike = 2 * correlation / np.maximum(energy, 1e-20)
    inner = np.arange(shortest, longest)
    peaks = inner[(alike[inner] >= alike[inner - 1]) & (alike[inner] > alike[inner + 1])]
    # The slope down from lag 0 is no period.
    below = np.flatnonzero(alike < 0)
    peaks = peaks[peaks > (below[0] if len(below) else longest)]
    if not len(peaks):
        raise SilentAudio("expected a sound that repeats, found no period in it")
    lag = int(peaks[alike[peaks] >= _KEY * alike[peaks].max()][0])
    left, middle, right = alike[lag - 1 : lag + 2]
    shift = 0.5 * (left - right) / (left - 2 * middle + right)
    return _refined(x, sample_rate_hz, sample_rate_hz / (lag + float(shift)))


def check_pitch(instrument: Program, pitch: int, soundfont: Path) -> PitchCheck:
    """Render one note of an instrument and measure it.

    Raises:
        SilentAudio: the SoundFont has no sample for the note, or the sound has no pitch.
    """
    rate_hz = 44100
    note = render_note(instrument, pitch, soundfont, rate_hz)
    middle = note.mean(axis=0)[round(_FROM_S * rate_hz) : round(_TO_S * rate_hz)]
    measured = fundamental_hz(middle, rate_hz)
    cents = 1200 * float(np.log2(measured / pitch_hz(pitch)))
    octave = round(cents / 1200)
    rest = round(cents - 1200 * octave, 2)
    return PitchCheck(instrument.number, instrument.name, pitch, round(measured, 3), octave, rest)


def render_note(
    instrument: Program,
    pitch: int,
    soundfont: Path,
    sample_rate_hz: int = 44100,
    *,
    duration_s: float = 1.5,
    velocity: int = 96,
) -> FloatArray:
    """Render one note, released a third before the end. Shape: ``[2, time]``."""
    note = Note(0.0, duration_s * 2 / 3, pitch, velocity)
    part = Part(instrument.number, (note,))
    return render_parts((part,), soundfont, duration_s, sample_rate_hz)


def _refined(x: FloatArray, rate_hz: int, coarse_hz: float) -> float:
    """Interpolate the strongest line near the first harmonics, divided by its number."""
    size = 1 << (4 * len(x) - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)), size))
    best, found = -1.0, coarse_hz
    for harmonic in range(1, _HARMONICS + 1):
        centre = coarse_hz * harmonic * size / rate_hz
        low, high = int(centre * 0.985), int(centre * 1.015) + 2
        if high + 1 >= len(spectrum):
            break
        place = low + int(np.argmax(spectrum[low:high]))
        if place < 1 or spectrum[place] <= best:
            continue
        left, middle, right = np.log(spectrum[place - 1 : place + 2] + 1e-20)
        curve = left - 2 * middle + right
        shift = 0.5 * (left - right) / curve if curve < 0 else 0.0
        best, found = float(spectrum[place]), (place + shift) * rate_hz / size / harmonic
    return float(found)
