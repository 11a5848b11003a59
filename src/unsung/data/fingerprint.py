# SPDX-License-Identifier: MIT
"""A fingerprint of how a recording sounds: 32 bits a frame, the signs of energy differences.

Haitsma and Kalker, "A highly robust audio fingerprinting system", ISMIR 2002: 33 bands between
300 and 2000 Hz, spaced logarithmically; a bit is set where the difference between neighbouring
bands grows from one frame to the next. It endures codecs, gain, other sample rates and noise, not a
change of speed or key: then it is another fingerprint. The hop is twice that of the paper (half the
memory; the frames still overlap by fifteen sixteenths).

Not for telling who made a sound: a neural resynthesis keeps the fingerprint of its original.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from unsung.audio import AudioStream, StreamResampler, open_audio, sha256_file
from unsung.data._workers import each
from unsung.data.cache import Cache
from unsung.types import Failure, FloatArray, Track

__all__ = ["HOP_S", "LONGEST_S", "Words", "fingerprint", "fingerprint_file", "fingerprints"]

Words = NDArray[np.uint32]
"""Shape ``[frame]``: the 32 bits of each frame."""

RATE_HZ = 5512
FRAME = 2048
HOP = 128
HOP_S = HOP / RATE_HZ
LONGEST_S = 180.0
"""What is heard of a file by default: 31 kB of fingerprint."""
_BANDS = 33
_LOW_HZ, _HIGH_HZ = 300.0, 2000.0
_BLOCK = 512  # frames transformed at a time
_KIND = "fingerprint-2"


def fingerprint(samples: FloatArray, sample_rate_hz: int = RATE_HZ) -> Words:
    """Return the words of a mono sound.

    Shape: ``[time]`` → ``[frame]``, one word every 23 ms; empty below 0.4 s.

    >>> len(fingerprint(np.zeros(5512, np.float32)))
    27
    """
    from unsung.audio.resample import resample

    return _words(resample(samples, sample_rate_hz, RATE_HZ))


def fingerprint_file(location: str, longest_s: float = LONGEST_S) -> Words:
    """Return the words of the first ``longest_s`` seconds of a file.

    Raises:
        AudioError: it cannot be opened as sound.
    """
    with open_audio(location) as stream:
        words = _of(stream, longest_s)
        while stream.again():
            words = _of(stream, longest_s)
    return words


def _of(stream: AudioStream, longest_s: float) -> Words:
    pieces: list[FloatArray] = []
    rate_hz = stream.info.sample_rate_hz
    left = round(longest_s * rate_hz)
    to_low = StreamResampler(rate_hz, RATE_HZ)
    for block in stream.blocks():
        pieces.append(to_low.push(np.nan_to_num(block[:left])))
        left -= len(block)
        if left <= 0:
            break
    pieces.append(to_low.flush())
    return _words(np.concatenate(pieces))


def fingerprints(
    tracks: Iterable[Track], cache: Cache, jobs: int = 1, longest_s: float = LONGEST_S
) -> Iterator[tuple[Track, Words | Failure]]:
    """Yield every track with its words; contents known to the cache are not decoded."""
    kind = f"{_KIND}:{longest_s:g}"
    items = _looked_up(tracks, cache, kind)
    work = functools.partial(_heard, longest_s=longest_s)
    for (track, known), made in each(work, items, jobs, chunk=8):
        if isinstance(made, Failure):
            yield track, made
            continue
        sha256, words = made
        if known is None:
            cache.put(track.path, sha256, kind, words.tobytes())
        yield track, words


def _looked_up(
    tracks: Iterable[Track], cache: Cache, kind: str
) -> Iterator[tuple[Track, bytes | None]]:
    for track in tracks:
        sha256 = cache.sha256(track.path)
        yield track, cache.get(sha256, kind) if sha256 else None


def _heard(item: tuple[Track, bytes | None], longest_s: float) -> tuple[str, Words]:
    track, known = item
    if known is not None:
        return "", np.frombuffer(known, np.uint32)
    return sha256_file(track.path), fingerprint_file(track.path, longest_s)


def _words(samples: FloatArray) -> Words:
    """Return the signs of the energy differences along bands and time, packed."""
    count = (len(samples) - FRAME) // HOP + 1
    if count < 2:
        return np.zeros(0, np.uint32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    window = np.hanning(FRAME).astype(np.float32)
    energies = np.concatenate(
        [_energies(frames[at : at + _BLOCK] * window) for at in range(0, count, _BLOCK)]
    )
    across = energies[:, :-1] - energies[:, 1:]
    bits = across[1:] > across[:-1]
    packed: Words = np.packbits(bits, axis=1).view(">u4").astype(np.uint32)[:, 0]
    return packed


def _energies(frames: FloatArray) -> NDArray[np.float64]:
    """Shape: ``[frame, time]`` → ``[frame, band]``."""
    from scipy.fft import rfft

    power = np.abs(rfft(frames, axis=1)) ** 2
    edges = np.geomspace(_LOW_HZ, _HIGH_HZ, _BANDS + 1) * FRAME / RATE_HZ
    starts = np.round(edges).astype(np.int64)
    sums: NDArray[np.float64] = np.add.reduceat(
        power[:, : starts[-1]].astype(np.float64), starts[:-1], axis=1
    )
    return sums
