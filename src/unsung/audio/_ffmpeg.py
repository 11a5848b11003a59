# SPDX-License-Identifier: MIT
"""Decodes through PyAV (FFmpeg): m4a, video files and whatever libsndfile refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.stream import Disposition
from numpy.typing import NDArray

from unsung.audio._decoder import AudioInfo, DecodingStoppedError, allowed
from unsung.audio._mp3 import frame_bytes
from unsung.audio._part import Part
from unsung.errors import EmptyAudio, NotAudio, UnreadableAudio
from unsung.types import FloatArray

__all__ = ["OPTIONS", "FfmpegDecoder"]

_DTYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}
_PREROLL_S = 0.2  # lets transform codecs warm up before the wanted sample
_EXACT = ("flac", "mp4")  # containers whose length is a count, not an estimate
_FAULTS = (av.FFmpegError, OSError, LookupError, RuntimeError, ValueError)
"""What a damaged file makes FFmpeg raise, and PyAV of its own (a stream that begins late)."""
_COUNTED = frozenset("mp4 flac matroska webm ogg wav w64 aiff au caf avi asf flv".split())  # noqa: SIM905
_COUNTED |= frozenset("tta wv ape dsf iff mxf voc".split())  # noqa: SIM905
"""Containers that state a length; elsewhere FFmpeg guesses it from the first packets."""

OPTIONS = {"protocol_whitelist": "none"}
"""A file may not make FFmpeg open other files or addresses (HLS and concat lists do)."""


_FORM_OPTIONS = {form: {"sample_rate": "8000"} for form in ("alaw", "mulaw")}
"""FFmpeg takes 44.1 kHz for these; the telephones whose codecs they are use 8."""


class FfmpegDecoder:
    """An audio track of an open container: the one flagged as default, else the first.

    ``track`` counts on from there. Seeking is as good as the container's times. Packets that do not
    decode are skipped and counted in ``skipped``. ``form`` is FFmpeg's name of a format without
    header; None goes by the content.
    """

    exact_seek = False
    _container: Any  # PyAV types it as a union of readers and writers

    unread = 0  # FFmpeg goes on to the end, whatever a header says

    def __init__(self, source: Part, form: str | None = None, track: int = 0) -> None:
        self._source, self._form, self._track = source, form, track
        self.notes: tuple[str, ...] = ()
        self.skipped = self.packets = self.holes = 0
        self._last_packet: tuple[bytes, int] = (b"", 0)
        self._failure = ""
        self._resamplers: dict[tuple[int, str, str], AudioResampler] = {}
        self._decoded: Iterator[AudioFrame] = iter(())
        with source.opening():
            self._open()
            frame = next(self._decoded, None)
        if frame is None or frame.sample_rate <= 0:
            self._container.close()
            if self.skipped:
                raise UnreadableAudio(f"none of its {self.skipped} packets decodes")
            raise EmptyAudio(
                "expected sound, found an audio stream without any decodable sample"
                f"{'; ' + self._failure if self._failure else ''}; fetch or export the file again"
            )
        self._first: AudioFrame | None = frame
        self._zero_pts = frame.pts
        self._skip_to_s = 0.0
        self._layout, self._rate_hz = frame.layout, frame.sample_rate
        self.info = self._describe(frame, source.size)
        exact = self.info.container in _EXACT
        self.promised_s: float | None = self.info.duration_s if exact else None

    @property
    def partial_mp3_frame(self) -> bool:
        """Whether the last packet is a piece of an MP3 frame, known at the end."""
        word, length = self._last_packet
        return self.info.codec.startswith("mp3") and frame_bytes(word) > length

    def blocks(self, frames: int) -> Iterator[FloatArray]:
        """Yield one block again and again, filled plane by plane."""
        block, filled = np.empty((self.info.channels, frames), np.float32), 0
        for planes in self._planes():
            at, length = 0, planes[0].shape[0]
            while at < length:
                part = min(length - at, frames - filled)
                for row, plane in zip(block, planes, strict=True):
                    row[filled : filled + part] = plane[at : at + part]
                at, filled = at + part, filled + part
                if filled == frames:
                    yield block
                    filled = 0
        if filled:
            yield block[:, :filled]
        if self._failure:
            raise DecodingStoppedError(self._failure)

    def seek(self, start_s: float) -> None:
        """Go a little before the time and drop what is too early."""
        self._skip_to_s = start_s
        self._first = None
        base = float(self._stream.time_base or 1)
        target = (self._zero_pts or 0) + int(max(0.0, start_s - _PREROLL_S) / base)
        try:
            self._container.seek(target, stream=self._stream)
            self._decoded = self._frames()
        except av.FFmpegError:  # not seekable: from the front again
            self._container.close()
            self._source.seek(0)
            self._open()

    def close(self) -> None:
        """Close the container (the source stays open; it belongs to the caller)."""
        self._container.close()

    def _open(self) -> None:
        self._source.seek(0)
        self._container = av.open(
            self._source,
            format=self._form,
            options=OPTIONS | _FORM_OPTIONS.get(self._form or "", {}),
            metadata_errors="replace",
        )
        if not self._container.streams.audio:
            kinds = sorted({stream.type for stream in self._container.streams})
            self._container.close()
            raise NotAudio(
                f"expected an audio stream, found {' and '.join(kinds) or 'nothing'} "
                f"({self._container.format.long_name}); give a file that has sound"
            )
        tracks = self._container.streams.audio
        flagged = sorted(tracks, key=lambda s: not s.disposition & Disposition.default)
        self._stream = flagged[self._track]
        self._decoded = self._frames()

    def _frames(self) -> Iterator[AudioFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except IndexError:  # PyAV knows no stream that begins in the middle
                self.notes = ("a stream that begins later in the file was not heard",)
                packets = self._container.demux(self._stream)
                continue
            except _FAULTS as error:
                self._failure = f"decoding stopped ({getattr(error, 'strerror', '') or error})"
                return
            if packet is None:
                self._failure = self._source.failure
                return
            if packet.size:
                self.packets += 1
                self._last_packet = (bytes(memoryview(packet)[:4]), packet.size)
            try:
                for frame in packet.decode():
                    self.holes = self.skipped
                    yield frame
            except av.EOFError:
                return
            except _FAULTS:
                self.skipped += 1

    def _planes(self) -> Iterator[list[FloatArray]]:
        """Yield each frame as one float32 array a channel, in the first frame's form."""
        if self._first is not None:
            first, self._first = self._first, None
            yield _as_planes(first)
        for frame in self._decoded:
            if not allowed(frame.sample_rate, len(frame.layout.channels)):
                self.skipped += 1
                continue
            early = self._early(frame)
            if early >= frame.samples:
                continue
            self._skip_to_s = 0.0 if early <= 0 else self._skip_to_s
            if frame.sample_rate == self._rate_hz and frame.layout == self._layout:
                planes = _as_planes(frame)
                yield [plane[early:] for plane in planes] if early > 0 else planes
                continue
            yield from self._reshaped(frame)

    def _reshaped(self, frame: AudioFrame) -> Iterator[list[FloatArray]]:
        """Bring a frame of another rate or layout (joined streams) into the first one's form."""
        form = (frame.sample_rate, frame.layout.name, frame.format.name)
        if form not in self._resamplers:
            self._resamplers[form] = AudioResampler("fltp", self._layout, self._rate_hz)
        frame.pts = None
        try:
            for same in self._resamplers[form].resample(frame):
                yield _as_planes(same)
        except (av.FFmpegError, ValueError):
            self.skipped += 1

    def _early(self, frame: AudioFrame) -> int:
        """Return how many of the frame's samples lie before the time that was sought."""
        if not self._skip_to_s or frame.pts is None or frame.time_base is None:
            return 0
        at_s = float((frame.pts - (self._zero_pts or 0)) * frame.time_base)
        return round((self._skip_to_s - at_s) * frame.sample_rate)

    def _describe(self, frame: AudioFrame, size_bytes: int) -> AudioInfo:
        stream, container = self._stream, self._container
        duration_s = None
        name = container.format.name
        if not _COUNTED.intersection(name.split(",")):
            pass
        elif stream.duration is not None and stream.time_base is not None:
            duration_s = float(stream.duration * stream.time_base)
        elif container.duration is not None:
            duration_s = container.duration / 1e6
        bitrate_kbps = stream.bit_rate / 1e3 if stream.bit_rate else None
        if bitrate_kbps is None and duration_s:
            bitrate_kbps = size_bytes * 8e-3 / duration_s
        return AudioInfo(
            sample_rate_hz=frame.sample_rate,
            channels=len(frame.layout.channels),
            duration_s=duration_s,
            codec=stream.codec_context.codec.canonical_name,
            container="mp4" if "mp4" in name else name.split(",")[0],
            bitrate_kbps=bitrate_kbps,
            decoder="pyav",
            tracks=len(container.streams.audio),
        )


def _as_planes(frame: AudioFrame) -> list[FloatArray]:
    """View (float) or convert (integers) a frame's samples, one array a channel."""
    kind = frame.format.name.removesuffix("p")
    channels, length = len(frame.layout.channels), frame.samples
    dtype = np.dtype(_DTYPES[kind])
    if frame.format.is_planar:
        raw = [_array(plane, dtype, length) for plane in frame.planes]
    else:
        packed = _array(frame.planes[0], dtype, length * channels)
        raw = list(packed.reshape(length, channels).T)
    if kind == "flt":
        return raw
    if kind == "dbl":
        with np.errstate(over="ignore"):
            return [plane.astype(np.float32) for plane in raw]
    scale = np.float32(2.0 ** (1 - 8 * dtype.itemsize))
    middle = np.float32(128 if kind == "u8" else 0)
    return [(plane.astype(np.float32) - middle) * scale for plane in raw]


def _array(plane: Any, dtype: np.dtype[Any], length: int) -> NDArray[Any]:
    return np.frombuffer(plane, dtype, length)
