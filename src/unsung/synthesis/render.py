# SPDX-License-Identifier: MIT
"""Plays a score: instruments on a stage, a small room, human timing, and a quiet noise floor.

Source: own; the room is exponentially decaying noise (Polack) with a few early reflections. Units:
seconds, dB re full scale. Every upsampling-free step leaves the spectrum of a plain recording. When
not to use: as "human" music in a test set; it is a control, made by rule.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from unsung.synthesis.score import Note, Piece, note_hz
from unsung.synthesis.timbres import TIMBRES
from unsung.types import Clip

__all__ = ["PEAK_DB", "render", "room"]

PEAK_DB = -1.5  # leaves headroom for what a codec or a resampler adds
_FLOOR_DB = -78.0  # a quiet studio chain
_LEAD_S, _TAIL_S = 0.3, 1.2
_STAGE: dict[str, tuple[float, float, float]] = {
    # part: gain, pan (-1 left, 1 right), send to the room
    **{"piano": (0.55, -0.25, 0.22), "pad": (0.28, 0.2, 0.35), "bass": (0.5, 0.0, 0.05)},
    **{"kick": (0.7, 0.0, 0.05), "snare": (0.3, 0.1, 0.2), "hat": (0.13, 0.4, 0.1)},
    **{"guitar": (0.75, 0.2, 0.25), "arpeggio": (0.5, -0.3, 0.2), "shaker": (0.08, 0.5, 0.15)},
    **{"bell": (0.5, 0.1, 0.4)},
}
Floats = NDArray[np.float64]


def render(piece: Piece, seed: int = 0, sample_rate_hz: int = 44100) -> Clip:
    """Play a piece in stereo; the same seed gives the same samples.

    Shape of the samples: ``[2, time]``, peak at `PEAK_DB`.
    """
    rng = np.random.default_rng(seed)
    n = round((_LEAD_S + piece.duration_s + _TAIL_S) * sample_rate_hz)
    dry, send = np.zeros((2, n)), np.zeros((2, n))
    for note in piece.notes:
        _place(note, dry, send, sample_rate_hz, rng)
    wet = np.asarray(signal.oaconvolve(send, room(sample_rate_hz, rng=rng), axes=-1))
    mix = _microphones(dry + wet[:, :n], sample_rate_hz)
    mix *= 10 ** (PEAK_DB / 20) / np.abs(mix).max()
    fade = np.ones(n)
    length = round(0.8 * _TAIL_S * sample_rate_hz)
    fade[-length:] = 0.5 + 0.5 * np.cos(np.pi * np.arange(length) / length)
    mix = mix * fade + _floor(mix.shape, rng)
    return Clip(mix.astype(np.float32), sample_rate_hz, track_id=piece.name)


def room(
    sample_rate_hz: int, rt60_s: float = 0.9, rng: np.random.Generator | None = None
) -> Floats:
    """Return a stereo room response of unit energy; treble dies twice as fast as bass.

    Shape: ``[2, time]``.
    """
    rng = rng or np.random.default_rng(0)
    n = round(rt60_s * sample_rate_hz)
    noise = rng.standard_normal((2, n))
    sections = signal.butter(1, 2500, fs=sample_rate_hz, output="sos")
    low = np.asarray(signal.sosfilt(sections, noise, axis=-1))
    t = np.arange(n) / n
    tail = low * 10 ** (-3 * t) + (noise - low) * 10 ** (-6 * t)
    tail *= np.minimum(1, t * rt60_s / 0.015)  # the dense tail builds up
    for _ in range(7):
        place = round(rng.uniform(0.006, 0.04) * sample_rate_hz)
        tail[:, place] += rng.uniform(3, 8) * rng.choice([-1, 1]) * rng.uniform(0.5, 1, 2)
    return np.asarray(tail / np.sqrt(np.square(tail).sum(axis=1, keepdims=True)))


def _place(note: Note, dry: Floats, send: Floats, rate: int, rng: np.random.Generator) -> None:
    """Add one note, a few milliseconds off and a little harder or softer than written."""
    gain, pan, wet = _STAGE[note.part]
    late_s = float(np.clip(rng.normal(0, 0.006), -0.012, 0.012))
    velocity = float(np.clip(note.velocity * (1 + 0.08 * rng.standard_normal()), 0.1, 1))
    sound = TIMBRES[note.part](note_hz(note.midi), note.duration_s, velocity, rate, rng)
    start = round((_LEAD_S + note.start_s + late_s) * rate)
    sound = sound[: dry.shape[1] - start]
    angle = np.pi / 4 * (1 + pan)  # constant power
    image = np.array([[np.cos(angle)], [np.sin(angle)]]) * gain * sound
    dry[:, start : start + len(sound)] += image
    send[:, start : start + len(sound)] += wet * image


def _microphones(mix: Floats, rate: int) -> Floats:
    """No rumble, and the gentle loss of air and microphones: no edge anywhere in the treble."""
    cut = signal.butter(2, 25, "highpass", fs=rate, output="sos")
    air = signal.butter(1, 9000, fs=rate, output="sos")
    return np.asarray(signal.sosfilt(np.concatenate([cut, air]), mix, axis=-1))


def _floor(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    white = rng.standard_normal(shape)
    brown = np.asarray(signal.lfilter([0.1], [1, -0.95], white, axis=-1))
    return np.asarray(10 ** (_FLOOR_DB / 20) * (0.7 * white + 0.7 * brown))
