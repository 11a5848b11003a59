# SPDX-License-Identifier: MIT
"""Cuts a sound into frames of one length and rate, the way published detectors are fed.

Silence is trimmed as SoX does with ``silence 1 0.2 1% -1 0.2 1%`` (WaveFake, Frank and Schönherr
2021): stretches of 0.2 s or more whose running RMS of 20 ms stays at or below 1 % of full scale go,
wherever they are, and sound comes back with the first 0.2 s that stay above. Crops are SONICS'
(Rahman et al., ICLR 2025): from ``int((n - length) / 4 * 3)`` to judge, at random to train.
Deviations: SoX compares inside its filter's delay, so edges may differ by up to 20 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from unsung.audio.resample import resample
from unsung.errors import TooShort, UnknownName, UsageError
from unsung.types import Clip, FloatArray, Record

__all__ = ["Framing", "Take", "crop_start", "cut_frames", "trim_silence"]

Take = Literal["all", "random", "middle", "three-quarter"]
_RMS_S = 0.02


@dataclass(frozen=True)
class Framing(Record):
    """How to cut; the record is part of the key by which finished work is recognised.

    Attributes:
        seconds: length of a frame.
        sample_rate_hz: rate of the frames.
        take: all whole frames side by side (the rest is dropped), or one: random, middle, or
            from the three-quarter point; a shorter sound is then padded with zeros, on the right,
            or for random ones on both sides at random.
        trim: whether to take silence out first.
        silence_s: shortest silence that is taken out.
        silence_level: running RMS up to which it is silence, as a share of full scale.
        seed: of random crops; each content draws its own.
        most: most frames of one file when taking all; 0 is no limit.

    Raises:
        UsageError: a value that cannot be meant.
    """

    seconds: float = 1.0
    sample_rate_hz: int = 22050
    take: Take = "all"
    trim: bool = False
    silence_s: float = 0.2
    silence_level: float = 0.01
    seed: int = 0
    most: int = 0

    def __post_init__(self) -> None:
        if self.take not in get_args(Take):
            raise UnknownName("way to take frames", self.take, get_args(Take))
        if not (self.seconds > 0 and self.sample_rate_hz > 0 and self.silence_s > 0):
            raise UsageError(
                "expected frames, rate and silence above 0, got "
                f"{self.seconds} s, {self.sample_rate_hz} Hz and {self.silence_s} s"
            )
        if not 0 <= self.silence_level < 1 or self.most < 0:
            raise UsageError(
                "expected a silence level from 0 to 1 and 0 or more frames, got "
                f"{self.silence_level} and {self.most}"
            )

    @property
    def length(self) -> int:
        """Samples in a frame."""
        return round(self.seconds * self.sample_rate_hz)


def cut_frames(clip: Clip, framing: Framing, draw: int = 0) -> FloatArray:
    """Return the frames of a clip, mono. Shape: ``[frame, time]``.

    Args:
        clip: any rate, any channels.
        framing: see there.
        draw: with the seed, decides the random crop: give a number of the content.

    Raises:
        TooShort: nothing but silence, or (taking all) not one whole frame.
    """
    sound = resample(clip.mono(), clip.sample_rate_hz, framing.sample_rate_hz)
    if framing.trim:
        sound = trim_silence(
            sound, framing.sample_rate_hz, framing.silence_s, framing.silence_level
        )
    length = framing.length
    if not sound.size or (framing.take == "all" and sound.size < length):
        held_s = sound.size / framing.sample_rate_hz
        raise TooShort(
            f"{clip.track_id}: expected at least one frame of {framing.seconds:g} s, "
            f"{held_s:.2f} s of sound are left; take shorter frames or leave the file out"
        )
    if framing.take == "all":
        count = sound.size // length
        frames = sound[: count * length].reshape(count, length)
        return frames[: framing.most] if framing.most else frames
    rng = np.random.default_rng((framing.seed, draw))
    if sound.size < length:
        left = int(rng.integers(length - sound.size + 1)) if framing.take == "random" else 0
        padded = np.zeros((1, length), np.float32)
        padded[0, left : left + sound.size] = sound
        return padded
    start = crop_start(sound.size, length, framing.take, rng)
    return sound[None, start : start + length]


def crop_start(total: int, length: int, take: Take, rng: np.random.Generator) -> int:
    """Return where a single frame begins, in samples.

    >>> crop_start(1000, 200, "three-quarter", np.random.default_rng())
    600
    """
    room = total - length
    if take == "random":
        return int(rng.integers(room + 1))
    return int(room / 4 * 3) if take == "three-quarter" else room // 2


def trim_silence(
    sound: FloatArray, sample_rate_hz: int, silence_s: float = 0.2, level: float = 0.01
) -> FloatArray:
    """Take out silences from beginning, middle and end. Shape: ``[time]`` → ``[time]``."""
    least = max(1, round(silence_s * sample_rate_hz))
    loud = _running_rms(sound, max(1, round(_RMS_S * sample_rate_hz))) > level
    edges = np.flatnonzero(np.diff(loud)) + 1
    starts = np.concatenate([[0], edges])
    ends = np.append(edges, len(loud))
    kept: list[FloatArray] = []
    sounding = False
    for start, end in zip(starts, ends, strict=True):
        if start < end and end - start >= least:
            sounding = bool(loud[start])
        if sounding:
            kept.append(sound[start:end])
    return np.concatenate(kept) if kept else np.zeros(0, np.float32)


def _running_rms(sound: FloatArray, width: int) -> NDArray[np.float64]:
    """Return the RMS of the last ``width`` samples, zeros before the first."""
    power = np.cumsum(np.concatenate([np.zeros(width), sound.astype(np.float64) ** 2]))
    power = np.concatenate([[0.0], power])
    means: NDArray[np.float64] = np.sqrt(
        np.maximum(power[width + 1 :] - power[1:-width], 0.0) / width
    )
    return means
