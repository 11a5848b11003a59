# SPDX-License-Identifier: MIT
"""Three small original pieces as lists of notes: chords, bass, melody and drums by rule and seed.

Source: own composition: diatonic progressions, a two-bar motif drawn from the seed and answered,
chord tones on strong beats. Units: seconds from the start, MIDI note numbers (69 is 440 Hz),
velocity 0 to 1. When not to use: as training music; the style is far too narrow.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from unsung.errors import UnknownName
from unsung.types import Record

__all__ = ["PIECES", "Note", "Piece", "compose", "note_hz"]


@dataclass(frozen=True)
class Note(Record):
    """One sound: who plays it, how high, when, how long and how hard."""

    part: str
    midi: float
    start_s: float
    duration_s: float
    velocity: float


@dataclass(frozen=True)
class Piece(Record):
    """A named list of notes in order of time."""

    name: str
    notes: tuple[Note, ...]

    @property
    def duration_s(self) -> float:
        """When the last note is released."""
        return max(note.start_s + note.duration_s for note in self.notes)


@dataclass(frozen=True)
class _Plan:
    """What tells one piece from another."""

    tempo_bpm: float
    beats: int
    tonic: int
    scale: tuple[int, ...]
    degrees: tuple[int, ...]
    rhythm: tuple[float, ...]
    parts: tuple[str, ...]


_CHORD_STEPS = (-3, 0, 2, 4, 7)  # fifth below, root, third, fifth, octave
_RING = 1.5  # the last chord rings on, in bars
_MAJOR, _DORIAN = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 9, 10)
PIECES: dict[str, _Plan] = {
    "ensemble": _Plan(
        *(96, 4, 57, _DORIAN, (0, 3, 6, 2, 0, 3, 4, 4, 0, 0)),
        rhythm=(0, 1, 1.5, 2, 3),
        parts=("piano", "pad", "bass", "kick", "snare", "hat"),
    ),
    "guitar": _Plan(
        *(108, 3, 55, _MAJOR, (0, 5, 3, 4, 0, 5, 1, 4, 3, 2, 1, 4, 0, 3, 0)),
        rhythm=(0, 1, 2),
        parts=("guitar", "arpeggio", "shaker"),
    ),
    "bells": _Plan(
        *(76, 4, 60, _MAJOR, (0, 3, 5, 4, 3, 1, 4, 0)),
        rhythm=(0, 1, 2, 2.5, 3),
        parts=("bell", "pad", "bass"),
    ),
}
"""Piece → plan; `compose` takes these names."""


def note_hz(midi: float) -> float:
    """Return the equal-tempered frequency.

    >>> note_hz(57)
    220.0
    """
    return float(440.0 * 2 ** ((midi - 69) / 12))


def compose(name: str, seed: int = 0) -> Piece:
    """Write one piece; the seed varies the melody, the rest is fixed.

    Raises:
        UnknownName: no such piece; the message suggests the nearest.
    """
    if name not in PIECES:
        raise UnknownName("piece", name, PIECES)
    plan = PIECES[name]
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    notes = [*_melody(plan, rng)]
    last = len(plan.degrees) - 1
    for bar, degree in enumerate(plan.degrees):
        ending = bar == last
        if "pad" in plan.parts:
            notes += _chord(plan, bar, degree, ending)
        if "arpeggio" in plan.parts:
            notes += _arpeggio(plan, bar, degree, ending)
        if "bass" in plan.parts:
            notes += _bass(plan, bar, degree, ending)
        if not ending:
            notes += _drums(plan, bar)
    return Piece(name, tuple(sorted(notes, key=lambda note: (note.start_s, note.part, note.midi))))


def _pitch(plan: _Plan, degree: int) -> int:
    octave, step = divmod(degree, len(plan.scale))
    return plan.tonic + 12 * octave + plan.scale[step]


def _note(
    plan: _Plan, part: str, midi: int, bar: int, beat: float, *, beats: float, velocity: float
) -> Note:
    beat_s = 60 / plan.tempo_bpm
    return Note(part, midi, (bar * plan.beats + beat) * beat_s, beats * beat_s, velocity)


def _melody(plan: _Plan, rng: np.random.Generator) -> list[Note]:
    """Draw a two-bar motif of steps, repeat it over the chords and close on the tonic."""
    part = plan.parts[0]
    motif = [rng.integers(-2, 3, len(plan.rhythm)) for _ in range(2)]
    notes, last = [], len(plan.degrees) - 1
    for bar, root in enumerate(plan.degrees):
        line = motif[bar % 2] if bar % 8 < 6 else -motif[bar % 2]  # the answer turns it over
        base = 7 + (root if root < 4 else root - 7)
        for i, beat in enumerate(plan.rhythm):
            strong = beat in (0, 2)
            degree = base + (_CHORD_STEPS[line[i] + 2] if strong else int(line[i]) + 1)
            if bar == last:
                degree = 7
            following = plan.rhythm[i + 1] if i + 1 < len(plan.rhythm) else plan.beats
            length = plan.beats * _RING if bar == last else following - beat
            velocity = 0.8 if beat == 0 else 0.62 + 0.1 * strong
            notes.append(
                _note(plan, part, _pitch(plan, degree), bar, beat, beats=length, velocity=velocity)
            )
            if bar == last:
                break
    return notes


def _chord(plan: _Plan, bar: int, degree: int, ending: bool) -> list[Note]:
    steps = (0, 2, 4, 6) if bar % 4 == 1 else (0, 2, 4)
    beats = plan.beats * (_RING if ending else 1)
    return [
        _note(plan, "pad", _pitch(plan, degree + step), bar, 0, beats=beats, velocity=0.55)
        for step in steps
    ]


def _arpeggio(plan: _Plan, bar: int, degree: int, ending: bool) -> list[Note]:
    pattern = (-7, 0, 2, 4, 2, 0)
    low = degree if degree < 4 else degree - 7
    return [
        _note(
            *(plan, "arpeggio", _pitch(plan, low + step), bar, i / 2),
            beats=plan.beats * _RING - i / 2 if ending else 1.5,
            velocity=0.7 if i == 0 else 0.5,
        )
        for i, step in enumerate(pattern)
    ]


def _bass(plan: _Plan, bar: int, degree: int, ending: bool) -> list[Note]:
    low = _pitch(plan, degree - 14 if degree < 4 else degree - 21)
    hits: tuple[tuple[float, float, float], ...] = (
        (0, 1.5, 0.85),
        (1.5, 0.5, 0.6),
        (2, 1.5, 0.75),
        (3.5, 0.5, 0.55),
    )
    if ending:
        hits = ((0, plan.beats * _RING, 0.8),)
    return [_note(plan, "bass", low, bar, beat, beats=n, velocity=v) for beat, n, v in hits]


def _drums(plan: _Plan, bar: int) -> list[Note]:
    hits = {"kick": (0, 2, 2.5), "snare": (1, 3), "hat": tuple(i / 2 for i in range(8))}
    hits["shaker"] = tuple(i / 2 for i in range(2 * plan.beats))
    return [
        _note(plan, part, 60, bar, beat, beats=0.25, velocity=0.8 if beat == int(beat) else 0.5)
        for part in ("kick", "snare", "hat", "shaker")
        if part in plan.parts
        for beat in hits[part]
    ]
