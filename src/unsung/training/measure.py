# SPDX-License-Identifier: MIT
"""Recordings → feature rows, in parallel, with an equalised copy that removes shortcuts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from unsung.attacks import parse
from unsung.audio.read import read_clip
from unsung.audio.resample import resample
from unsung.audio.write import round_trip
from unsung.errors import AudioError
from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.runtime.analyzer import Analyzer
from unsung.types import Clip, FloatArray, Track

if TYPE_CHECKING:
    from unsung.runtime.bundle import Bundle

__all__ = [
    "BASELINE",
    "Excerpt",
    "Heard",
    "Row",
    "equalise",
    "heard",
    "measure",
    "read_mono",
    "shortcuts_of",
]

WINDOW_S = 10.0
"""The window of the timeline, and about the length of a training excerpt."""

BASELINE = ResidualSpectrum.preset("lofcz")
"""The published linear peak detector's front end, fitted on the same rows for comparison."""

N_SHORTCUTS = 7

EQUAL_SECONDS = 4.0
EQUAL_LOW_PASS_HZ = 7000.0
EQUAL_RMS = 0.1
EQUAL_KBPS = 64


@dataclass(frozen=True)
class Excerpt:
    """A stretch of a recording that becomes one row; `attack` is a chain done to it first.

    With `compared` the row also holds what rivals see: the published peaks and the shortcuts.
    """

    track: Track
    start_s: float = 0.0
    duration_s: float | None = None
    equal: bool = False
    attack: str = ""
    compared: bool = False


@dataclass(frozen=True)
class Row:
    """What one excerpt gave, or why nothing. Shape: features ``[2 · feature]``, the rest ``[n]``.

    ``baseline`` is the published peak detector's picture; without a comparison it and the
    shortcuts are not a number.
    """

    features: NDArray[np.float16] | None
    baseline: NDArray[np.float16] | None = None
    shortcuts: FloatArray | None = None
    covered_s: float = 0.0
    error: str = ""


def read_mono(excerpt: Excerpt, sample_rate_hz: int) -> FloatArray:
    """Read an excerpt as mono, attack it at its own rate, resample it. Shape: ``[time]``."""
    clip = read_clip(excerpt.track.path, excerpt.start_s, excerpt.duration_s, mono=True)
    if excerpt.attack:
        clip = parse(excerpt.attack)(clip, _seed(excerpt))
    sound, rate = clip.samples[0], clip.sample_rate_hz
    return resample(sound, rate, sample_rate_hz) if rate != sample_rate_hz else sound


def _seed(excerpt: Excerpt) -> int:
    """Return another seed for every excerpt: one room for all of them would be learned."""
    text = f"{excerpt.track.id} {excerpt.start_s} {excerpt.attack}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


def equalise(sound: FloatArray, sample_rate_hz: int) -> FloatArray:
    """Give every recording the same length, loudness, bandwidth and codec history.

    The middle 4 s, low-passed at 7 kHz, at one RMS, through mp3 at 64 kbit/s mono: what is left to
    tell the classes apart is not where a file came from.

    Shape: ``[time]`` → ``[4 s]``.
    """
    length = round(EQUAL_SECONDS * sample_rate_hz)
    start = max(0, (len(sound) - length) // 2)
    cut = sound[start : start + length]
    cut = np.pad(cut, (0, length - len(cut)), mode="wrap") if len(cut) < length else cut
    taps = scipy.signal.firwin(255, EQUAL_LOW_PASS_HZ, fs=sample_rate_hz)
    cut = scipy.signal.fftconvolve(cut, taps, mode="same").astype(np.float32)
    cut = cut * (EQUAL_RMS / max(1e-6, float(np.sqrt(np.mean(np.square(cut))))))
    clip = Clip(np.clip(cut, -1, 1).astype(np.float32)[None], sample_rate_hz)
    equal: FloatArray = round_trip(clip, "mp3", EQUAL_KBPS).samples[0]
    return equal


@dataclass(frozen=True)
class Heard:
    """What the analyzer keeps of a track. Shape: means and deviations ``[feature]``.

    ``deviations`` are not a number where the track has a single window; ``covered_s`` is how much
    sound was heard.
    """

    means: FloatArray
    deviations: FloatArray
    covered_s: float


@dataclass(frozen=True)
class _Ears:
    """What an analyzer asks of a bundle before it scores."""

    front_ends: tuple[ResidualSpectrum, ...]
    sample_rate_hz: int
    window_s: float = WINDOW_S
    info: dict[str, int] = field(default_factory=dict)
    shift: None = None


class _Meter(Analyzer):
    """The analyzer of a scan, stopped before the logit: the same windows, frames and weights."""

    def heard(self) -> Heard:
        self._drain()
        rest = self._deviations()
        means = np.concatenate([moments.mean.reshape(-1) for moments in self._moments])
        deviations = (
            np.full_like(means, np.nan)
            if rest is None
            else np.concatenate([part.reshape(-1) for part in rest])
        )
        return Heard(means, deviations, self._covered_s)

    def _judge(self, pictures: list[FloatArray], active: float) -> None:
        self._covered_s += active
        for moments, picture in zip(self._moments, pictures, strict=True):
            moments.add(picture, active)


def heard(sound: FloatArray, front_ends: Sequence[ResidualSpectrum]) -> Heard:
    """Measure a sound at the front ends' rate, window by window as in a scan. Shape: ``[time]``."""
    rate = front_ends[0].sample_rate_hz
    ears = _Ears(tuple(front_ends), rate, info={"reference": len(front_ends) - 1})
    meter = _Meter(cast("Bundle", ears), rate)
    meter.push(sound)
    return meter.heard()


def shortcuts_of(sound: FloatArray, sample_rate_hz: int) -> FloatArray:
    """Return what a lazy model could use: duration, level, crest, bandwidth, silence, DC, floor.

    Shape: ``[time]`` → ``[7]``.
    """
    rms = float(np.sqrt(np.mean(np.square(sound)))) + 1e-9
    frames = sound[: len(sound) // 512 * 512].reshape(-1, 512)
    levels = 10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-12)
    power = np.mean(np.square(np.abs(np.fft.rfft(frames * np.hanning(512), axis=1))), axis=0)
    rolloff = np.searchsorted(np.cumsum(power) / power.sum(), 0.995) * sample_rate_hz / 512
    return np.array(
        [
            len(sound) / sample_rate_hz,
            20 * np.log10(rms),
            20 * np.log10(float(np.abs(sound).max()) / rms + 1e-9),
            rolloff,
            float(np.mean(levels < -60)),
            float(sound.mean()) / rms,
            float(np.percentile(levels, 5)),
        ],
        np.float32,
    )


def _row(excerpt: Excerpt, front_ends: Sequence[ResidualSpectrum]) -> Row:
    rate = front_ends[0].sample_rate_hz
    try:
        sound = read_mono(excerpt, rate)
        if excerpt.equal:
            sound = equalise(sound, rate)
    except (AudioError, ValueError) as error:
        return Row(None, error=f"{excerpt.track.path}: {error}")
    if not len(sound) or not np.isfinite(sound).all() or float(np.abs(sound).max()) < 1e-4:
        return Row(None, error=f"{excerpt.track.path}: silent, empty or not finite")
    found = heard(sound, front_ends)
    if not found.covered_s:
        return Row(None, error=f"{excerpt.track.path}: no frame above -90 dB")
    features = np.concatenate([found.means, found.deviations]).astype(np.float16)
    baseline = np.full(len(BASELINE.freqs_hz), np.nan, np.float16)
    shortcuts = np.full(N_SHORTCUTS, np.nan, np.float32)
    if excerpt.compared:
        baseline = BASELINE(sound[None])[0].reshape(-1).astype(np.float16)
        shortcuts = shortcuts_of(sound, rate).astype(np.float32)
    return Row(features, baseline, shortcuts, found.covered_s)


def measure(
    excerpts: Sequence[Excerpt], front_ends: Sequence[ResidualSpectrum], jobs: int
) -> Iterator[Row]:
    """Measure excerpts in order over processes; a bad one gives a row with its error."""
    work = partial(_row, front_ends=tuple(front_ends))
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(work, excerpts, chunksize=4)
