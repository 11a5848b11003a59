# SPDX-License-Identifier: MIT
"""Makes real sound files of every kind for the tests."""

from __future__ import annotations

import tempfile
from pathlib import Path

import av
import numpy as np
import soundfile

from unsung.audio.read import open_audio
from unsung.audio.signals import noise, sweep

SNDFILE = {  # name → format, subtype
    "wav": ("WAV", "PCM_16"),
    "u8": ("WAV", "PCM_U8"),
    "s24": ("WAV", "PCM_24"),
    "s32": ("WAV", "PCM_32"),
    "f32": ("WAV", "FLOAT"),
    "f64": ("WAV", "DOUBLE"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "rf64": ("RF64", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
}


def music(duration_s=3.0, rate_hz=44100, channels=2):
    """Something that fills the spectrum, each channel different. Shape: [channel, time]."""
    first = sweep(100, 5000, duration_s, rate_hz, 0.3) + noise(1, duration_s, rate_hz, 0.02)
    rows = [first * (1 - 0.1 * number) for number in range(channels)]
    return np.stack(rows).astype(np.float32)


def save(path: Path, samples, rate_hz=44100, kind="wav") -> Path:
    container, subtype = SNDFILE[kind]
    soundfile.write(path, samples.T, rate_hz, format=container, subtype=subtype)
    return path


def m4a(samples, rate_hz=44100, codec="aac", container="mp4", front=False, video=False) -> bytes:
    """Encode through FFmpeg; ``front`` puts the index before the data."""
    options = {"movflags": "faststart"} if front else {}
    with tempfile.NamedTemporaryFile() as file:  # moving the index needs a name
        _encode(Path(file.name), samples, rate_hz, codec, container, options, video)
        return Path(file.name).read_bytes()


def _encode(path, samples, rate_hz, codec, container, options, video):
    with av.open(str(path), "w", format=container, options=options) as out:
        if video:
            picture = out.add_stream("mpeg4", rate=5)
            picture.width = picture.height = 64
            picture.pix_fmt = "yuv420p"
        stream = out.add_stream(codec, rate=rate_hz)
        stream.layout = "mono" if len(samples) == 1 else "stereo"
        if video:
            for number in range(5):
                frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
                frame.pts = number
                out.mux(picture.encode(frame))
            out.mux(picture.encode(None))
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=stream.layout)
        frame.sample_rate, frame.pts = rate_hz, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def drain(source, **options):
    """Read a source to its end. Returns (samples, stream, number of blocks)."""
    with open_audio(source) as stream:
        blocks = list(stream.blocks(**options))
    joined = np.concatenate(blocks, axis=-1) if blocks else np.zeros(0, np.float32)
    return joined, stream, len(blocks)


def lag(reference, other) -> int:
    """How many samples `other` comes late, by cross-correlation."""
    size = 1 << int(np.ceil(np.log2(2 * max(len(reference), len(other)))))
    spectrum = np.fft.rfft(other, size) * np.conj(np.fft.rfft(reference, size))
    best = int(np.fft.irfft(spectrum).argmax())
    return best - size if best > size // 2 else best
