# SPDX-License-Identifier: MIT
"""Audio comes in once: any file, folder, list or address becomes checked float32 blocks.

Importing this folder loads neither libsndfile, FFmpeg nor soxr; the first use does.
`unsung.audio.resample` and `unsung.audio.write` are modules whose main functions share their name.
"""

from unsung.audio.fetch import open_url, stdin_file
from unsung.audio.files import sha256_file
from unsung.audio.health import HealthMeter
from unsung.audio.read import AudioInfo, AudioStream, open_audio, read_clip
from unsung.audio.resample import StreamResampler
from unsung.audio.sources import Source, expand
from unsung.audio.tags import provenance
from unsung.audio.windows import WindowBuffer, spread_starts, window_starts
from unsung.audio.write import decode, encode, round_trip

__all__ = [
    "AudioInfo",
    "AudioStream",
    "HealthMeter",
    "Source",
    "StreamResampler",
    "WindowBuffer",
    "decode",
    "encode",
    "expand",
    "open_audio",
    "open_url",
    "provenance",
    "read_clip",
    "round_trip",
    "sha256_file",
    "spread_starts",
    "stdin_file",
    "window_starts",
]
