# SPDX-License-Identifier: MIT
"""What a corpus is to hold, and what each of its clips plays: a function of seed and number only.

A clip's instruments, notes and split follow from (seed, clip number), not from the order in which
processes work. A corpus can therefore be interrupted, continued and enlarged.

Splits are made by melody (or MIDI file), never by clip: two clips with the same music are always on
the same side. In each block of 20 melodies the shares are met exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from unsung.errors import UnreadableAudio, UsageError
from unsung.synthesis.instruments.melody import Part, Style, draw_key, draw_melody
from unsung.synthesis.instruments.midi import cut, fit_range, read_midi
from unsung.synthesis.instruments.mixtures import draw_instruments
from unsung.synthesis.instruments.table import DRUMS, PROGRAMS, Program, program
from unsung.types import Record

__all__ = ["PRESETS", "ClipPlan", "CorpusSpec", "check_counts", "draw_clip", "split_of"]

_SPLITS, _KEY, _MELODY, _INSTRUMENTS, _WINDOW = range(5)  # streams of random numbers
_BLOCK = 20
_NOTES = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")
_PITCHED = tuple(entry.number for entry in PROGRAMS if entry.pitched)


@dataclass(frozen=True)
class CorpusSpec(Record):
    """Everything that decides what a corpus sounds like.

    programs: numbers of the table to draw from (128: drum kit). counts: instruments in a clip,
    taken in turn. similar: all instruments of a clip from one family. tail_s: notes are released
    this long before a clip ends. balance: ``equal`` brings parts to one level within ±spread_db,
    ``soundfont`` leaves them. splits: shares of train, valid and test. melodies: how many
    different ones (0: one for each clip). midi: folder of MIDI files instead of random melodies;
    keep_programs plays a file's tracks on its own instruments. soundfont: empty takes the system's.
    """

    name: str = "instruments"
    n_clips: int = 400
    seed: int = 0
    programs: tuple[int, ...] = _PITCHED
    counts: tuple[int, ...] = (1, 2, 3, 4)
    similar: bool = False
    style: Style = field(default_factory=Style)
    duration_s: float = 5.0
    tail_s: float = 0.5
    sample_rate_hz: int = 44100
    channels: int = 1
    format: str = "flac"
    balance: Literal["equal", "soundfont"] = "equal"
    spread_db: float = 3.0
    effects: bool = False
    splits: tuple[float, float, float] = (0.8, 0.1, 0.1)
    melodies: int = 0
    midi: str = ""
    keep_programs: bool = False
    soundfont: str = ""

    def __post_init__(self) -> None:
        for wrong, message in (
            (self.n_clips < 1, f"at least one clip, got {self.n_clips}"),
            (self.seed < 0, f"a seed of at least 0, got {self.seed}"),
            (not self.programs, "at least one instrument, got none"),
            (not self.counts or min(self.counts) < 1, f"counts from 1, got {self.counts}"),
            (max(self.counts, default=1) > 15, f"at most 15 instruments, got {self.counts}"),
            (self.channels not in (1, 2), f"1 or 2 channels, got {self.channels}"),
            (self.balance not in ("equal", "soundfont"), f"balance equal or soundfont, got "
             f"'{self.balance}'"),
            (self.format not in ("flac", "wav", "ogg"), f"flac, wav or ogg, got '{self.format}'"),
            (not 0 <= self.tail_s <= self.duration_s - 0.4, "a tail that leaves at least 0.4 s of "
             f"notes, got {self.tail_s:g} s of {self.duration_s:g} s"),
            (min(self.splits) < 0 or abs(sum(self.splits) - 1) > 1e-6,
             f"shares of train, valid and test that add up to 1, got {self.splits}"),
            (self.melodies < 0, f"a number of melodies from 0, got {self.melodies}"),
        ):  # fmt: skip
            if wrong:
                raise UsageError(f"expected {message}")


@dataclass(frozen=True)
class ClipPlan(Record):
    """What one clip plays and to which split it belongs."""

    id: str
    group: str
    split: str
    tempo_bpm: float | None
    key: str
    parts: tuple[Part, ...]


_WIMU = (0, 24, 48, 72, 8, 32, 56, 80, 16, 40, 64, 88)
"""Grand piano, nylon guitar, string ensemble, piccolo, celesta, acoustic bass, trumpet, square
lead, Hammond (drawbar) organ, violin, soprano sax, new age pad."""

PRESETS: dict[str, CorpusSpec] = {
    "default": CorpusSpec(),
    "wimu": CorpusSpec(
        name="wimu",
        n_clips=8000,
        programs=_WIMU,
        style=Style("sequence", (120.0, 120.0), (50, 100), pitches=(60, 72), notes=5),
        splits=(0.8, 0.0, 0.2),
    ),
    "strings": CorpusSpec(
        name="strings", programs=(40, 41, 42, 48), counts=(2,), style=Style(pitches=(55, 72))
    ),
    "similar": CorpusSpec(name="similar", counts=(2, 3), similar=True),
}
"""``wimu``: the corpus of "See the Sound of a Guitar" (12 instruments, 8 000 clips, notes 60 to
72, five notes each, 120 beats a minute), 80/20. ``strings``: violin, viola, cello and string
ensemble in one range. ``similar``: two or three of one family."""


def draw_clip(
    spec: CorpusSpec, index: int, files: tuple[Path, ...] = (), attempt: int = 0
) -> ClipPlan:
    """Draw the clip of a number; ``files`` are the MIDI files where `spec.midi` names a folder.

    Another ``attempt`` plays the same melody on other instruments.

    Raises:
        UnreadableAudio: the clip's MIDI file cannot be read or has no usable note.
        UsageError: the instruments do not suffice for the counts.
    """
    cycle = len(files) or spec.melodies
    number = index % cycle if cycle else index
    # Each round through the melodies shifts the counts, so that a melody meets all of them.
    count = spec.counts[(number + (index // cycle if cycle else 0)) % len(spec.counts)]
    rng = np.random.default_rng((spec.seed, _INSTRUMENTS, index, attempt))
    pool = tuple(program(choice) for choice in spec.programs)
    split = split_of(number, spec.splits, spec.seed)
    name = f"{spec.name}-{index:05d}"
    if files:
        group = files[number].relative_to(spec.midi).as_posix()
        drawn = () if spec.keep_programs else draw_instruments(pool, count, rng, spec.similar)
        parts = _file_parts(spec, index, files[number], drawn, count)
        return ClipPlan(name, group, split, None, "", parts)
    key = draw_key(spec.style, (spec.seed, _KEY, number))
    length_s = spec.duration_s - spec.tail_s
    parts = tuple(
        draw_melody(instrument, spec.style, key, length_s, (spec.seed, _MELODY, number, voice))
        for voice, instrument in enumerate(draw_instruments(pool, count, rng, spec.similar))
    )
    words = f"{_NOTES[key.tonic]} {key.scale}" if spec.style.mode == "scale" else ""
    return ClipPlan(name, f"melody-{number:05d}", split, key.tempo_bpm, words, parts)


def check_counts(spec: CorpusSpec) -> None:
    """Say before any work that the instruments do not suffice for a clip.

    Raises:
        UsageError: as `draw_instruments`.
    """
    pool = tuple(program(number) for number in spec.programs)
    for count in () if spec.keep_programs else spec.counts:
        draw_instruments(pool, count, np.random.default_rng(0), spec.similar)


def split_of(number: int, shares: tuple[float, float, float], seed: int) -> str:
    """Return train, valid or test for a melody number; every 20 in a row meet the shares.

    Shares are met to the nearest twentieth.
    """
    order = np.random.default_rng((seed, _SPLITS, number // _BLOCK)).permutation(_BLOCK)
    place = int(order[number % _BLOCK])
    train = round(shares[0] * _BLOCK)
    valid = round((shares[0] + shares[1]) * _BLOCK)
    return "train" if place < train else "valid" if place < valid else "test"


def _file_parts(
    spec: CorpusSpec, index: int, file: Path, drawn: tuple[Program, ...], count: int
) -> tuple[Part, ...]:
    """Take stretches of a MIDI file for as many instruments as asked for.

    On drawn instruments, the parts are the file's tracks in turn, each from a note of its own
    choice: four voices of a single melody are then a texture and not a unison.
    """
    rng = np.random.default_rng((spec.seed, _WINDOW, index))
    drums = DRUMS.number in spec.programs
    tracks = [part for part in read_midi(file) if drums or part.program != DRUMS.number]
    if not tracks:
        raise UnreadableAudio(f"{file}: expected melodic notes, the file has drums only")
    length_s = spec.duration_s - spec.tail_s
    if spec.keep_programs:
        first = tracks[int(rng.integers(len(tracks)))]
        from_s = first.notes[int(rng.integers(len(first.notes)))].start_s
        own: dict[int, Part] = {}
        for track in (first, *tracks):
            notes = cut(track.notes, from_s, length_s)
            if notes and track.program not in own and len(own) < count:
                own[track.program] = Part(track.program, notes)
        return tuple(own.values())
    parts = []
    for voice, instrument in enumerate(drawn):
        track = tracks[voice % len(tracks)]
        from_s = track.notes[int(rng.integers(len(track.notes)))].start_s
        low, high = spec.style.pitches or (instrument.lowest, instrument.highest)
        notes = fit_range(cut(track.notes, from_s, length_s), instrument, low, high)
        parts.append(Part(instrument.number, notes))
    return tuple(parts)
