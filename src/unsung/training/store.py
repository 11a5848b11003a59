# SPDX-License-Identifier: MIT
"""Decoded mono sound of many files in one flat file, so that no epoch decodes twice.

``sound-16000.f32`` holds samples one track after the other; ``sound-16000.jsonl`` says where each
begins, by path, size and modification time. Both only grow: a killed preparation goes on, and
recipes with the same rate share them. 64 kB a second at 16 kHz; the system keeps what is used in
memory. When not to use: sets larger than the disk; ``data.store = "none"`` decodes when asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from unsung.audio.read import open_audio, read_clip, read_middle
from unsung.audio.resample import resample
from unsung.core.records import Records, read_records
from unsung.data._atomic import full_disk
from unsung.data._workers import cores, each
from unsung.errors import AudioError, SilentAudio
from unsung.types import Failure, FloatArray, Track

__all__ = ["SoundStore", "decoded"]

QUIETEST = 1e-4
"""A track that never passes this level (−80 dB re full scale) teaches nothing."""


class SoundStore:
    """The sound of tracks at one rate.

    Args:
        folder: where the two files lie.
        sample_rate_hz: rate of all sound in it.
        longest_s: of longer tracks the middle is kept.
        kind: "disk", "memory" or "none".
    """

    def __init__(self, folder: Path, sample_rate_hz: int, longest_s: float, kind: str) -> None:
        self.sample_rate_hz, self.longest_s, self.kind = sample_rate_hz, longest_s, kind
        name = f"sound-{sample_rate_hz}-{longest_s:g}s"
        self._data, self._index = folder / f"{name}.f32", folder / f"{name}.jsonl"
        self._places: dict[str, tuple[int, int]] = {}
        self._sound: FloatArray | None = None

    def prepare(
        self,
        tracks: Sequence[Track],
        jobs: int = 0,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> dict[str, str]:
        """Decode what is missing; returns path → why a track cannot be used.

        Several processes may prepare the same store: one works, the others wait and find it done.
        """
        if self.kind == "none":
            return {}
        self._data.parent.mkdir(parents=True, exist_ok=True)
        with Records(self._index, wait=True) as index:
            known = self._read()
            keys = {track.path: _key(track.path) for track in tracks}
            # A file that failed is tried again: the reason may have been the machine.
            fine = {key for key, row in known.items() if not row["error"]}
            missing = sorted({path for path, key in keys.items() if key not in fine})
            self._decode(missing, keys, index, max(1, jobs or cores()), on_progress)
        known = self._read()
        found = {path: known[key] for path, key in keys.items()}
        self._places = {p: (row["at"], row["n"]) for p, row in found.items() if not row["error"]}
        return {path: str(row["error"]) for path, row in found.items() if row["error"]}

    def duration_s(self, path: str) -> float:
        """Return the length of what is kept of a track."""
        if self.kind == "none":
            with open_audio(path) as stream:
                return stream.duration_s or 0.0
        return self._places[path][1] / self.sample_rate_hz

    def sound(self, path: str, start_s: float, length_s: float) -> FloatArray:
        """Return a stretch, repeated from its beginning where the track is shorter.

        Shape: ``[time]``, always ``round(length_s * sample_rate_hz)`` samples.
        """
        wanted = round(length_s * self.sample_rate_hz)
        if self.kind == "none":
            clip = read_clip(path, start_s, length_s, mono=True)
            part = resample(clip.samples[0], clip.sample_rate_hz, self.sample_rate_hz)
        else:
            at, size = self._places[path]
            first = min(max(0, round(start_s * self.sample_rate_hz)), max(0, size - wanted))
            part = self._all()[at + first : at + min(size, first + wanted)]
        if len(part) >= wanted:
            return np.array(part[:wanted], np.float32)
        return np.resize(np.asarray(part, np.float32), wanted)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_sound": None}  # a process opens the file itself

    def _all(self) -> FloatArray:
        if self._sound is None:
            if self.kind == "memory":
                self._sound = np.fromfile(self._data, np.float32)
            else:
                self._sound = np.memmap(self._data, np.float32, mode="r")
        return self._sound

    def _read(self) -> dict[str, dict[str, Any]]:
        return {row["key"]: row for _, _, row in read_records(self._index)}

    def _decode(
        self,
        missing: Sequence[str],
        keys: dict[str, str],
        index: Records,
        jobs: int,
        on_progress: Callable[[int, int], None] | None,
    ) -> None:
        work = partial(decoded, sample_rate_hz=self.sample_rate_hz, longest_s=self.longest_s)
        try:
            with self._data.open("ab") as data:
                processes = min(jobs, max(1, len(missing) // 16))
                for done, (path, made) in enumerate(each(work, missing, processes), start=1):
                    row = {"key": keys[path], "at": data.tell() // 4, "n": 0, "error": ""}
                    if isinstance(made, Failure):
                        row["error"] = f"{made.type}: {made.message}"
                    else:
                        row["n"] = len(made)
                        data.write(made.tobytes())
                        data.flush()
                    index.append(row)
                    if on_progress is not None:
                        on_progress(done, len(missing))
        except OSError as error:
            raise full_disk(error, self._data) from error


def decoded(path: str, sample_rate_hz: int, longest_s: float) -> FloatArray:
    """Return a file's mono sound at a rate, of a long one the middle. Shape: ``[time]``.

    Raises:
        AudioError: it cannot be decoded, or a scan would not judge it.
    """
    clip = read_middle(path, longest_s or None, mono=True, judged=True)
    if float(np.abs(clip.samples).max(initial=0.0)) < QUIETEST:
        raise SilentAudio(f"{path}: expected sound above −80 dB, it is silent")
    sound = resample(clip.samples[0], clip.sample_rate_hz, sample_rate_hz)
    if not len(sound):
        raise AudioError(f"{path}: expected sound, got no samples")
    return np.ascontiguousarray(sound, dtype=np.float32)


def _key(path: str) -> str:
    try:
        state = Path(path).stat()
    except OSError:
        return f"{path}|absent"
    return f"{Path(path).resolve()}|{state.st_size}|{state.st_mtime_ns}"
