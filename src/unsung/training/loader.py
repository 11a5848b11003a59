# SPDX-License-Identifier: MIT
"""Windows of tracks as tensors, made ahead of time while the network computes.

Without distortions a window is a copy out of the store and one thread keeps some steps ahead; with
distortions processes do the work. Which sound comes out depends on the draw alone, never on the
number of processes, so a resumed run hears what the first one would have heard.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unsung.audio.windows import spread_starts
from unsung.training.augment import Distorter
from unsung.training.sampling import Draw
from unsung.training.store import SoundStore
from unsung.types import FloatArray, Track

__all__ = ["Windows", "judged_windows", "parts_ahead"]

AHEAD = 4
"""Parts of steps made before they are needed."""


@dataclass(frozen=True)
class Windows:
    """Tracks that give a window for each draw. Windows have ``[time]`` samples at one rate."""

    store: SoundStore
    tracks: tuple[Track, ...]
    window_s: float
    distorter: Distorter

    def __len__(self) -> int:
        return len(self.tracks)

    def __getitem__(self, draw: Draw) -> FloatArray:
        """Return a window at a place that the draw's seed decides. Shape: ``[time]``."""
        path = self.tracks[draw.row].path
        place = float(np.random.default_rng((draw.seed, 1)).random())
        chain = self.distorter.drawn(draw.seed) if self.distorter else None
        length_s = self.window_s / (chain.time_scale if chain and chain.steps else 1.0)
        room_s = max(0.0, self.store.duration_s(path) - length_s)
        return self.at(path, place * room_s, draw.seed)

    def at(self, path: str, start_s: float, seed: int) -> FloatArray:
        """Return the window from a time on, distorted as the seed says. Shape: ``[time]``."""
        wanted = round(self.window_s * self.store.sample_rate_hz)
        if not self.distorter:
            return self.store.sound(path, start_s, self.window_s)
        chain = self.distorter.drawn(seed)
        scale = chain.time_scale if chain.steps else 1.0
        sound = self.store.sound(path, start_s, self.window_s / scale)
        made = self.distorter(sound, self.store.sample_rate_hz, chain, seed)
        return made[:wanted] if len(made) >= wanted else np.resize(made, wanted)


def judged_windows(windows: Windows, count: int, seed: int) -> list[tuple[int, float, int]]:
    """Return ``(row, start_s, seed)`` of the windows that a track is judged by, spread evenly."""
    plan = []
    for row, track in enumerate(windows.tracks):
        length_s = windows.store.duration_s(track.path)
        starts = spread_starts(max(length_s, windows.window_s), count, windows.window_s)
        plan += [(row, float(start), seed + 31 * i) for i, start in enumerate(starts)]
    return plan


def parts_ahead(
    windows: Windows, parts: Iterable[list[Draw]], jobs: int
) -> Generator[Tensor, None, None]:
    """Yield each part's sound in order; close it to end early. Shape: ``[batch, time]``.

    Args:
        windows: where sound comes from.
        parts: the draws of each part.
        jobs: processes; below 1 a thread of this process works.
    """
    if jobs < 1:
        yield from _threaded(windows, parts)
        return
    loader: Any = torch.utils.data.DataLoader(
        _Indexed(windows),  # type: ignore[arg-type]
        batch_sampler=_Parts(parts),
        num_workers=jobs,
        collate_fn=_stacked,
        prefetch_factor=AHEAD,
        multiprocessing_context="spawn",
        worker_init_fn=_one_thread,
    )
    yield from loader


class _Parts:
    """Draws in the form of torch's batch sampler."""

    def __init__(self, parts: Iterable[list[Draw]]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[list[Draw]]:
        return iter(self._parts)


class _Indexed:
    """What torch's loader wants: a length and items; an item is a window."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows

    def __len__(self) -> int:
        return len(self._windows)

    def __getitem__(self, draw: Draw) -> FloatArray:
        return self._windows[draw]


def _stacked(items: Sequence[FloatArray]) -> Tensor:
    return torch.from_numpy(np.stack(items))


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)


def _threaded(windows: Windows, parts: Iterable[list[Draw]]) -> Generator[Tensor, None, None]:
    made: queue.Queue[Tensor | BaseException | None] = queue.Queue(AHEAD)
    stop = threading.Event()

    def put(item: Tensor | BaseException | None) -> None:
        while not stop.is_set():
            try:
                made.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for part in parts:
                if stop.is_set():
                    return
                put(_stacked([windows[draw] for draw in part]))
            put(None)
        except BaseException as error:  # handed to the thread that waits
            put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while (item := made.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()
