# SPDX-License-Identifier: MIT
"""What the two decoders have in common: the record about a file and the protocol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from unsung.types import FloatArray, Record

__all__ = ["AudioInfo", "Decoder", "DecodingStoppedError"]


@dataclass(frozen=True)
class AudioInfo(Record):
    """What a file says about its sound; ``duration_s`` is the header's word, None if unknown.

    ``tracks`` counts the audio tracks, of which one is read.
    """

    sample_rate_hz: int
    channels: int
    duration_s: float | None
    codec: str
    container: str
    bitrate_kbps: float | None
    decoder: Literal["libsndfile", "pyav"]
    tracks: int = 1


class DecodingStoppedError(Exception):
    """Inside this folder only: a decoder gave up in the middle; blocks before it are good."""


class Decoder(Protocol):
    """One open file. ``promised_s`` is a length to hold the decoded one against, or None.

    ``skipped`` of its ``packets`` so far did not decode, ``holes`` of them before others that did.
    """

    info: AudioInfo
    promised_s: float | None
    skipped: int
    packets: int
    holes: int
    exact_seek: bool

    def blocks(self, frames: int) -> Iterator[FloatArray]:
        """Yield blocks from here on, each valid until the next. Shape: ``[channel, time]``.

        Raises:
            DecodingStoppedError: the decoder cannot go on.
        """
        ...

    def seek(self, start_s: float) -> None:
        """Go on from this time; past the end nothing is yielded."""
        ...

    def close(self) -> None:
        """Free what the decoder holds."""
        ...
