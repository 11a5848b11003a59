# SPDX-License-Identifier: MIT
"""Single sounds whose truth is known in Hz and seconds, for tests of explanations.

An explainer that says "trumpet, because of the attack" can be asked what it says when the attack is
a violin's; one that says "piano, because of 220 Hz" when 220 Hz is not in the signal. Each function
here returns the sound and its `Truth`.

Sources: the missing fundamental (Schouten 1940), swapped attacks (Iverson and Krumhansl, JASA
1993: attacks carry much, not all, of an instrument's identity), vibrato as sinusoidal frequency
modulation in cents. Additive sounds need NumPy only; played notes need FluidSynth.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UsageError
from unsung.synthesis.instruments.mixtures import level_db, normalise
from unsung.synthesis.instruments.table import Program
from unsung.synthesis.instruments.verify import pitch_hz, render_note
from unsung.types import Clip, FloatArray, Record

__all__ = [
    "Controlled",
    "Truth",
    "additive",
    "join_attack",
    "missing_fundamental",
    "single_note",
    "swapped_attack",
    "vibrato",
]

_RAMP_S = 0.01
_PEAK = 0.5


@dataclass(frozen=True)
class Truth(Record):
    """What is in the sound, and what is deliberately not.

    f0_hz: the pitch that is meant (heard also where its line is absent). partials_hz: lines that
    are in the signal (empty for sampled instruments, whose partials are the recording's).
    absent_hz: partials left out. onset_s and end_s: press and release. swap_s: where the attack
    of ``attack`` gives way to the sustain of ``sustain``; None where both are one. vibrato: rate
    in Hz and largest deviation in cents, 0 for none.
    """

    kind: str
    f0_hz: float
    onset_s: float
    end_s: float
    partials_hz: tuple[float, ...] = ()
    absent_hz: tuple[float, ...] = ()
    attack: str = ""
    sustain: str = ""
    swap_s: float | None = None
    vibrato_rate_hz: float = 0.0
    vibrato_cents: float = 0.0

    def f0_at(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fundamental at given times in Hz; 0 before the press and after the release.

        Shape: ``[time]`` → ``[time]``.
        """
        since = times_s - self.onset_s
        cents = self.vibrato_cents * np.sin(2 * np.pi * self.vibrato_rate_hz * since)
        inside = (times_s >= self.onset_s) & (times_s < self.end_s)
        return np.where(inside, self.f0_hz * 2 ** (cents / 1200), 0.0)


@dataclass(frozen=True)
class Controlled(Record):
    """A sound and what is known of it."""

    clip: Clip
    truth: Truth


def single_note(
    instrument: Program,
    pitch: int,
    soundfont: Path,
    *,
    duration_s: float = 1.5,
    sample_rate_hz: int = 44100,
    velocity: int = 96,
) -> Controlled:
    """One note of one instrument, released a third before the end; mono."""
    sound = render_note(
        instrument, pitch, soundfont, sample_rate_hz, duration_s=duration_s, velocity=velocity
    )
    mono = normalise(sound.mean(axis=0, keepdims=True), sample_rate_hz)
    name = instrument.name
    truth = Truth(
        "single note", pitch_hz(pitch), 0.0, duration_s * 2 / 3, attack=name, sustain=name
    )
    return Controlled(Clip(mono, sample_rate_hz), truth)


def additive(
    f0_hz: float,
    amplitudes: tuple[float, ...],
    *,
    duration_s: float = 1.5,
    sample_rate_hz: int = 44100,
    onset_s: float = 0.1,
    end_s: float | None = None,
    vibrato_rate_hz: float = 0.0,
    vibrato_cents: float = 0.0,
    kind: str = "additive",
) -> Controlled:
    """Harmonic partials with given amplitudes; a zero leaves a partial out and says so.

    The sum of the amplitudes is scaled to a peak of at most 0.5. Ramps of 10 ms at both ends.

    Raises:
        UsageError: no partial, one above half the rate, or times outside the clip.
    """
    end_s = duration_s - 0.1 if end_s is None else end_s
    if not 0 <= onset_s < end_s <= duration_s:
        raise UsageError(
            f"expected 0 ≤ onset < end ≤ {duration_s:g} s, got {onset_s:g} s and {end_s:g} s"
        )
    total = sum(abs(amplitude) for amplitude in amplitudes)
    if total == 0 or f0_hz <= 0:
        raise UsageError(f"expected a frequency above 0 and a partial, got {f0_hz} Hz, none")
    rows = [(n * f0_hz, a) for n, a in enumerate(amplitudes, start=1)]
    present = tuple(hz for hz, amplitude in rows if amplitude != 0)
    if max(present) * 2 ** (abs(vibrato_cents) / 1200) >= sample_rate_hz / 2:
        raise UsageError(
            f"expected partials below {sample_rate_hz / 2:g} Hz, got {max(present):g} Hz"
        )
    truth = Truth(
        kind,
        f0_hz,
        onset_s,
        end_s,
        present,
        tuple(hz for hz, amplitude in rows if amplitude == 0),
        vibrato_rate_hz=vibrato_rate_hz,
        vibrato_cents=vibrato_cents,
    )
    times_s = np.arange(round(duration_s * sample_rate_hz)) / sample_rate_hz
    # The phase is the sum of the instantaneous frequency: exact for any vibrato.
    phase = 2 * np.pi * np.cumsum(truth.f0_at(times_s)) / sample_rate_hz
    sound = np.zeros(len(times_s))
    for number, amplitude in enumerate(amplitudes, start=1):
        if amplitude != 0:
            sound += amplitude * np.sin(number * phase)
    ramp = np.clip(np.minimum(times_s - onset_s, end_s - times_s) / _RAMP_S, 0, 1)
    sound *= _PEAK / total * ramp
    return Controlled(Clip(sound[None].astype(np.float32), sample_rate_hz), truth)


def missing_fundamental(
    f0_hz: float,
    n_partials: int = 8,
    *,
    missing: tuple[int, ...] = (1,),
    duration_s: float = 1.5,
    sample_rate_hz: int = 44100,
) -> Controlled:
    """Partials 1 to n at equal level without those in ``missing``: the pitch is heard all the same.

    Raises:
        UsageError: all partials are missing, or one that does not exist.
    """
    if not set(missing) < set(range(1, n_partials + 1)):
        raise UsageError(
            f"expected some, not all, of the partials 1 to {n_partials} missing, got {missing}"
        )
    amplitudes = tuple(float(n not in missing) for n in range(1, n_partials + 1))
    return additive(
        f0_hz,
        amplitudes,
        duration_s=duration_s,
        sample_rate_hz=sample_rate_hz,
        kind="missing fundamental",
    )


def vibrato(
    f0_hz: float,
    *,
    rate_hz: float = 6.0,
    cents: float = 50.0,
    n_partials: int = 8,
    duration_s: float = 1.5,
    sample_rate_hz: int = 44100,
) -> Controlled:
    """Partials falling as 1/n whose common frequency swings by ±``cents``; `Truth.f0_at` has it."""
    amplitudes = tuple(1 / n for n in range(1, n_partials + 1))
    return additive(
        f0_hz,
        amplitudes,
        duration_s=duration_s,
        sample_rate_hz=sample_rate_hz,
        vibrato_rate_hz=rate_hz,
        vibrato_cents=cents,
        kind="vibrato",
    )


def join_attack(
    attack: FloatArray,
    sustain: FloatArray,
    sample_rate_hz: int,
    *,
    swap_s: float = 0.08,
    crossfade_s: float = 0.02,
) -> FloatArray:
    """Begin with one sound and go on with another of equal level, by a crossfade of equal power.

    The fade is centred on ``swap_s``; before it every sample is the attack's, after it the
    sustain's.

    Shape: ``[channel, time]`` twice, alike → the same.

    Raises:
        UsageError: the shapes differ, or the fade does not fit.
    """
    if attack.shape != sustain.shape:
        raise UsageError(f"expected sounds of one shape, got {attack.shape} and {sustain.shape}")
    duration_s = attack.shape[-1] / sample_rate_hz
    if crossfade_s <= 0 or not crossfade_s / 2 <= swap_s <= duration_s - crossfade_s / 2:
        raise UsageError(
            f"expected a crossfade above 0 s within {duration_s:g} s, got {crossfade_s:g} s "
            f"around {swap_s:g} s"
        )
    times_s = np.arange(attack.shape[-1]) / sample_rate_hz
    share = np.clip((times_s - swap_s) / crossfade_s + 0.5, 0, 1)
    out = np.cos(share * np.pi / 2) * attack + np.sin(share * np.pi / 2) * sustain
    # cos(π/2) is 6e-17 and not 0: after the fade nothing of the attack may remain.
    joined: FloatArray = np.where(share >= 1, sustain, out).astype(np.float32)
    return joined


def swapped_attack(
    attack: Program,
    sustain: Program,
    pitch: int,
    soundfont: Path,
    *,
    swap_s: float = 0.08,
    crossfade_s: float = 0.02,
    duration_s: float = 1.5,
    sample_rate_hz: int = 44100,
) -> Controlled:
    """One note that begins as one instrument and goes on as another, both at the same level."""
    first, second = (
        single_note(
            which, pitch, soundfont, duration_s=duration_s, sample_rate_hz=sample_rate_hz
        ).clip.samples
        for which in (attack, sustain)
    )
    gain = 10 ** ((level_db(first, sample_rate_hz) - level_db(second, sample_rate_hz)) / 20)
    joined = join_attack(
        first, np.float32(gain) * second, sample_rate_hz, swap_s=swap_s, crossfade_s=crossfade_s
    )
    peak = float(np.abs(joined).max())
    truth = Truth(
        "swapped attack",
        pitch_hz(pitch),
        0.0,
        duration_s * 2 / 3,
        attack=attack.name,
        sustain=sustain.name,
        swap_s=swap_s,
    )
    return Controlled(Clip(joined / max(1.0, peak), sample_rate_hz), truth)
