# SPDX-License-Identifier: MIT
"""Scores one track also under small changes that leave the music as it is.

A decoder's lines survive a faint noise, a low-pass at 7 kHz or a start five seconds later; a chance
alignment of notes often does not. The idea is that of test-time augmentation and of consensus over
transformations (Cohen, Rosenfeld and Kolter, "Certified Adversarial Robustness via Randomized
Smoothing", ICML 2019, is its best known relative); no certificate is claimed here. What it gives
and costs stands in results/robust-verdict.md. Sound is a stream of mono blocks at the bundle's rate
and memory does not grow with it. Units: Hz, dB, s, logits. Not for sound of a few seconds: the
change that starts later has nothing left to hear.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from unsung.audio.resample import StreamResampler
from unsung.types import FloatArray

if TYPE_CHECKING:
    from unsung.runtime.bundle import Bundle

__all__ = ["CHANGES", "LEAST", "Change", "StableScores", "agreeing", "changed"]

LEAST = 3
"""Changes that must agree before a track is called AI. With 4 or 5 no fewer human excerpts were
called AI, and far fewer AI tracks were found (results/robust-verdict.md)."""

LOW_PASS_HZ = 7000.0
HIGH_PASS_HZ = 1000.0
TAPS = 255
NOISE_DB = 40.0
FASTER = 1.005
LATER_S = 5.0
"""Half of a window: no frame lies where it lay."""

LATER_SHARE = 0.25
"""Of a short sound a quarter is left out instead."""


class Change(Protocol):
    """Takes blocks ``[time]`` in order and returns changed ones; `flush` gives what is left."""

    def push(self, block: FloatArray) -> FloatArray:
        """Change the next samples."""
        ...

    def flush(self) -> FloatArray:
        """Return what was held back."""
        ...


class _Filter:
    """A linear-phase FIR filter; its delay moves no line and is left as it is."""

    def __init__(self, cutoff_hz: float, rate: int, kind: Literal["lowpass", "highpass"]) -> None:
        taps = scipy.signal.firwin(TAPS, cutoff_hz, fs=rate, pass_zero=kind)
        self._taps: FloatArray = taps.astype(np.float32)
        self._held = np.zeros(TAPS - 1, np.float32)

    def push(self, block: FloatArray) -> FloatArray:
        if not len(block):
            return block
        joined = np.concatenate([self._held, block])
        self._held = joined[-(TAPS - 1) :].copy()
        out: FloatArray = scipy.signal.oaconvolve(joined, self._taps, mode="valid")
        return out.astype(np.float32)

    def flush(self) -> FloatArray:
        return np.zeros(0, np.float32)


class _Noise:
    """White noise below the level of each block; the same track gets the same noise."""

    def __init__(self, below_db: float) -> None:
        self._gain = 10 ** (-below_db / 20)
        self._rng = np.random.default_rng(0)

    def push(self, block: FloatArray) -> FloatArray:
        level = float(np.sqrt(np.mean(np.square(block, dtype=np.float64)))) if len(block) else 0.0
        noise: NDArray[np.float32] = self._rng.standard_normal(len(block), np.float32)
        return np.asarray(block + np.float32(level * self._gain) * noise, np.float32)

    def flush(self) -> FloatArray:
        return np.zeros(0, np.float32)


class _Faster:
    """Resampled so that everything is a little faster and higher."""

    def __init__(self, factor: float, rate: int) -> None:
        import soxr

        self._stream = soxr.ResampleStream(rate * factor, rate, 1, dtype="float32", quality="HQ")

    def push(self, block: FloatArray, last: bool = False) -> FloatArray:
        out: FloatArray = self._stream.resample_chunk(np.ascontiguousarray(block), last=last)
        return out

    def flush(self) -> FloatArray:
        return self.push(np.zeros(0, np.float32), last=True)


class _Later:
    """Starts later; where the sound proves short, it gives back what it left out too much."""

    def __init__(self, skip: int) -> None:
        self._skip = skip
        self._held: list[FloatArray] = []
        self._count = 0
        self._long = False

    def push(self, block: FloatArray) -> FloatArray:
        if self._long:
            return block
        self._held.append(block.copy())
        self._count += len(block)
        # From here on the skip is less than the share that a short sound loses.
        if self._count * LATER_SHARE < self._skip:
            return block[:0]
        self._long = True
        joined, self._held = np.concatenate(self._held), []
        return joined[self._skip :]

    def flush(self) -> FloatArray:
        if self._long or not self._held:
            return np.zeros(0, np.float32)
        joined, self._held = np.concatenate(self._held), []
        return joined[round(len(joined) * LATER_SHARE) :]


CHANGES: dict[str, Callable[[int], Change]] = {
    "low-pass at 7 kHz": lambda rate: _Filter(LOW_PASS_HZ, rate, "lowpass"),
    "high-pass at 1 kHz": lambda rate: _Filter(HIGH_PASS_HZ, rate, "highpass"),
    "noise 40 dB below": lambda _: _Noise(NOISE_DB),
    "0.5 % faster": lambda rate: _Faster(FASTER, rate),
    "half a window later": lambda rate: _Later(round(LATER_S * rate)),
}
"""Name → a fresh change for sound at a rate in Hz."""


def changed(sound: FloatArray, name: str, rate: int) -> FloatArray:
    """Return a whole sound changed, as a stream of it would be. Shape: ``[time]`` → ``[time]``."""
    change = CHANGES[name](rate)
    return np.concatenate([change.push(sound), change.flush()])


def agreeing(logits: Mapping[str, float | None], ai_logit: float | None) -> list[str]:
    """Return the changes under which a track stays above the AI threshold.

    >>> agreeing({"a": 2.0, "b": 0.5, "c": None}, 1.0)
    ['a']
    """
    if ai_logit is None:
        return []
    return [name for name, logit in logits.items() if logit is not None and logit >= ai_logit]


class StableScores:
    """Feeds the same stream, changed in every way of `CHANGES`, to an analyzer each."""

    def __init__(self, bundle: Bundle, sample_rate_hz: int) -> None:
        rate = bundle.sample_rate_hz
        self._resampler = StreamResampler(sample_rate_hz, rate)
        self._parts = {name: (make(rate), bundle.analyzer(rate)) for name, make in CHANGES.items()}

    def push(self, block: FloatArray) -> None:
        """Take the next samples. Shape: ``[time]`` at the rate given at construction."""
        self._take(self._resampler.push(block))

    def finish(self) -> dict[str, float | None]:
        """Return the track's logit under each change; None where nothing was left to hear."""
        self._take(self._resampler.flush())
        found = {}
        for name, (change, analyzer) in self._parts.items():
            analyzer.push(change.flush())
            found[name] = analyzer.finish().logit
        return found

    def _take(self, sound: FloatArray) -> None:
        for change, analyzer in self._parts.values():
            analyzer.push(change.push(sound))
