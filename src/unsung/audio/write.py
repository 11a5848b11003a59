# SPDX-License-Identifier: MIT
"""Writes sound files; passes clips through lossy codecs in memory, aligned, of equal length."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from unsung.audio._sniff import shown
from unsung.audio.read import read_clip
from unsung.audio.resample import resample
from unsung.errors import UnknownName, UsageError
from unsung.types import Clip, FloatArray

__all__ = ["CODECS", "decode", "encode", "round_trip", "write"]

CODECS = ("aac", "mp3", "opus", "vorbis")
_FILES = {  # extension → libsndfile format, subtype, codec whose rates apply
    ".wav": ("WAV", "FLOAT", ""),
    ".flac": ("FLAC", "PCM_24", ""),
    ".ogg": ("OGG", "VORBIS", "vorbis"),
    ".opus": ("OGG", "OPUS", "opus"),
    ".mp3": ("MP3", "MPEG_LAYER_III", "mp3"),
}
_ENCODERS = {  # codec → FFmpeg encoder, container, sample format
    "mp3": ("libmp3lame", "mp3", "fltp"),
    "aac": ("aac", "mp4", "fltp"),
    "opus": ("libopus", "ogg", "flt"),
}
_MP3_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_RATES_HZ = {
    "mp3": _MP3_HZ,
    "aac": (*_MP3_HZ, 64000, 88200, 96000),
    "opus": (8000, 12000, 16000, 24000, 48000),
}
_VORBIS_KBPS = (64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500)
"""Nominal bit rate of libvorbis' qualities 0 to 10 for 44.1 kHz stereo."""
_CHUNK = 65536  # libsndfile's Vorbis writer overflows its stack on one very long call


def write(path: str | Path, clip: Clip, comment: str = "") -> None:
    """Write a clip as wav (float32), flac (24 bit), ogg (Vorbis), opus or mp3, by extension.

    A rate that the codec does not know is resampled to the next one it knows. The comment stands
    in the file's tags; of an MP3 30 bytes are kept.

    Raises:
        UnknownName: another extension.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in _FILES:
        raise UnknownName("sound file extension", kind or shown(path.name), _FILES)
    container, subtype, codec = _FILES[kind]
    samples, rate_hz = _fitting(np.atleast_2d(clip.samples), clip.sample_rate_hz, codec)
    with path.open("wb") as file:
        _write_sndfile(file, samples, rate_hz, container, subtype, comment=comment)


def encode(
    samples: FloatArray, sample_rate_hz: int, codec: str, bitrate_kbps: float = 128
) -> bytes:
    """Encode to mp3, aac (in mp4), opus or vorbis (in ogg) in memory.

    Vorbis has no bit rates: the quality that gives about this rate is taken. A sample rate that
    the codec does not know is resampled to the next one it knows.

    Shape: ``[channel, time]`` or ``[time]``, one or two channels.

    Raises:
        UnknownName: another codec.
        UsageError: no samples, more than two channels, or no bit rate.
    """
    if codec not in CODECS:
        raise UnknownName("codec", codec, CODECS)
    samples = np.atleast_2d(np.asarray(samples, dtype=np.float32))
    if samples.shape[0] > 2 or not samples.size or bitrate_kbps <= 0:
        raise UsageError(
            "expected one or two channels with samples and a bit rate above 0, got shape "
            f"{samples.shape} and {bitrate_kbps} kbps"
        )
    samples, rate_hz = _fitting(samples, sample_rate_hz, codec)
    if codec == "vorbis":
        stereo_kbps = bitrate_kbps * 2 / samples.shape[0] * 44100 / max(rate_hz, 16000)
        quality = float(np.interp(stereo_kbps, _VORBIS_KBPS, np.linspace(0, 1, 11)))
        file = io.BytesIO()
        _write_sndfile(file, samples, rate_hz, "OGG", "VORBIS", compression_level=1 - quality)
        return file.getvalue()
    return _encode_av(samples, rate_hz, codec, bitrate_kbps)


def decode(data: bytes) -> Clip:
    """Decode a whole file held in memory; encoder delay is taken off where the file tells it."""
    return read_clip(io.BytesIO(data))


def round_trip(clip: Clip, codec: str, bitrate_kbps: float = 128) -> Clip:
    """Pass a clip through a codec: same rate, same length, aligned to the sample.

    Shape: ``[channel, time]`` → ``[channel, time]``.
    """
    samples = np.atleast_2d(clip.samples)
    back = decode(encode(samples, clip.sample_rate_hz, codec, bitrate_kbps))
    made = resample(back.samples, back.sample_rate_hz, clip.sample_rate_hz)
    out = np.zeros_like(samples, dtype=np.float32)
    kept = min(samples.shape[-1], made.shape[-1])
    out[:, :kept] = made[:, :kept]
    return Clip(out, clip.sample_rate_hz, clip.start_s, clip.track_id)


def _fitting(samples: FloatArray, rate_hz: int, codec: str) -> tuple[FloatArray, int]:
    """Resample to the next rate that the codec knows, the largest if none is above."""
    rates = _RATES_HZ.get(codec, (rate_hz,))
    if rate_hz in rates:
        return samples, rate_hz
    to_hz = next((rate for rate in rates if rate > rate_hz), rates[-1])
    return resample(samples, rate_hz, to_hz), to_hz


def _write_sndfile(
    file: Any,
    samples: FloatArray,
    rate_hz: int,
    container: str,
    subtype: str,
    *,
    comment: str = "",
    **options: Any,
) -> None:
    import soundfile

    channels, length = samples.shape
    with soundfile.SoundFile(
        file, "w", rate_hz, channels, subtype=subtype, format=container, **options
    ) as out:
        if comment:
            out.comment = comment
        for start in range(0, length, _CHUNK):
            out.write(np.ascontiguousarray(samples[:, start : start + _CHUNK].T))


def _encode_av(samples: FloatArray, rate_hz: int, codec: str, bitrate_kbps: float) -> bytes:
    import av

    encoder, container, form = _ENCODERS[codec]
    layout = "mono" if samples.shape[0] == 1 else "stereo"
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream: Any = out.add_stream(encoder, rate=rate_hz)
        stream.layout, stream.format = layout, form
        stream.bit_rate = round(bitrate_kbps * 1000)
        for start in range(0, samples.shape[1], _CHUNK):
            part = np.ascontiguousarray(samples[:, start : start + _CHUNK])
            if form == "flt":
                part = np.ascontiguousarray(part.T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(part, format=form, layout=layout)
            frame.sample_rate, frame.pts = rate_hz, start
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()
