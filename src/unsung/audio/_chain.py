# SPDX-License-Identifier: MIT
"""Reads the links of an Ogg chain one behind the other, in the form of the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from unsung.audio._decoder import AudioInfo, Decoder, DecodingStoppedError
from unsung.audio.resample import StreamResampler
from unsung.types import FloatArray

__all__ = ["Chain", "without"]


class Chain:
    """Several sounds as one. Links of another rate are resampled, other channels mixed down.

    Args:
        openers: open each link in turn.
        refusals: what they raise for a link that does not decode; it is left out and noted.
    """

    exact_seek = True
    promised_s: float | None = None
    unread = 0

    def __init__(
        self,
        openers: list[Callable[[], Decoder]],
        refusals: tuple[type[Exception], ...],
    ) -> None:
        self._openers, self._refusals = openers, refusals
        self._link = openers[0]()
        self.skipped = self.packets = self.holes = 0
        self.notes: tuple[str, ...] = ()
        self._drop = 0
        self.info: AudioInfo = replace(self._link.info, duration_s=None)

    def blocks(self, frames: int) -> Iterator[FloatArray]:
        """Yield blocks; the last of each link may be shorter."""
        return without(self._all(frames), self._drop)

    def seek(self, start_s: float) -> None:
        """Begin at the front and leave out what is earlier: nothing counts samples over links."""
        self._drop = round(start_s * self.info.sample_rate_hz)
        self._link.close()
        self._link = self._openers[0]()

    def close(self) -> None:
        """Close the link that is open."""
        self._link.close()

    def _all(self, frames: int) -> Iterator[FloatArray]:
        failure = ""
        for number, opener in enumerate(self._openers):
            try:
                if number:
                    self._link.close()
                    self._link = opener()
                yield from self._shaped(frames)
                self._count()
            except DecodingStoppedError as stop:
                failure = str(stop)
            except self._refusals:
                self.notes += (f"link {number + 1} of {len(self._openers)} does not decode",)
        if failure:
            raise DecodingStoppedError(failure)

    def _count(self) -> None:
        self.holes = self.skipped + self._link.holes
        self.skipped += self._link.skipped
        self.packets += self._link.packets
        self.notes += self._link.notes

    def _shaped(self, frames: int) -> Iterator[FloatArray]:
        info, channels = self._link.info, self.info.channels
        resampler = StreamResampler(info.sample_rate_hz, self.info.sample_rate_hz, channels)
        for block in self._link.blocks(frames):
            if info.channels != channels:
                block = np.tile(block.mean(0, dtype=np.float32), (channels, 1))  # noqa: PLW2901
            made = resampler.push(block[0] if channels == 1 else block)
            if made.size:
                yield np.atleast_2d(made)
        rest = resampler.flush()
        if rest.size:
            yield np.atleast_2d(rest)


def without(blocks: Iterator[FloatArray], drop: int) -> Iterator[FloatArray]:
    """Leave out so many samples at the front."""
    for block in blocks:
        length = block.shape[-1]
        if drop < length:
            yield block[..., drop:] if drop else block
        drop = max(0, drop - length)
