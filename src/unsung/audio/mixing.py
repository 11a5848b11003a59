# SPDX-License-Identifier: MIT
"""How a track's channels become the one signal that is judged, at a level that can be measured.

The rule is the mean of the channels at the file's own level. Two things make that another sound
than a listener hears, and both are measured while the blocks pass:

* *Channels cancel.* In anti-phase, in part of the spectrum (a delay, a turned band) or part of the
  time, the mean loses what every ear hears. Of two channels, half their difference holds just what
  the mean lost: the one of the two with more sound between 250 Hz and 8 kHz is judged, so that a
  channel of the other polarity changes nothing. Where both cancel, and among more channels, the
  loudest channel is judged alone: it cannot cancel itself.
* *The level lies outside what the measures are made for*: integers written as float samples, or
  sound far below full scale. A power of two brings it back; it changes no digit of a sample.

Both are decided for the whole track, so a track where they hold is read twice; all others pass as
they are, once. Units: full scale ±1, dB re full scale.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unsung.audio.health import HealthMeter
from unsung.types import Clip, FloatArray

__all__ = ["Mix", "MixMeter", "heard", "mono", "track_notes"]

STEP_S = 0.5
"""Seconds of sound in memory for which one share and one level are taken; a stream's blocks are as
long as its reader wants them."""

FRAME_S = 0.186
"""Lines 11 Hz apart: a delay of one channel up to 45 ms shows as notches between them."""

LOW_HZ, HIGH_HZ = 250.0, 8000.0
"""Where the evidence lies; a loud bass in phase must not hide that the rest cancels."""

LEAST_BLOCK = 0.5
"""Power of the mean over that of channels that know nothing of one another (1; equal ones 2),
averaged over bins. The lowest block of 160 real stereo tracks had 0.73."""

MORE = 1.0001
"""Power of the difference over the mean's from which on it holds more; below is rounding."""

MOST_BLOCKS = 0.1
"""Share of blocks below `LEAST_BLOCK` from which on the channels cancel."""

LEAST_BIN, MOST_BINS = 0.25, 0.16
"""The same for single bins over the track: a delay of one channel brings 23 % of the bins of equal
channels below."""

LEAST_FRAMES = 5
"""Fewer spectra say nothing of single bins."""

USUAL = (-6, 0)
"""Powers of two of a root mean square (−36 to 0 dB) between which the level stays as it is."""

TARGET = -3
"""Power of two (−18 dB) to which another level is brought; the usual one of released music."""

SILENT = -15
"""Power of two (−90 dB): blocks below are silence, whatever the format."""

LOUD_PART = 0.97
"""A track is quiet when so many of its blocks are: a click in a few makes it no louder."""

FEW_STEPS = 64
"""Different sample values in a quiet block below which steps of the format drown faint lines."""

_NORMAL = 1.48  # deviation over median magnitude, of noise
_EMPTY_BIN = 1e-9  # a bin 90 dB below the block's strongest holds rounding only


@dataclass(frozen=True)
class Mix:
    """The mean of all channels, half the difference of two, or one channel, times a gain.

    >>> Mix()(np.array([[0.5, 1.0], [0.0, 1.0]], np.float32)).tolist()
    [0.25, 1.0]
    """

    channel: int | None = None
    gain: float = 1.0
    difference: bool = False

    def __call__(self, block: FloatArray) -> FloatArray:
        """Return a fresh mono block. Shape: ``[channel, time]`` → ``[time]``."""
        with np.errstate(all="ignore"):  # NaN and inf pass through; `HealthMeter` judges them
            # Before the mean, whose sum would overflow.
            return self._mixed(block if self.gain == 1 else block * np.float32(self.gain))

    def _mixed(self, block: FloatArray) -> FloatArray:
        if self.channel is not None or len(block) == 1:
            return np.array(block[self.channel or 0], np.float32)
        if len(block) > 2:
            mean: FloatArray = np.full(len(block), 1 / len(block), np.float32) @ block
            return mean
        # Five times as fast as a mean over axis 0.
        made: FloatArray = block[0] - block[1] if self.difference else block[0] + block[1]
        made *= np.float32(0.5)
        return made

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done other than the rule, in words."""
        made = []
        if self.channel is not None:
            made.append(f"the channels cancel in their mean; channel {self.channel + 1} is judged")
        if self.difference:
            made.append("the channels cancel in their mean; their difference is judged")
        if self.gain != 1:
            made.append(f"judged at another level, {20 * math.log10(self.gain):+.0f} dB")
        return tuple(made)


class MixMeter:
    """Measures blocks of all channels while they pass; says how the track must be mixed.

    One spectrum a block, from its middle, costs a tenth of what judging the block does.

    Shape: blocks ``[channel, time]``, of half a second or more.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self._size = 1 << max(3, round(math.log2(FRAME_S * sample_rate_hz)))
        bins = np.arange(self._size // 2 + 1) * (sample_rate_hz / self._size)
        inside = np.flatnonzero((bins >= LOW_HZ) & (bins <= HIGH_HZ))
        self._bins = slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0)
        self._window = np.hanning(self._size).astype(np.float32)
        self._mean = np.zeros(len(inside))  # power of the mean of the channels
        self._apart = np.zeros(len(inside))  # power it would have were they unrelated
        self._power = np.zeros(channels)
        self._blocks = self._coarse = 0
        self._lost = [0, 0]  # blocks in which the mean cancels, and the difference of two
        self._levels: Counter[int] = Counter()
        self._silent = True

    def push(self, block: FloatArray) -> None:
        """Measure the next block."""
        if not block.size:
            return
        scale = 0  # power of two taken off a block whose squares overflow
        energy = _energy(block)
        if not math.isfinite(energy):
            block = np.where(np.isfinite(block), block, np.float32(0))
            scale = math.frexp(max(float(block.max()), -float(block.min())))[1]
            block = np.ldexp(block, -scale)
            energy = _energy(block)
        self._silent = self._silent and float(np.ptp(block, axis=1).max()) < 2.0**SILENT
        mean = energy / block.size
        if mean <= 4.0**SILENT:
            return
        level = round(math.log2(mean) / 2) + scale
        if level > USUAL[1]:
            level = _without_clicks(block, level, scale)
        self._levels[level] += 1
        if level < USUAL[0] and np.unique(block[:, : self._size]).size < FEW_STEPS:
            self._coarse += 1
        if len(block) > 1:
            self._compare(block)

    @property
    def silent(self) -> bool:
        """Whether no channel has moved so far."""
        return self._silent

    @property
    def doubt(self) -> str:
        """Why the sound cannot show that it is free of traces, or ""."""
        if 2 * self._coarse > sum(self._levels.values()):
            return (
                f"the sound is so quiet that it takes fewer than {FEW_STEPS} steps of its format, "
                "which hide faint lines"
            )
        return ""

    def mix(self) -> Mix:
        """Return how the whole track must be mixed; `Mix()` where the rule holds."""
        gain = self._gain()
        ways = [(self._mean, self._lost[0], False)]
        if len(self._power) == 2:
            other = 2 * self._apart - self._mean  # |a - b|² = 2 |a|² + 2 |b|² - |a + b|²
            more = other.sum() > MORE * self._mean.sum()
            ways.insert(0 if more else 1, (other, self._lost[1], True))
        for power, lost, difference in ways:
            if not self._cancels(power, lost):
                return Mix(None, gain, difference)
        return Mix(int(np.argmax(self._power)), gain)

    def _cancels(self, power: NDArray[np.float64], lost: int) -> bool:
        if lost > MOST_BLOCKS * self._blocks:
            return True
        filled = self._apart > _EMPTY_BIN * self._apart.max(initial=0.0)
        if self._blocks < LEAST_FRAMES or not filled.any():
            return False
        few = power[filled] < LEAST_BIN * self._apart[filled]
        return bool(few.mean() > MOST_BINS)

    def _gain(self) -> float:
        if not self._levels:
            return 1.0
        loud, usual = (_quantile(self._levels, part) for part in (LOUD_PART, 0.5))
        if usual > USUAL[1]:
            return 2.0 ** (TARGET - usual)
        return 2.0 ** (TARGET - loud) if loud < USUAL[0] else 1.0

    def _compare(self, block: FloatArray) -> None:
        """Set the spectrum of the mean against those of the channels."""
        start = (block.shape[1] - self._size) // 2
        if start < 0:
            return
        import scipy.fft  # a folder that is only looked at needs no transform

        frames = block[:, start : start + self._size] * self._window
        spectra = scipy.fft.rfft(frames, axis=1)[:, self._bins]  # [channel, freq]
        each = _power(spectra)
        mean, apart = _power(spectra.mean(axis=0)), each.sum(axis=0) / np.float32(len(block) ** 2)
        filled = apart > _EMPTY_BIN * apart.max(initial=0.0)
        if not filled.any():
            return
        self._power += each.sum(axis=1)
        self._mean += mean
        self._apart += apart
        self._blocks += 1
        share = float((mean[filled] / apart[filled]).mean())
        self._lost[0] += share < LEAST_BLOCK
        self._lost[1] += 2 - share < LEAST_BLOCK


def track_notes(track: int, tracks: int) -> tuple[str, ...]:
    """Say which of several audio tracks is judged, counted from the default one on."""
    if tracks == 1:
        return ()
    before = f", the {track} before it silent" if track else ""
    return (f"one of {tracks} audio tracks is judged{before}",)


def mono(clip: Clip) -> FloatArray:
    """Mix a clip as a scan of it would, at its own level. Shape: → ``[time]``."""
    return _whole(clip, level=False)


def heard(clip: Clip, meter: HealthMeter | None = None) -> FloatArray:
    """Return what a scan of a clip judges: mixed, at a level that can be measured, then repaired.

    Args:
        clip: the sound as its file holds it; nothing is cut before its level is known.
        meter: takes note of what was repaired.

    Shape: → ``[time]``.
    """
    return (meter or HealthMeter(clip.sample_rate_hz)).push(_whole(clip, level=True))


def _whole(clip: Clip, level: bool) -> FloatArray:
    samples = clip.samples
    if len(samples) == 1 and not level:
        return np.array(samples[0], np.float32)
    meter = MixMeter(clip.sample_rate_hz, len(samples))
    step = round(STEP_S * clip.sample_rate_hz)
    for at in range(0, samples.shape[1], step):
        meter.push(samples[:, at : at + step])
    mix = meter.mix()
    return mix(samples) if level else replace(mix, gain=1.0)(samples)


def _energy(block: FloatArray) -> float:
    flat = block.ravel(order="K")  # samples as they lie in memory: no copy
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.dot(flat, flat))


def _without_clicks(block: FloatArray, level: int, scale: int) -> int:
    """Return the level of a loud block by the middle of its magnitudes; sparse ones keep theirs."""
    middle = float(np.median(np.abs(block[:, :: max(1, block.size >> 12)])))
    return round(math.log2(middle * _NORMAL)) + scale if middle else level


def _power(spectra: NDArray[np.complex64]) -> FloatArray:
    power: FloatArray = np.square(spectra.real) + np.square(spectra.imag)
    return power


def _quantile(levels: Counter[int], part: float) -> int:
    """Return the level that this part of the blocks does not exceed."""
    wanted, so_far = part * sum(levels.values()), 0
    for level in sorted(levels):
        so_far += levels[level]
        if so_far >= wanted:
            return level
    return max(levels)
