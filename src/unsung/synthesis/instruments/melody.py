# SPDX-License-Identifier: MIT
"""Random melodies from a seed: in a key, uniform over pitches, or as a plain sequence of notes.

A melody is drawn in two steps. The line (rhythm, steps, velocities) depends on the seed alone; then
it is fitted to an instrument's range, polyphony and way of sounding. One seed therefore gives the
same music to every instrument, which is why splits are made by melody seed.

Units: seconds, beats per minute, MIDI pitch (60 = middle C) and velocity (1 to 127). Not a model of
composed music: there is no form, no voice leading and no metre beyond the beat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from unsung.errors import UsageError
from unsung.synthesis.instruments.table import Program
from unsung.types import Record

__all__ = ["SCALES", "Key", "Note", "Part", "Style", "draw_key", "draw_melody"]

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "natural minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "major pentatonic": (0, 2, 4, 7, 9),
}
"""Semitones above the tonic."""

_BEATS = (0.5, 1.0, 1.5, 2.0)
_BEAT_WEIGHTS = (0.4, 0.4, 0.1, 0.1)
_REST, _CHORD = 0.1, 0.25  # share of slots that rest; of notes that become chords
_STEPS = (-3, -2, -1, 0, 1, 2, 3)  # in degrees of the scale; mostly neighbours, as tunes move
_STEP_WEIGHTS = (0.06, 0.14, 0.27, 0.06, 0.27, 0.14, 0.06)
_SHORTEST_S = 0.08
_SPAN = 19  # a melody stays within an octave and a fifth
_SEQUENCE_GAP_S, _SEQUENCE_LENGTH_S = (0.0, 1.0), (0.3, 2.0)


@dataclass(frozen=True)
class Note(Record):
    """One note: pressed at ``start_s``, released at ``end_s``."""

    start_s: float
    end_s: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Part(Record):
    """What one instrument plays. ``program`` is a number of the table (128: drum kit)."""

    program: int
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Key(Record):
    """Tonic (0 to 11, 0 = C), scale and tempo that all parts of a clip share."""

    tonic: int
    scale: str
    tempo_bpm: float


@dataclass(frozen=True)
class Style(Record):
    """How melodies are drawn; pairs are (lowest, highest), drawn uniformly between.

    mode: ``scale`` walks over the degrees of a key; ``uniform`` draws every pitch of the range
    alike; ``sequence`` is a fixed number of notes one after another with gaps of 0 to 1 s and
    lengths of 0.3 to 2 s, shortened in proportion where they would not fit the clip.
    articulation: sounding share of a note's slot (0.3 staccato, 1 legato).
    pitches: one range for all instruments; None takes each instrument's own range.
    """

    mode: Literal["scale", "uniform", "sequence"] = "scale"
    tempo_bpm: tuple[float, float] = (80.0, 140.0)
    velocity: tuple[int, int] = (50, 110)
    articulation: tuple[float, float] = (0.5, 1.0)
    pitches: tuple[int, int] | None = None
    notes: int = 5

    def __post_init__(self) -> None:
        if self.mode not in ("scale", "uniform", "sequence"):
            raise UsageError(f"expected mode scale, uniform or sequence, got '{self.mode}'")
        _check_pair("tempo_bpm", self.tempo_bpm, 20, 400)
        _check_pair("velocity", self.velocity, 1, 127)
        _check_pair("articulation", self.articulation, 0.05, 1)
        if self.pitches is not None:
            _check_pair("pitches", self.pitches, 0, 127)
        if self.notes < 1:
            raise UsageError(f"expected at least one note, got {self.notes}")


@dataclass(frozen=True)
class _Slot:
    """A note of a line before it has an instrument; ``draw`` in 0..1 picks uniform pitches."""

    start_s: float
    length_s: float
    step: int
    draw: float
    chord: bool
    velocity: int


def draw_key(style: Style, seed: tuple[int, ...]) -> Key:
    """Draw tonic, scale and tempo."""
    rng = np.random.default_rng(seed)
    tempo = float(rng.uniform(*style.tempo_bpm))
    return Key(int(rng.integers(12)), str(rng.choice(list(SCALES))), round(tempo, 2))


def draw_melody(
    instrument: Program, style: Style, key: Key, duration_s: float, seed: tuple[int, ...]
) -> Part:
    """Draw the part of one instrument; its last note ends before ``duration_s``.

    The same seed with another instrument gives the same rhythm and contour in another range, at
    half the speed where its notes swell slowly.

    Raises:
        UsageError: the clip is too short for a single note.
    """
    if duration_s < 4 * _SHORTEST_S:
        raise UsageError(
            f"expected at least {4 * _SHORTEST_S:g} s for a melody, got {duration_s:g} s"
        )
    rng = np.random.default_rng(seed)
    line = _sequence if style.mode == "sequence" else _line
    slots = line(rng, style, key, duration_s, slow=instrument.sounding == "swells")
    low, high = style.pitches or (instrument.lowest, instrument.highest)
    pick = _walk if style.mode == "scale" and instrument.pitched else _uniform
    pitches = pick(slots, key, low, high, rng)
    notes = []
    for slot, pitch in zip(slots, pitches, strict=True):
        chord = instrument.polyphony if slot.chord and style.mode == "scale" else 1
        for tone in _chord(pitch, key, high, min(chord, 3)):
            end_s = round(slot.start_s + slot.length_s, 4)
            notes.append(Note(round(slot.start_s, 4), end_s, tone, slot.velocity))
    return Part(instrument.number, tuple(notes))


def _line(
    rng: np.random.Generator, style: Style, key: Key, duration_s: float, slow: bool
) -> list[_Slot]:
    """Slots on the beat grid until the clip is full; slow instruments get twice the length."""
    beat_s = 60 / key.tempo_bpm * (2 if slow else 1)
    share = 1.0 if slow else float(rng.uniform(*style.articulation))
    loud = float(rng.uniform(*style.velocity))
    slots: list[_Slot] = []
    at_s = 0.0
    while duration_s - at_s > 2 * _SHORTEST_S:
        length_s = min(float(rng.choice(_BEATS, p=_BEAT_WEIGHTS)) * beat_s, duration_s - at_s)
        step = int(rng.choice(_STEPS, p=_STEP_WEIGHTS))
        draw, rest, chord = (float(value) for value in rng.uniform(size=3))
        velocity = round(float(np.clip(loud + rng.normal(0, 6), *style.velocity)))
        # The first slot never rests: every label must be heard.
        if rest >= _REST or not slots:
            sounding = max(_SHORTEST_S, length_s * share)
            slots.append(_Slot(at_s, sounding, step, draw, chord < _CHORD, velocity))
        at_s += length_s
    return slots


def _sequence(
    rng: np.random.Generator, style: Style, key: Key, duration_s: float, slow: bool
) -> list[_Slot]:
    """A fixed number of notes, one after another, in seconds and not in beats."""
    del key, slow
    gaps = rng.uniform(*_SEQUENCE_GAP_S, size=style.notes)
    lengths = rng.uniform(*_SEQUENCE_LENGTH_S, size=style.notes)
    scale = min(1.0, duration_s / float(np.sum(gaps + lengths)))
    slots, at_s = [], 0.0
    for gap, length in zip(gaps * scale, lengths * scale, strict=True):
        velocity = int(rng.integers(style.velocity[0], style.velocity[1] + 1))
        start_s = at_s + float(gap)
        slots.append(_Slot(start_s, float(length), 0, float(rng.uniform()), False, velocity))
        at_s = start_s + float(length)
    return slots


def _uniform(
    slots: list[_Slot], key: Key, low: int, high: int, rng: np.random.Generator
) -> list[int]:
    del key, rng
    return [low + min(int(slot.draw * (high - low + 1)), high - low) for slot in slots]


def _walk(slots: list[_Slot], key: Key, low: int, high: int, rng: np.random.Generator) -> list[int]:
    """Walk over the pitches of the key, reflected at the ends of a window within the range."""
    span = min(_SPAN, high - low)
    bottom = low + int(rng.uniform() * (high - low - span + 1))
    degrees = SCALES[key.scale]
    window = [p for p in range(bottom, bottom + span + 1) if (p - key.tonic) % 12 in degrees]
    if not window:  # a range of a semitone or two may miss the key altogether
        window = [bottom]
    last = len(window) - 1
    place = round(slots[0].draw * last)
    pitches = []
    for slot in slots:
        place = abs(place + slot.step)
        place = max(0, 2 * last - place) if place > last else place
        pitches.append(window[place])
    return pitches


def _chord(pitch: int, key: Key, high: int, size: int) -> list[int]:
    """Stack thirds of the key on a pitch, as far as the range and the size allow."""
    scale = [p for p in range(pitch, high + 1) if (p - key.tonic) % 12 in SCALES[key.scale]]
    return [pitch, *scale[2 : 2 * size : 2]][:size] if size > 1 else [pitch]


def _check_pair(name: str, pair: tuple[float, float], low: float, high: float) -> None:
    if len(pair) != 2 or not low <= pair[0] <= pair[1] <= high:
        raise UsageError(f"expected {name} as (lowest, highest) in {low} to {high}, got {pair}")
