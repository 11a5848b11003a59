# SPDX-License-Identifier: MIT
"""Pictures of a corpus of instruments, made once, in the place of the sound that a loop draws.

The picture of a 5-s clip costs a fifth of a training step of the instrument CNN, and every epoch
wants it again. Here each is made once and kept as 400 × 400 bytes (0.31 dB a step over 80 dB). A
training picture is turned by a random part of its length, end joined to beginning: the notes of a
rendered clip have no fixed place, and the last layer of the network would else learn one. When not
to use: with distortions of the sound, which need the sound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unsung.audio.read import read_clip
from unsung.audio.resample import resample
from unsung.core.records import Records, read_records
from unsung.detectors.instrument_cnn import InstrumentCNN
from unsung.training.store import SoundStore
from unsung.types import FloatArray, Track

__all__ = ["FULL_SIDE", "PictureCNN", "PictureStore", "image_of"]

FULL_SIDE = 400
DEPTH_DB = 80.0


class PictureCNN(InstrumentCNN):
    """An instrument CNN that is fed flat pictures instead of sound; its weights are the same."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.engines = torch.nn.ModuleList([_Unflatten(self.side)])

    def head(self, *pictures: Tensor) -> Tensor:
        """Return logits. Shape: ``[batch, 1, side, side]`` → ``[batch, output]``."""
        return self.classify(pictures[0].expand(-1, self.channels, -1, -1))


class _Unflatten(torch.nn.Module):
    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, flat: Tensor) -> Tensor:
        return flat.reshape(-1, 1, self.side, self.side)


class PictureStore(SoundStore):
    """Gives a clip's picture, flat, where a store of sound gives samples.

    Args:
        folder: where ``pictures.u8`` and its index lie; both only grow.
        window_s: length of a picture; longer clips give their beginning.
        side: side of the pictures handed out, 400 or a whole part of it.
        turned: paths whose pictures begin anywhere.
    """

    def __init__(
        self, folder: Path, window_s: float, side: int = FULL_SIDE, turned: Sequence[str] = ()
    ) -> None:
        # One "sample" is one cell: a window is as many samples as a picture has cells.
        super().__init__(folder, 1, window_s, "disk")
        self.window_s, self.side, self.turned = window_s, side, frozenset(turned)
        self.sample_rate_hz = side * side / window_s  # type: ignore[assignment]
        self._cells, self._names = folder / "pictures.u8", folder / "pictures.jsonl"
        self._rows: dict[str, int] = {}

    def prepare(
        self,
        tracks: Sequence[Track],
        jobs: int = 0,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> dict[str, str]:
        """Make what is missing, in this process; no file of a corpus is unreadable."""
        del jobs
        self._cells.parent.mkdir(parents=True, exist_ok=True)
        paths = dict.fromkeys(str(Path(track.path).resolve()) for track in tracks)
        # Runs that share pictures come one after the other.
        with Records(self._names, head=b'"', wait=True) as names:
            self._rows = self._known()
            missing = [path for path in paths if path not in self._rows]
            if missing:
                self._make(missing, names, on_progress or _untold)
        self._sound = None
        return {}

    def duration_s(self, path: str) -> float:
        """Return the room for the beginning and the picture after it."""
        return self.window_s * (2 if path in self.turned else 1)

    def sound(self, path: str, start_s: float, length_s: float) -> FloatArray:
        """Return a flat picture from −1 to 1, turned by ``start_s``. Shape: ``[side · side]``."""
        cells = self.pictures([path])[0]
        turned: FloatArray = np.roll(cells, -round(start_s / length_s * self.side), axis=1)
        return turned.reshape(-1)

    def pictures(self, paths: Sequence[str]) -> FloatArray:
        """Return pictures from −1 to 1. Shape: ``[path, side, side]``."""
        rows = [self._rows[str(Path(path).resolve())] for path in paths]
        cells = self._all()[rows].astype(np.float32)
        factor = FULL_SIDE // self.side
        if factor > 1:
            shape = (len(rows), self.side, factor, self.side, factor)
            cells = cells.reshape(shape).mean(axis=(2, 4))
        return np.asarray(cells / 127.5 - 1, np.float32)

    def batches(self, paths: Sequence[str], size: int = 16) -> Iterator[Tensor]:
        """Yield pictures in order. Shape: ``[batch, side · side]``."""
        for start in range(0, len(paths), size):
            yield torch.from_numpy(self.pictures(paths[start : start + size])).flatten(1)

    def _all(self) -> NDArray[Any]:
        if self._sound is None:
            cells: NDArray[Any] = np.memmap(self._cells, np.uint8, mode="r")
            self._sound = cells[: len(self._rows) * FULL_SIDE**2].reshape(-1, FULL_SIDE, FULL_SIDE)
        return self._sound

    def _make(
        self, missing: Sequence[str], names: Records, told: Callable[[int, int], None]
    ) -> None:
        detector = InstrumentCNN(channels=1, window_s=self.window_s).eval()
        with self._cells.open("ab") as cells:
            # What a kill left without a line in the index goes.
            cells.truncate(len(self._rows) * FULL_SIDE**2)
            for done, path in enumerate(missing, start=1):
                image = image_of(Path(path), detector)
                cells.write(np.round((image + 1) * 127.5).astype(np.uint8).tobytes())
                cells.flush()
                names.append(path)
                self._rows[path] = len(self._rows)
                told(done, len(missing))

    def _known(self) -> dict[str, int]:
        """Read the index; a line is written after its picture, so it always has one."""
        return {path: n for n, (_, _, path) in enumerate(read_records(self._names))}


def _untold(done: int, total: int) -> None:
    pass


def image_of(path: Path, detector: InstrumentCNN) -> FloatArray:
    """Return the picture of a file's beginning as the detector sees it. Shape: ``[side, side]``."""
    clip = read_clip(str(path), 0.0, detector.window_s, mono=True)
    front_end = detector.front_ends[0]
    rate = front_end.sample_rate_hz
    sound = resample(clip.samples[0], clip.sample_rate_hz, rate)
    sound = np.resize(np.asarray(sound, np.float32), round(detector.window_s * rate))
    with torch.no_grad():
        return detector.image(torch.from_numpy(front_end(sound[None])))[0, 0].numpy()
