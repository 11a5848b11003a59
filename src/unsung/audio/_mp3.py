# SPDX-License-Identifier: MIT
"""Reads the first frame of an MP3: what its Xing/Info tag promises and how far to trust it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["JUNK_BYTES", "Mp3Head", "behind_junk", "frame_bytes", "mp3_head"]

_RATES_HZ = (44100, 48000, 32000)
_KBPS_V1 = {
    1: (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_KBPS_V2 = {
    1: (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    3: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
JUNK_BYTES = 65536
"""How far a first frame is looked for."""
_TAG_SLACK_BYTES = 16384  # tags at the end; more may be a second song behind the first


@dataclass(frozen=True)
class Mp3Head:
    """The promises of the first frame.

    ``frames`` is 0 where no Xing/Info tag gives it; ``regular`` means that length and bytes fit the
    file and the first frame stands alone, so that libmpg123 reads the file exactly and silently.
    """

    sample_rate_hz: int
    samples_per_frame: int
    frames: int = 0
    trim: int = 0
    regular: bool = False

    @property
    def duration_s(self) -> float | None:
        """Length that the Xing/Info tag promises, encoder delay and padding taken off."""
        if not self.frames:
            return None
        return max(0, self.frames * self.samples_per_frame - self.trim) / self.sample_rate_hz


def frame_bytes(word: bytes) -> int:
    """Return the length of the frame that starts with these four bytes, 0 if none does."""
    fields = _fields(word)
    return fields[2] if fields else 0


def mp3_head(file: BinaryIO, size: int) -> Mp3Head | None:
    """Read the tag of the MP3 frame with which the file begins; None if it does not."""
    file.seek(0)
    data = file.read(JUNK_BYTES)
    begins = data[:1] == b"\xff" or not data[:64].strip(b"\x00")
    at = _first_frame(data, 2) if begins else -1
    fields = _fields(data[at : at + 4]) if at >= 0 else None
    if fields is None:
        return None
    rate_hz, spf, length, side = fields
    frame = data[at : at + length]
    tag = 4 + side
    if frame[tag : tag + 4] not in (b"Xing", b"Info"):
        return Mp3Head(rate_hz, spf)
    flags = struct.unpack_from(">I", frame, tag + 4)[0]
    frames = struct.unpack_from(">I", frame, tag + 8)[0] if flags & 1 else 0
    field = tag + 8 + 4 * (flags & 1)
    n_bytes = struct.unpack_from(">I", frame, field)[0] if flags & 2 else 0
    there = size - at
    main_data = data[at + length + 4 : at + length + 6]
    alone = len(main_data) < 2 or _reservoir(data[at + length :], rate_hz) == 0
    fits = not n_bytes or (0.995 * n_bytes - 4096 <= there <= n_bytes + _TAG_SLACK_BYTES)
    if frame[tag : tag + 4] == b"Info":
        fits &= _constant(data[at + length :], there - length, frames)
    regular = bool(frames) and fits and alone
    return Mp3Head(rate_hz, spf, frames, _trim(frame, field, flags), regular)


def behind_junk(data: bytes) -> int:
    """Return where a row of MP3 frames begins behind other bytes, 0 if there is none."""
    return max(0, _first_frame(data, 4))


def _constant(data: bytes, there: int, frames: int) -> bool:
    """Say whether so many frames of the first one's size fill the file: what "Info" means."""
    length = frame_bytes(data[:4])
    return not length or abs(there / length - frames) <= 0.02 * frames + 8


def _trim(frame: bytes, field: int, flags: int) -> int:
    """Return encoder delay + padding from the LAME extension, 0 without one."""
    at = field + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
    extension = frame[at : at + 24]
    if len(extension) < 24 or not extension[:4].isalnum():
        return 0
    both = int.from_bytes(extension[21:24], "big")
    return (both >> 12) + (both & 0xFFF)


def _first_frame(data: bytes, many: int) -> int:
    """Return the offset of the first of so many frames in a row, -1 if there is none."""
    at = data.find(b"\xff")
    while 0 <= at < len(data) - 4:
        end, left = at, many
        while left and frame_bytes(data[end : end + 4]):
            end, left = end + frame_bytes(data[end : end + 4]), left - 1
            if many == 2 and end + 4 > len(data):
                return at
        if not left:
            return at
        at = data.find(b"\xff", at + 1)
    return -1


def _fields(word: bytes) -> tuple[int, int, int, int] | None:
    """Return (sample rate, samples a frame, bytes, side information bytes) of a header."""
    if len(word) < 4 or word[0] != 0xFF or word[1] & 0xE0 != 0xE0:
        return None
    version, layer = word[1] >> 3 & 3, 4 - (word[1] >> 1 & 3)
    index, rate = word[2] >> 4, word[2] >> 2 & 3
    if version == 1 or layer == 4 or index in (0, 15) or rate == 3:
        return None
    one = version == 3
    rate_hz = _RATES_HZ[rate] >> (0 if one else 1 if version == 2 else 2)
    kbps = (_KBPS_V1 if one else _KBPS_V2)[layer][index - 1]
    padding = word[2] >> 1 & 1
    mono = word[3] >> 6 == 3
    if layer == 1:
        return rate_hz, 384, (12 * kbps * 1000 // rate_hz + padding) * 4, 0
    spf = 1152 if one or layer == 2 else 576
    side = (17 if mono else 32) if one else (9 if mono else 17)
    return rate_hz, spf, spf // 8 * kbps * 1000 // rate_hz + padding, side


def _reservoir(frame: bytes, rate_hz: int) -> int:
    """Return how many bytes of earlier frames the frame refers to (``main_data_begin``)."""
    if not _fields(frame[:4]):
        return 0
    at = 4 if frame[1] & 1 else 6  # behind the checksum where there is one
    if rate_hz >= 32000:
        return frame[at] << 1 | frame[at + 1] >> 7
    return frame[at]
