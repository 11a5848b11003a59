# SPDX-License-Identifier: MIT
"""What the two decoders have in common: the record about a file and the protocol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from unsung.types import FloatArray, Record

__all__ = [
    "LEAST_HZ",
    "MOST_CHANNELS",
    "MOST_HZ",
    "AudioInfo",
    "Decoder",
    "DecodingStoppedError",
    "allowed",
]

LEAST_HZ, MOST_HZ = 4000, 768_000
"""Sample rates that sound is recorded at; memory and time follow from them."""

MOST_CHANNELS = 256


@dataclass(frozen=True)
class AudioInfo(Record):
    """What a file says about its sound.

    ``duration_s`` is what its structure counts; None where it would be a guess. ``tracks`` counts
    the audio tracks, of which one is read.
    """

    sample_rate_hz: int
    channels: int
    duration_s: float | None
    codec: str
    container: str
    bitrate_kbps: float | None
    decoder: Literal["libsndfile", "pyav"]
    tracks: int = 1


def allowed(sample_rate_hz: int, channels: int) -> bool:
    """Say whether a header's numbers can be those of sound."""
    return LEAST_HZ <= sample_rate_hz <= MOST_HZ and 1 <= channels <= MOST_CHANNELS


class DecodingStoppedError(Exception):
    """Inside this folder only: a decoder gave up in the middle; blocks before it are good."""


class Decoder(Protocol):
    """One open file. ``promised_s`` is a length to hold the decoded one against, or None.

    ``skipped`` of its ``packets`` so far did not decode, ``holes`` of them before others that did.
    ``unread`` are the bytes that were left when the sound ended; ``notes`` say what was not heard.
    """

    info: AudioInfo
    promised_s: float | None
    skipped: int
    packets: int
    holes: int
    exact_seek: bool
    notes: tuple[str, ...]

    @property
    def unread(self) -> int:
        """Return how many bytes are left behind the sound."""
        ...

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
