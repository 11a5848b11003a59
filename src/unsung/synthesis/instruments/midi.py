# SPDX-License-Identifier: MIT
"""Parts to standard MIDI files and back, and folders of MIDI files as a source of melodies.

Written files are type 1: a track for tempo and key, then one track a part, each on its own channel
with its own program change; channel 10 (index 9) is kept for drums. Ticks are 1/960 of a beat, so
times are within 0.4 ms at 80 beats a minute and above. MIDI numbers channels from 0 in the bytes
and from 1 in print; here from 0.

Reading takes any file that mido reads: tempo changes, running notes, several programs. Output
folders of Symbotunes (`python3 -m scripts.sample -b N -o OUT`) are flat folders of
``sample_0.mid``, ``sample_1.mid``, ... that music21 wrote: one melody each, without programs;
samples whose notation was invalid are missing. `list_midi` reads them in the order of their
numbers.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from unsung.errors import DatasetError, MissingExtra, UnreadableAudio, UsageError
from unsung.synthesis.instruments.melody import Note, Part
from unsung.synthesis.instruments.table import DRUMS, Program

__all__ = ["channels", "cut", "fit_range", "list_midi", "read_midi", "write_midi"]

DRUM_CHANNEL = 9
MELODIC_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)
_TICKS_PER_BEAT = 960
_EXTENSIONS = (".mid", ".midi")


def channels(parts: tuple[Part, ...]) -> tuple[int, ...]:
    """Give each part its MIDI channel: drums the tenth, all others the free ones in order.

    Raises:
        UsageError: more than 15 melodic parts or more than one drum kit.
    """
    free = iter(MELODIC_CHANNELS)
    melodic = sum(part.program != DRUMS.number for part in parts)
    if melodic > len(MELODIC_CHANNELS) or len(parts) - melodic > 1:
        raise UsageError(
            "expected at most 15 melodic parts and one drum kit (MIDI has 16 channels), "
            f"got {melodic} and {len(parts) - melodic}"
        )
    return tuple(DRUM_CHANNEL if p.program == DRUMS.number else next(free) for p in parts)


def write_midi(path: Path, parts: tuple[Part, ...], tempo_bpm: float = 120.0) -> None:
    """Write parts as a type 1 file; equal input gives equal bytes."""
    mido = _mido()
    tempo = mido.bpm2tempo(tempo_bpm)
    file = mido.MidiFile(type=1, ticks_per_beat=_TICKS_PER_BEAT)
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=tempo)]))
    for part, channel in zip(parts, channels(parts), strict=True):
        program = 0 if part.program == DRUMS.number else part.program
        track = mido.MidiTrack([mido.Message("program_change", program=program, channel=channel)])
        now = 0
        for tick, kind, note in _events(part, tempo, mido):
            velocity = note.velocity if kind == "note_on" else 0
            track.append(
                mido.Message(
                    kind, note=note.pitch, velocity=velocity, channel=channel, time=tick - now
                )
            )
            now = tick
        file.tracks.append(track)
    file.save(str(path))


def read_midi(path: Path) -> tuple[Part, ...]:
    """Read a file's notes: one part for each track, channel and program that plays any.

    Times are in seconds with all tempo changes applied. A note that is never released ends with the
    file. Parts are in order of track, channel and program.

    Raises:
        UnreadableAudio: not a MIDI file, damaged, or without a note.
    """
    mido = _mido()
    try:
        file = mido.MidiFile(str(path), clip=True)
        messages = [(0 if file.type == 0 else i, m) for i, m in _timed(file, mido)]
    except (OSError, EOFError, ValueError, KeyError, IndexError) as error:
        raise UnreadableAudio(
            f"{path}: expected a standard MIDI file, could not be read ({error or 'it ends early'})"
        ) from error
    held: dict[tuple[int, int, int], list[tuple[float, int, int]]] = {}
    programs: dict[int, int] = {}
    made: dict[tuple[int, int, int], list[Note]] = {}
    end_s = 0.0
    for track, (at_s, message) in messages:
        end_s = max(end_s, at_s)
        if message.type == "program_change":
            programs[message.channel] = message.program
        elif message.type in ("note_on", "note_off"):
            place = (track, message.channel, message.note)
            if message.type == "note_on" and message.velocity > 0:
                number = DRUMS.number if message.channel == DRUM_CHANNEL else None
                number = programs.get(message.channel, 0) if number is None else number
                held.setdefault(place, []).append((at_s, message.velocity, number))
            elif held.get(place):
                _release(made, place, held[place].pop(0), at_s)
    for place, notes in held.items():
        for note in notes:
            _release(made, place, note, end_s)
    if not made:
        raise UnreadableAudio(f"{path}: expected at least one note, the file has none")
    return tuple(
        Part(number, tuple(sorted(notes, key=lambda note: (note.start_s, note.pitch))))
        for (_, _, number), notes in sorted(made.items())
    )


def list_midi(folder: Path) -> tuple[Path, ...]:
    """List a folder's MIDI files, also in subfolders; numbers in names sort as numbers.

    Raises:
        DatasetError: no such folder, or no MIDI file in it.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: expected a folder of MIDI files (.mid, .midi), not found")
    files = [path for path in folder.rglob("*") if path.suffix.lower() in _EXTENSIONS]
    if not files:
        raise DatasetError(f"{folder}: expected MIDI files (.mid, .midi), found none")
    return tuple(sorted(files, key=lambda path: _natural(path.relative_to(folder))))


def cut(notes: tuple[Note, ...], from_s: float, duration_s: float) -> tuple[Note, ...]:
    """Keep the notes that start in a stretch, moved to start at 0 and ended with the stretch."""
    kept = []
    for note in notes:
        start_s = round(note.start_s - from_s, 4)
        end_s = round(min(note.end_s - from_s, duration_s), 4)
        if 0 <= start_s < end_s:
            kept.append(Note(start_s, end_s, note.pitch, note.velocity))
    return tuple(kept)


def fit_range(
    notes: tuple[Note, ...], instrument: Program, low: int, high: int
) -> tuple[Note, ...]:
    """Move notes by octaves into a range and thin chords to the instrument's polyphony.

    The highest notes of a chord stay: the tune is most often on top. A note whose pitch class does
    not exist in a range of less than an octave goes to the nearest end of the range.
    """
    moved: dict[tuple[float, int], Note] = {}
    for note in notes:
        pitch = note.pitch
        pitch += 12 * max(0, -(-(low - pitch) // 12)) - 12 * max(0, -(-(pitch - high) // 12))
        pitch = min(max(pitch, low), high)
        moved[note.start_s, pitch] = Note(note.start_s, note.end_s, pitch, note.velocity)
    kept: list[Note] = []
    for note in sorted(moved.values(), key=lambda note: (note.start_s, -note.pitch)):
        sounding = [other for other in kept if other.end_s > note.start_s]
        together = [other for other in sounding if other.start_s == note.start_s]
        if len(together) >= instrument.polyphony:
            continue
        # A new note on a full instrument ends the oldest one, as a player's next note does.
        for old in sounding[: max(0, len(sounding) - instrument.polyphony + 1)]:
            if old.start_s < note.start_s:
                kept[kept.index(old)] = Note(old.start_s, note.start_s, old.pitch, old.velocity)
        kept.append(note)
    return tuple(kept)


def _release(
    made: dict[tuple[int, int, int], list[Note]],
    place: tuple[int, int, int],
    started: tuple[float, int, int],
    end_s: float,
) -> None:
    start_s, velocity, number = started
    if end_s > start_s:
        note = Note(round(start_s, 4), round(end_s, 4), place[2], velocity)
        made.setdefault((place[0], place[1], number), []).append(note)


def _timed(file: Any, mido: Any) -> list[tuple[int, tuple[float, Any]]]:
    """List all tracks' messages as (track, (seconds, message)) in order of time."""
    rows = []
    for number, track in enumerate(file.tracks):
        tick = 0
        for message in track:
            tick += message.time
            rows.append((tick, number, message))
    # Ties: tempo and program before notes, releases before new presses, else file order.
    rows.sort(key=lambda row: (row[0], _rank(row[2])))
    tempo, at_s, last = 500_000, 0.0, 0
    timed = []
    for tick, number, message in rows:
        at_s += mido.tick2second(tick - last, file.ticks_per_beat, tempo)
        last = tick
        if message.type == "set_tempo":
            tempo = message.tempo
        timed.append((number, (at_s, message)))
    return timed


def _rank(message: Any) -> int:
    if message.type not in ("note_on", "note_off"):
        return 0
    return 2 if message.type == "note_on" and message.velocity > 0 else 1


def _events(part: Part, tempo: int, mido: Any) -> list[tuple[int, str, Note]]:
    rows = []
    for note in part.notes:
        start = round(mido.second2tick(note.start_s, _TICKS_PER_BEAT, tempo))
        end = round(mido.second2tick(note.end_s, _TICKS_PER_BEAT, tempo))
        rows += [(start, "note_on", note), (max(end, start + 1), "note_off", note)]
    # Releases first, so that a repeated pitch sounds again.
    return sorted(rows, key=lambda row: (row[0], row[1] == "note_on", row[2].pitch))


def _natural(path: Path) -> list[tuple[int, int, str]]:
    pieces = re.split(r"(\d+)", str(path))
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in pieces if p]


def _mido() -> Any:
    try:
        import mido
    except ImportError as error:
        raise MissingExtra("mido", "synthesis", "reading and writing MIDI files") from error
    return mido
