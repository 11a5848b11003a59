# SPDX-License-Identifier: MIT
"""Attacks in a row, written as text: ``mp3@64+pitch_shift@-1+white_noise``.

``+`` separates steps and ``@`` the strength (left out: the attack's default). A setting beside the
strength follows the name: ``echo:delay_s=0.05@0.5``; ``rate_hz=16000`` goes with every attack and
runs it at that sample rate. A preset's name, plain or as ``preset:youtube``, stands for its steps.
Each step has its own stream of random numbers, drawn from the one seed. When not to use: a sweep
over strengths reads better as a loop over ``Attack.strengths``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from unsung import registry
from unsung.attacks._options import RATE, at_rate, options_of, split_options
from unsung.attacks._presets import PRESETS
from unsung.attacks.base import Attack
from unsung.errors import UnknownName, UsageError
from unsung.types import Clip

__all__ = ["Chain", "Step", "parse"]

_NEXT_STEP = re.compile(r"\+(?=\s*[A-Za-z_])")  # the sign in "gain@+6" separates nothing
_PRESET = "preset:"


@dataclass(frozen=True)
class Step:
    """One attack of a chain at one strength, with the settings that were named."""

    name: str
    attack: Attack
    strength: float
    options: tuple[tuple[str, float], ...] = ()

    def __call__(self, clip: Clip, seed: int = 0) -> Clip:
        """Return the attacked clip, at the clip's own rate."""
        rate_hz = round(dict(self.options).get(RATE, clip.sample_rate_hz))
        return at_rate(self.attack, clip, self.strength, seed, rate_hz)

    def __str__(self) -> str:
        settings = "".join(f":{key}={value:.10g}" for key, value in self.options)
        return f"{self.name}{settings}@{self.strength:.10g}"


@dataclass(frozen=True)
class Chain:
    """Attacks applied from left to right; `str` gives the text that `parse` reads."""

    steps: tuple[Step, ...]

    def __call__(self, clip: Clip, seed: int = 0) -> Clip:
        """Return the clip after every step; the first step gets the seed itself."""
        for index, step in enumerate(self.steps):
            clip = step(clip, _step_seed(seed, index))
        return clip

    @property
    def time_scale(self) -> float:
        """Length out divided by length in, over all steps."""
        return math.prod(step.attack.time_scale(step.strength) for step in self.steps)

    @property
    def seeded(self) -> bool:
        """Whether any step depends on the seed."""
        return any(step.attack.seeded for step in self.steps)

    def __str__(self) -> str:
        return "+".join(str(step) for step in self.steps)


def parse(text: str, partner: Clip | None = None) -> Chain:
    """Read a chain of attacks and presets.

    Args:
        text: names, settings after ``:``, strengths after ``@``, joined by ``+``.
        partner: the second clip, for attacks that need one.

    >>> str(parse("gain@+6 + low_pass@4000"))
    'gain@6+low_pass@4000'
    >>> str(parse("echo:delay_s=.05:rate_hz=16000@1"))
    'echo:delay_s=0.05:rate_hz=16000@1'
    >>> str(parse("spotify"))
    'loudness_normalisation@-14+vorbis@160'

    Raises:
        UnknownName: no attack, preset or setting of that name; the message suggests the nearest.
        UsageError: an empty step, a number that is none, or a strength outside the limits.
    """
    parts = [part.strip() for part in _NEXT_STEP.split(text)]
    return Chain(tuple(_step(p, text, partner) for part in parts for p in _expanded(part)))


def _expanded(part: str) -> list[str]:
    """Return the steps of a preset, or the part itself."""
    word, at, strength = (piece.strip() for piece in part.partition("@"))
    name = word.removeprefix(_PRESET).strip()
    if word.startswith(_PRESET) and name not in PRESETS:
        raise UnknownName("preset", name, PRESETS)
    known = registry.names("attacks")
    plain = word.partition(":")[0].strip()
    if plain in known or name not in PRESETS:
        if plain and plain not in known:
            raise UnknownName("attack", plain, [*known, *PRESETS])
        return [part]
    if at:
        raise UsageError(
            f"'{part}': expected no strength after a preset, got '{strength}'; "
            f"write its steps with your own: {PRESETS[name]}"
        )
    return _NEXT_STEP.split(PRESETS[name])


def _step(part: str, text: str, partner: Clip | None) -> Step:
    head, at, number = (piece.strip() for piece in part.partition("@"))
    name, named = split_options(head)
    if not name:
        raise UsageError(
            f"'{text}': expected name@strength between the plus signs, got '{part}'; "
            "write for example mp3@64+pitch_shift@1"
        )
    kind: type[Any] = registry.get("attacks", name)
    options = options_of(kind, name, named)
    given = {key: value for key, value in options.items() if key != RATE}
    attack: Attack = kind(partner, **given) if kind.needs_partner else kind(**given)
    settings = tuple((key, float(value)) for key, value in options.items())
    if not at:
        return Step(name, attack, attack.default, settings)
    try:
        strength = float(number)
    except ValueError:
        raise UsageError(
            f"'{part}': expected a number of {attack.unit} after '@', got '{number}'; "
            f"write for example {name}@{attack.default:g}"
        ) from None
    return Step(name, attack, attack.check(strength), settings)


def _step_seed(seed: int, index: int) -> int:
    if index == 0:
        return seed
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])
