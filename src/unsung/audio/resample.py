# SPDX-License-Identifier: MIT
"""Changes the sample rate (soxr), of a whole array or of a stream of blocks."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from unsung.errors import UsageError
from unsung.types import FloatArray

__all__ = ["Quality", "StreamResampler", "resample"]

Quality = Literal["QQ", "LQ", "MQ", "HQ", "VHQ"]
"""soxr's presets. HQ (20 bit) costs 14 % more time than LQ, VHQ another 11 %."""


def resample(samples: FloatArray, from_hz: int, to_hz: int, quality: Quality = "HQ") -> FloatArray:
    """Resample along the last axis; the result has ``round(n * to_hz / from_hz)`` samples.

    Shape: ``[..., time]`` → ``[..., time]``.

    >>> resample(np.zeros((2, 44100), np.float32), 44100, 16000).shape
    (2, 16000)
    """
    _check(from_hz, to_hz)
    samples = np.asarray(samples, dtype=np.float32)
    if from_hz == to_hz or not samples.size:
        return samples
    import soxr

    length = samples.shape[-1]
    rows = np.ascontiguousarray(samples.reshape(-1, length).T)  # [time, row]
    made = np.asarray(soxr.resample(rows, from_hz, to_hz, quality=quality), dtype=np.float32)
    wanted = round(length * to_hz / from_hz)
    out = np.zeros((rows.shape[1], wanted), np.float32)
    kept = min(wanted, made.shape[0])
    out[:, :kept] = made[:kept].T
    return out.reshape((*samples.shape[:-1], wanted))


class StreamResampler:
    """Resamples blocks as if they were one array: ``push`` each, then ``flush``.

    What is pushed after a flush is another sound.

    Shape of blocks: ``[time]``, or ``[channel, time]`` for more than one channel.
    """

    def __init__(
        self, from_hz: int, to_hz: int, channels: int = 1, quality: Quality = "HQ"
    ) -> None:
        _check(from_hz, to_hz)
        self.from_hz, self.to_hz = from_hz, to_hz
        self._flat = channels == 1
        self._channels, self._quality = channels, quality
        self._stream = self._new()

    def push(self, block: FloatArray) -> FloatArray:
        """Return what is ready after this block (may be empty)."""
        return self._run(block, last=False)

    def flush(self) -> FloatArray:
        """Return the rest of the sound so far."""
        shape = (0,) if self._flat else (self._channels, 0)
        rest = self._run(np.empty(shape, np.float32), last=True)
        self._stream = self._new()
        return rest

    def _new(self) -> Any:
        if self.from_hz == self.to_hz:
            return None
        import soxr

        return soxr.ResampleStream(
            self.from_hz, self.to_hz, self._channels, dtype="float32", quality=self._quality
        )

    def _run(self, block: FloatArray, last: bool) -> FloatArray:
        if self._stream is None:
            return block
        frames = np.ascontiguousarray(block if self._flat else block.T, np.float32)
        made: FloatArray = self._stream.resample_chunk(frames, last=last)
        return made if self._flat else np.ascontiguousarray(made.T)


def _check(from_hz: int, to_hz: int) -> None:
    if from_hz <= 0 or to_hz <= 0:
        raise UsageError(f"expected sample rates above 0 Hz, got {from_hz} and {to_hz}")
