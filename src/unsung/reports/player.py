# SPDX-License-Identifier: MIT
"""A track's sound inside the page: mixed to one channel, compressed, at most ten minutes.

Opus in an Ogg file, which all current browsers play (Safari from 18.4). The copy is for the ear
only: every figure was measured on the original file. No tag of the file is copied.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

from unsung.reports.png import data_uri

__all__ = ["Player", "embed"]

LONGEST_S = 600.0
BEST_KBPS, LEAST_KBPS = 64, 40
_RATE_HZ = 48_000
_FRAME = 960  # 20 ms: the frame that Opus codes
_HEADROOM = 0.93  # container and variable rate take a little more than the nominal rate


@dataclass(frozen=True)
class Player:
    """The embedded sound, or why there is none: ``uri`` is empty then."""

    uri: str = ""
    note: str = ""
    seconds: float = 0.0
    kbps: int = 0
    cut: bool = False


def embed(path: Path | None, most_bytes: int) -> Player:
    """Return a track's sound as a ``data:`` address of at most ``most_bytes`` characters."""
    if path is None:
        return Player(note="No player: the page was written without the sound.")
    budget = int(most_bytes * 3 / 4)  # base64 takes four characters for three bytes
    if budget < 16_000:
        return Player(note="No player: there is no room for sound in the page.")
    try:
        content, seconds, kbps, cut = _compress(path, budget)
    except (OSError, av.error.FFmpegError, ValueError, IndexError) as error:
        return Player(note=f"No player: the sound could not be read ({type(error).__name__}).")
    if seconds <= 0:
        return Player(note="No player: the file holds no sound.")
    return Player(data_uri(content, "audio/ogg"), "", seconds, kbps, cut)


def _compress(path: Path, budget: int) -> tuple[bytes, float, int, bool]:
    buffer = io.BytesIO()
    with av.open(str(path)) as source:
        if not source.streams.audio:
            raise ValueError("no audio stream")
        length_s = source.duration / av.time_base if source.duration else LONGEST_S
        kbps = _rate(min(LONGEST_S, max(1.0, length_s)), budget)
        with av.open(buffer, "w", format="ogg") as target:
            samples, cut = _copy(source, target, kbps, budget)
    return buffer.getvalue(), samples / _RATE_HZ, kbps, cut


def _rate(seconds: float, budget: int) -> int:
    fitting = int(_HEADROOM * budget * 8 / seconds / 1000)
    return max(LEAST_KBPS, min(BEST_KBPS, fitting))


def _copy(source: Any, target: Any, kbps: int, budget: int) -> tuple[int, bool]:
    """Encode until the end, ten minutes or a full budget; return (samples, was it cut)."""
    out = target.add_stream("libopus", rate=_RATE_HZ)
    out.layout, out.bit_rate = "mono", 1000 * kbps
    out.options = {"vbr": "constrained", "compression_level": "5"}
    samples, used, cut = 0, 0, False
    for frame in _frames(source):
        if samples >= LONGEST_S * _RATE_HZ or used > 0.97 * budget - 4_000:
            cut = True
            break
        frame.pts, frame.time_base = samples, Fraction(1, _RATE_HZ)
        samples += frame.samples
        packets = out.encode(frame)
        used += sum(packet.size for packet in packets)
        target.mux(packets)
    target.mux(out.encode(None))
    return samples, cut


def _frames(source: Any) -> Iterator[Any]:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=_RATE_HZ, frame_size=_FRAME)
    for frame in itertools.chain(_decoded(source), (None,)):
        yield from resampler.resample(frame)


def _decoded(source: Any) -> Iterator[Any]:
    """Yield what can be decoded: a damaged end costs the end, not the player."""
    any_frame = False
    try:
        for frame in source.decode(audio=0):
            frame.pts = None
            yield frame
            any_frame = True
    except av.error.FFmpegError:
        if not any_frame:
            raise
