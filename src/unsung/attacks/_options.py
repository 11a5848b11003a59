# SPDX-License-Identifier: MIT
"""Settings of an attack beside its strength, as chains write them: ``echo:delay_s=0.05@0.5``.

Every numeric argument of an attack's constructor is a setting; ``rate_hz`` is one of every attack:
the clip is resampled to that rate, attacked and brought back, since some attacks (codecs, filters
near half the rate) do something else at another rate. Unit: as the setting's name says.
"""

from __future__ import annotations

import inspect
import math
from typing import Any

from unsung.attacks.base import Attack
from unsung.audio.resample import resample
from unsung.errors import UnknownName, UsageError
from unsung.types import Clip, fit_length

__all__ = ["RATE", "at_rate", "options_of", "setting_names", "split_options"]

RATE = "rate_hz"
_SHORTEST = 64  # samples; less cannot pass a resampler
_RATES_HZ = (4000, 384000)


def split_options(head: str) -> tuple[str, list[str]]:
    """Return the attack's name and the text of each setting.

    >>> split_options("echo:delay_s=0.05")
    ('echo', ['delay_s=0.05'])
    """
    name, *named = (piece.strip() for piece in head.split(":"))
    return name, named


def setting_names(kind: type[Attack]) -> dict[str, Any]:
    """Return an attack's numeric settings with their defaults, without ``rate_hz``."""
    arguments = inspect.signature(kind).parameters.values()
    return {a.name: a.default for a in arguments if isinstance(a.default, int | float)}


def options_of(kind: type[Attack], name: str, named: list[str]) -> dict[str, Any]:
    """Read settings; each gets the type of its default.

    Raises:
        UnknownName: the attack has no such setting.
        UsageError: not ``key=number``.
    """
    known, found = setting_names(kind), {}
    for text in named:
        key, equals, number = (piece.strip() for piece in text.partition("="))
        if key != RATE and key not in known:
            raise UnknownName(f"setting of {name}", key, [*known, RATE])
        try:
            value = float(number) if equals else math.nan
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise UsageError(
                f"'{name}:{text}': expected {key}=number, got '{number}'; "
                f"write for example {name}:{key}={known.get(key, 16000):g}"
            )
        found[key] = _typed(name, key, value, known.get(key, 0))
    return found


def at_rate(attack: Attack, clip: Clip, strength: float, seed: int, rate_hz: int) -> Clip:
    """Attack a clip at another sample rate; rate and length come back as without the detour."""
    own_hz = clip.sample_rate_hz
    if rate_hz == own_hz:
        return attack(clip, strength, seed)
    length = max(1, round(clip.samples.shape[1] * attack.time_scale(strength)))
    samples = fit_length(clip.samples, max(clip.samples.shape[1], _SHORTEST))
    there = Clip(resample(samples, own_hz, rate_hz), rate_hz, clip.start_s, clip.track_id)
    back = resample(attack(there, strength, seed).samples, rate_hz, own_hz)
    return Clip(fit_length(back, length), own_hz, clip.start_s, clip.track_id)


def _typed(name: str, key: str, value: float, default: Any) -> Any:
    if key == RATE:
        low, high = _RATES_HZ
        if not (low <= value <= high and value == round(value)):
            raise UsageError(
                f"'{name}:{key}={value:g}': expected a whole rate from {low} to {high} Hz"
            )
        return round(value)
    if isinstance(default, bool):
        return bool(value)
    if isinstance(default, int):
        return round(value)
    return value
