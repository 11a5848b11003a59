# SPDX-License-Identifier: MIT
"""Reads the first frame of an MP3: what its Xing/Info tag promises and how far to trust it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["Mp3Head", "frame_bytes", "mp3_head"]

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
_SEARCH_BYTES = 65536
_TAG_SLACK_BYTES = 16384  # tags at the end; more may be a second song behind the first


@dataclass(frozen=True)
class Mp3Head:
    """The promises of the first frame.

    ``frames`` and ``bytes`` are 0 where no Xing/Info tag gives them; ``tlen_s`` is the length
    that the ID3 tag gives (0 without); ``regular`` means that length and bytes fit the file and
    the first frame stands alone, so that libmpg123 reads the file exactly and silently.
    """

    sample_rate_hz: int
    samples_per_frame: int
    frames: int = 0
    trim: int = 0
    tlen_s: float = 0.0
    regular: bool = False
    cut: str = ""

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


def mp3_head(file: BinaryIO, head: bytes, size: int) -> Mp3Head | None:
    """Find the first MP3 frame (after an ID3 tag) and read its tag; None if there is none."""
    start, tlen_s = _after_id3(head)
    if start > size:
        return Mp3Head(44100, 1152, tlen_s=tlen_s, cut="it ends inside its ID3 tag")
    file.seek(start)
    data = file.read(_SEARCH_BYTES)
    at = _first_frame(data, start > 0)
    fields = _fields(data[at : at + 4]) if at >= 0 else None
    if fields is None:
        return None
    rate_hz, spf, length, side = fields
    frame = data[at : at + length]
    tag = 4 + side
    if frame[tag : tag + 4] not in (b"Xing", b"Info"):
        return Mp3Head(rate_hz, spf, tlen_s=tlen_s)
    flags = struct.unpack_from(">I", frame, tag + 4)[0]
    frames = struct.unpack_from(">I", frame, tag + 8)[0] if flags & 1 else 0
    field = tag + 8 + 4 * (flags & 1)
    n_bytes = struct.unpack_from(">I", frame, field)[0] if flags & 2 else 0
    there = size - start - at
    main_data = data[at + length + 4 : at + length + 6]
    alone = len(main_data) < 2 or _reservoir(data[at + length :], rate_hz) == 0
    fits = not n_bytes or (0.995 * n_bytes - 4096 <= there <= n_bytes + _TAG_SLACK_BYTES)
    return Mp3Head(
        rate_hz, spf, frames, _trim(frame, field, flags), tlen_s, bool(frames) and fits and alone
    )


def _trim(frame: bytes, field: int, flags: int) -> int:
    """Return encoder delay + padding from the LAME extension, 0 without one."""
    at = field + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
    extension = frame[at : at + 24]
    if len(extension) < 24 or not extension[:4].isalnum():
        return 0
    both = int.from_bytes(extension[21:24], "big")
    return (both >> 12) + (both & 0xFFF)


def _after_id3(head: bytes) -> tuple[int, float]:
    """Return where the ID3v2 tags end and the length that they give in seconds (0 without)."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0, 0.0
    b = head[6:10]
    end = 10 + (b[0] << 21 | b[1] << 14 | b[2] << 7 | b[3]) + (10 if head[5] & 0x10 else 0)
    at = head.find(b"TLEN", 10, min(end, len(head)))
    digits = head[at + 11 : at + 24].split(b"\x00")[0] if at > 0 else b""
    length = head[at + 4 : at + 8]
    text = digits[: max(0, int.from_bytes(length, "big") - 1)]
    return end, int(text) / 1000 if text.isdigit() else 0.0


def _first_frame(data: bytes, after_tag: bool) -> int:
    """Return the offset of a frame that another one follows, -1 if there is none."""
    if not after_tag and not (data[:1] == b"\xff" or not data[:64].strip(b"\x00")):
        return -1
    at = data.find(b"\xff")
    while 0 <= at < len(data) - 4:
        length = frame_bytes(data[at : at + 4])
        if length and (at + length + 4 > len(data) or frame_bytes(data[at + length :][:4])):
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
