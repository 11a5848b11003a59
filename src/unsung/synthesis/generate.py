# SPDX-License-Identifier: MIT
"""Runs a generator over prompts into a data set folder that a kill cannot spoil.

``audio/*.flac``, ``manifest.jsonl`` (label ai, use full), ``prompts.jsonl``, ``provenance.jsonl``
(one row a finished clip: model, revision, prompt, seed, hash), ``problems.jsonl`` (one row a prompt
that failed), ``job.json``. Units: seconds, Hz. When not to use: for music made by rule; it is not
AI.
"""

from __future__ import annotations

import errno
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from unsung.audio.write import write
from unsung.core.records import Journal
from unsung.errors import EmptyAudio, ManifestError, NotFinite, SilentAudio, UsageError
from unsung.outputs import FOREIGN, Kind, json_with, output_folder, replacing, write_whole
from unsung.synthesis._generated import file_name, write_manifest
from unsung.synthesis.generators.base import Generator, NotReady
from unsung.synthesis.prompt_files import read_prompts
from unsung.synthesis.prompts import Prompt, auto_prompts, plan_of
from unsung.text import parse_json
from unsung.types import Clip, Record

__all__ = ["WRITTEN", "Done", "Progress", "generate_dataset", "take_prompts"]

WRITTEN = {
    "job.json": Kind(
        "a job of synth generate", (), json_with("generator", "settings", "duration_s")
    ),
    **dict.fromkeys(
        ("manifest.jsonl", "provenance.jsonl", "problems.jsonl", "prompts.jsonl"), FOREIGN
    ),
    "audio": FOREIGN,
}
"""What stands in the folder; the job is its sign."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_FATAL = (NotReady, MemoryError)


@dataclass(frozen=True)
class Progress(Record):
    """Counts of a running job; ``left_s`` is None until a clip was made."""

    total: int
    made: int
    kept: int
    failed: int
    audio_s: float
    elapsed_s: float

    @property
    def left_s(self) -> float | None:
        """Estimated time left, from the clips of this run."""
        tried = self.made + self.failed
        return self.elapsed_s / tried * (self.total - self.kept - tried) if tried else None


@dataclass(frozen=True)
class Done(Record):
    """What a job came to: made now, kept from before, failed; and where it is."""

    folder: str
    manifest: str
    made: int
    kept: int
    failed: int
    audio_s: float
    elapsed_s: float


def generate_dataset(
    generator: Generator,
    prompts: Iterable[Prompt],
    folder: Path,
    *,
    duration_s: float | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Done:
    """Make a clip for every prompt that has none yet.

    A prompt that fails is a row in problems.jsonl and is tried again by the next run. A clip
    counts as made when its row stands in provenance.jsonl; the row is written after the file.

    Args:
        generator: what makes the sound.
        prompts: what to make; ids are unique.
        folder: data set folder; an earlier run of the same job goes on.
        duration_s: length of each clip; the generator's own default if None.
        progress: called after each prompt.

    Raises:
        UsageError: the folder holds another job, or another process works in it.
        NotReady: the generator lacks something; nothing is lost.
        OSError: the disk is full or cannot be written; run again when there is room.
    """
    wanted = list(prompts)
    length_s = generator.info.default_s if duration_s is None else duration_s
    output_folder(folder, (), WRITTEN, signs=("job.json",))
    generator.check_length(length_s)
    generator.check()
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    with (
        Journal(folder / "provenance.jsonl", error=ManifestError) as made,
        Journal(folder / "problems.jsonl", error=ManifestError) as problems,
        Journal(folder / "prompts.jsonl", error=ManifestError) as asked,
    ):
        _same_job(folder / "job.json", generator, length_s)
        _note_prompts(asked, wanted)
        job = _Job(generator, folder, length_s, made, problems)
        try:
            for prompt in wanted:
                job.one(prompt)
                if progress:
                    progress(job.progress(len(wanted)))
        finally:
            manifest = write_manifest(folder, made.rows)
    state = job.progress(len(wanted))
    return Done(
        str(folder), str(manifest), state.made, state.kept, state.failed, state.audio_s,
        state.elapsed_s,
    )  # fmt: skip


def take_prompts(source: str, n: int | None, seed: int, generator: Generator) -> list[Prompt]:
    """Return prompts: "auto" draws n (10) that fit the generator, else the first n of a file.

    Raises:
        ManifestError: the file cannot be read, or holds fewer than n.
    """
    if source == "auto":
        style = "tags" if generator.info.style_format == "tags" else "sentence"
        return auto_prompts(
            n or 10, plan_of(sings=generator.info.sings, style_format=style, seed=seed)
        )
    found = list(islice(read_prompts(Path(source), seed), n))
    if len(found) < (n or 1):
        raise ManifestError(f"{source}: expected {n or 'some'} prompts, found {len(found)}")
    return found


class _Job:
    """The counts and files of a running job."""

    def __init__(
        self, generator: Generator, folder: Path, length_s: float, made: Journal, problems: Journal
    ) -> None:
        self._generator, self._folder, self._length_s = generator, folder, length_s
        self._rows, self._problems = made, problems
        self._there = {row["id"]: row for row in made.rows if (folder / row["path"]).is_file()}
        self._made, self._kept, self._failed, self._audio_s = 0, 0, 0, 0.0
        self._start = time.monotonic()

    @cached_property
    def _provenance(self) -> dict[str, Any]:
        """Asked for once a run: hashing gigabytes of weights for each clip would take longer."""
        return _json(self._generator.provenance())

    def one(self, prompt: Prompt) -> None:
        """Make one clip, or note why there is none."""
        if prompt.id in self._there:
            self._kept += 1
            return
        try:
            clip = _usable(self._generator.generate(prompt, prompt.seed, self._length_s))
            row = self._store(prompt, clip)
        except _FATAL:
            raise
        except Exception as error:  # whatever one prompt does, the others go on
            if isinstance(error, OSError) and error.errno in _FULL:
                raise
            self._failed += 1
            self._problems.append(
                {"id": prompt.id, "error": type(error).__name__, "message": str(error)[:4000]}
            )
            return
        self._rows.append(row)
        self._there[prompt.id] = row
        self._made += 1
        self._audio_s += clip.duration_s

    def progress(self, total: int) -> Progress:
        """Return the counts so far."""
        elapsed_s = time.monotonic() - self._start
        return Progress(total, self._made, self._kept, self._failed, self._audio_s, elapsed_s)

    def _store(self, prompt: Prompt, clip: Clip) -> dict[str, Any]:
        name = f"audio/{file_name(prompt.id)}.flac"
        peak = float(np.abs(clip.samples).max())
        # A FLAC holds nothing above full scale; louder sound is turned down, never cut.
        gain = min(1.0, 0.999 / peak)
        sound = Clip((clip.samples * np.float32(gain)).astype(np.float32), clip.sample_rate_hz)
        with replacing(self._folder / name) as part:
            write(part, sound)
            digest = hashlib.sha256(part.read_bytes()).hexdigest()
        return {
            "id": prompt.id,
            "path": name,
            "sha256": digest,
            "seed": prompt.seed,
            "duration_s": round(clip.duration_s, 6),
            "sample_rate_hz": clip.sample_rate_hz,
            "channels": int(clip.samples.shape[0]),
            "gain": gain,
            "prompt": prompt.to_dict(),
            "provenance": self._provenance,
        }


def _json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as JSON holds them, so that they compare equal after reading."""
    plain: dict[str, Any] = parse_json(json.dumps(values, default=str))
    return plain


def _usable(clip: Clip) -> Clip:
    """Return the clip if it holds sound.

    Raises:
        EmptyAudio, NotFinite, SilentAudio: it does not.
    """
    if not clip.samples.size:
        raise EmptyAudio("expected sound from the generator, got no samples")
    if not np.isfinite(clip.samples).all():
        raise NotFinite("expected sound from the generator, got NaN or infinite samples")
    if float(np.ptp(clip.samples)) < 1e-6:
        raise SilentAudio("expected sound from the generator, got silence")
    return clip


def _same_job(path: Path, generator: Generator, length_s: float) -> None:
    """Write what the job is, or make sure that the folder's job is the same."""
    job: dict[str, Any] = {
        "generator": generator.name,
        "settings": _json(generator.settings),
        "duration_s": length_s,
    }
    if not path.exists():
        write_whole(path, json.dumps(job, indent=1) + "\n")
        return
    try:
        before = parse_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{path}: not JSON ({error}); choose another output folder") from error
    if before != job:
        changed = [
            *(k for k in job if k != "settings" and job[k] != before.get(k)),
            *(k for k in job["settings"] if job["settings"][k] != before["settings"].get(k)),
        ]
        raise UsageError(
            f"{path.parent}: holds another job ({', '.join(changed)} differ); choose another "
            "folder, or give the same generator, settings and length to go on with it"
        )


def _note_prompts(asked: Journal, wanted: Iterable[Prompt]) -> None:
    """Keep the prompts beside the sound; the same id must mean the same prompt."""
    known: dict[str, Mapping[str, Any]] = {row["id"]: row for row in asked.rows}
    for prompt in wanted:
        row = _json(prompt.to_dict())
        if prompt.id not in known:
            asked.append(row)
        elif known[prompt.id] != row:
            raise UsageError(
                f"{asked.path}: the prompt '{prompt.id}' was another one before; "
                "choose another folder, or give the same prompts and seed"
            )
        known[prompt.id] = row
