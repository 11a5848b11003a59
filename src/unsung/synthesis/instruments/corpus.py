# SPDX-License-Identifier: MIT
"""Makes a corpus of clips with known instruments and notes: parallel, resumable, described.

The folder holds ``audio/``, ``midi/``, ``labels.jsonl`` (instruments and notes of every clip),
``manifest.jsonl`` and ``corpus.json`` (the settings). Rows are appended to ``labels.part.jsonl``
while the work goes on; a killed run continues from there and ends in the same bytes.

Manifest rows have label ``human`` with ``use`` ``rendered`` and no generator. A label of a manifest
says whether a generative model made the sound. None did here: samples recorded from instruments
play notes by rule. Nobody performed it either, so ``use`` keeps these rows out of whatever asks for
human recordings; do not calibrate a detector on them. The group is the melody.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from unsung.audio import sha256_file
from unsung.audio.write import write
from unsung.core.records import Records
from unsung.errors import AudioError, ManifestError, SilentAudio, UnsungError, UsageError
from unsung.outputs import FOREIGN, Kind, json_with, output_folder, replacing, write_whole
from unsung.synthesis.instruments.clip import make_clip
from unsung.synthesis.instruments.labels import ClipLabel, InstrumentLabel, NoteLabel, read_labels
from unsung.synthesis.instruments.midi import channels, list_midi, write_midi
from unsung.synthesis.instruments.plan import CorpusSpec, check_counts, draw_clip
from unsung.synthesis.instruments.render import check_programs, find_soundfont
from unsung.synthesis.instruments.table import program
from unsung.text import parse_json
from unsung.types import Clip, Failure, Manifest, Record, Track

__all__ = ["WRITTEN", "Summary", "make_corpus"]

WRITTEN = {
    "corpus.json": Kind(
        "a corpus of notes", (), json_with("soundfont_sha256", "n_clips", "programs")
    ),
    **dict.fromkeys(("labels*.jsonl", "manifest.jsonl", "audio", "midi"), FOREIGN),
}
"""What stands in the folder; the settings are its sign."""

LICENCE = "CC0-1.0 for the notes; the samples' licence is the SoundFont's"
_PART = "labels.part.jsonl"
_CHUNK = 8  # clips a process makes before it reports: a kill loses at most these
_ATTEMPTS = 4  # draws of instruments before a clip is given up
_GROWS = ("n_clips",)  # settings that may differ when a corpus is continued


@dataclass(frozen=True)
class Summary(Record):
    """What a run did. ``audio_s`` and ``cpu_s`` count this run's clips, not what was there."""

    n_clips: int
    n_made: int
    n_kept: int
    failures: tuple[tuple[str, Failure], ...]
    audio_s: float
    cpu_s: float
    wall_s: float

    @property
    def real_time_per_core(self) -> float:
        """Seconds of clip made in one CPU second."""
        return self.audio_s / self.cpu_s if self.cpu_s > 0 else float("nan")


def make_corpus(
    spec: CorpusSpec,
    folder: Path,
    jobs: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Make what is missing of a corpus and write its manifest; ``on_progress(done, all)``.

    A clip that fails (an unreadable MIDI file, a silent part) is reported and left out.

    Raises:
        UsageError: the folder holds another corpus, or the SoundFont lacks an instrument.
        MissingTool, MissingExtra: no SoundFont, FluidSynth library, pyfluidsynth or mido.
    """
    started = time.perf_counter()
    output_folder(folder, (), WRITTEN, signs=("corpus.json",))
    soundfont = find_soundfont(Path(spec.soundfont) if spec.soundfont else None)
    check_programs(() if spec.keep_programs else spec.programs, soundfont)
    files = list_midi(Path(spec.midi)) if spec.midi else ()
    check_counts(spec)
    for name in ("audio", "midi"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _settle(spec, folder, soundfont)
    failures: dict[int, Failure] = {}
    cpu_s = 0.0
    with Records(folder / _PART) as part:
        rows = {n: row for n, row in _rows_there(folder).items() if n < spec.n_clips}
        kept = len(rows)
        todo = [number for number in range(spec.n_clips) if number not in rows]
        for made in _chunks(spec, folder, soundfont, files, todo, jobs=jobs):
            for number, row, used_s in made:
                cpu_s += used_s
                if isinstance(row, Failure):
                    failures[number] = row
                    continue
                rows[number] = row
                part.append(row.to_dict())
            if on_progress is not None:
                on_progress(len(rows) + len(failures), spec.n_clips)
    _finish(spec, folder, [rows[number] for number in sorted(rows)])
    made_count = len(rows) - kept
    named = tuple((f"{spec.name}-{n:05d}", failures[n]) for n in sorted(failures))
    wall_s = time.perf_counter() - started
    audio_s = made_count * spec.duration_s
    return Summary(spec.n_clips, made_count, kept, named, audio_s, cpu_s, wall_s)


Made = list[tuple[int, ClipLabel | Failure, float]]


def _chunks(
    spec: CorpusSpec,
    folder: Path,
    soundfont: Path,
    files: tuple[Path, ...],
    todo: list[int],
    *,
    jobs: int,
) -> Iterator[Made]:
    chunks = [todo[start : start + _CHUNK] for start in range(0, len(todo), _CHUNK)]
    if jobs <= 1 or len(chunks) < 2:
        for chunk in chunks:
            yield _make_chunk(spec, folder, soundfont, files, chunk)
        return
    # Spawned: FluidSynth's locks must not be copied in the middle of something.
    pool = ProcessPoolExecutor(min(jobs, len(chunks)), get_context("spawn"))
    try:
        futures = [pool.submit(_make_chunk, spec, folder, soundfont, files, c) for c in chunks]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool as error:
        raise UnsungError(
            "a process was killed, most often for want of memory; what was finished is kept: run "
            "the same command again with fewer --jobs"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _make_chunk(
    spec: CorpusSpec, folder: Path, soundfont: Path, files: tuple[Path, ...], numbers: list[int]
) -> Made:
    made: Made = []
    for number in numbers:
        before = time.process_time()
        row: ClipLabel | Failure
        try:
            row = _make_one(spec, folder, soundfont, files, number)
        except (AudioError, UsageError) as error:  # settings were checked: this clip's own
            row = Failure(type(error).__name__, str(error))
        made.append((number, row, time.process_time() - before))
    return made


def _make_one(
    spec: CorpusSpec, folder: Path, soundfont: Path, files: tuple[Path, ...], number: int
) -> ClipLabel:
    for attempt in range(_ATTEMPTS):
        try:
            drawn = draw_clip(spec, number, files, attempt)
            sound, plan, shares_db = make_clip(spec, drawn, soundfont)
            break
        except SilentAudio:
            # The SoundFont has nothing for an instrument's notes: the same melody on others.
            if attempt == _ATTEMPTS - 1:
                raise
    audio, midi = f"audio/{plan.id}.{spec.format}", f"midi/{plan.id}.mid"
    with replacing(folder / audio) as path:
        write(path, Clip(sound, spec.sample_rate_hz))
    with replacing(folder / midi) as path:
        write_midi(path, plan.parts, plan.tempo_bpm or 120.0)
    own = [program(part.program) for part in plan.parts]
    rows = zip(own, channels(plan.parts), shares_db, strict=True)
    notes = [
        NoteLabel(note.start_s, note.end_s, note.pitch, note.velocity, instrument.name)
        for instrument, part in zip(own, plan.parts, strict=True)
        for note in part.notes
    ]
    return ClipLabel(
        id=plan.id,
        path=audio,
        midi=midi,
        split=plan.split,
        group=plan.group,
        duration_s=spec.duration_s,
        sha256=sha256_file(folder / audio),
        tempo_bpm=plan.tempo_bpm,
        key=plan.key,
        instruments=tuple(
            InstrumentLabel(it.name, it.number, it.family, channel, share)
            for it, channel, share in rows
        ),
        notes=tuple(sorted(notes, key=lambda note: (note.start_s, note.instrument, note.pitch))),
    )


def _settle(spec: CorpusSpec, folder: Path, soundfont: Path) -> None:
    """Write the settings, or check that the folder's are the same."""
    path = folder / "corpus.json"
    values = spec.to_dict() | {
        "soundfont": soundfont.name,
        "soundfont_sha256": sha256_file(soundfont),
    }
    if path.exists():
        try:
            there: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ManifestError(f"{path}: damaged; remove the folder and start again") from error
        names = sorted(values.keys() | there.keys())
        other = [n for n in names if n not in _GROWS and values.get(n) != there.get(n)]
        if other:
            raise UsageError(
                f"{folder} holds a corpus with another {', '.join(other)}; expected the same "
                "settings to continue it: give another folder, or the settings of its corpus.json"
            )
    write_whole(path, json.dumps(values, indent=1) + "\n")


def _rows_there(folder: Path) -> dict[int, ClipLabel]:
    """Read finished rows whose sound is still there."""
    paths = [path for path in (folder / "labels.jsonl", folder / _PART) if path.exists()]
    rows = [row for path in paths for row in read_labels(path)]
    return {_number(r.id): r for r in rows if (folder / r.path).is_file()}


def _number(clip_id: str) -> int:
    return int(clip_id.rpartition("-")[2])


def _finish(spec: CorpusSpec, folder: Path, rows: list[ClipLabel]) -> None:
    if not rows:
        raise ManifestError(f"{folder}: no clip could be made; see the failures for the reason")
    write_whole(folder / "labels.jsonl", "".join(json.dumps(r.to_dict()) + "\n" for r in rows))
    codec = "vorbis" if spec.format == "ogg" else spec.format
    tracks = tuple(
        Track(
            id=row.id,
            path=row.path,
            label="human",
            dataset="instruments",
            split=row.split,
            group=row.group,
            duration_s=row.duration_s,
            sample_rate_hz=spec.sample_rate_hz,
            channels=spec.channels,
            codec=codec,
            sha256=row.sha256,
            licence=LICENCE,
            use="rendered",
        )
        for row in rows
    )
    Manifest(spec.name, "1", tracks).save(folder / "manifest.jsonl")
    (folder / _PART).unlink(missing_ok=True)
