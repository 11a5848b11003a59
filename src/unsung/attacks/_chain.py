# SPDX-License-Identifier: MIT
"""Attacks in a row, written as text: ``mp3@64+pitch_shift@-1+white_noise``.

``+`` separates steps and ``@`` the strength (left out: the attack's default). Each step has its own
stream of random numbers, drawn from the one seed. When not to use: a sweep over strengths reads
better as a loop over ``Attack.strengths``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from unsung import registry
from unsung.attacks.base import Attack
from unsung.errors import UsageError
from unsung.types import Clip

__all__ = ["Chain", "Step", "parse"]

_NEXT_STEP = re.compile(r"\+(?=\s*[A-Za-z_])")  # the sign in "gain@+6" separates nothing


@dataclass(frozen=True)
class Step:
    """One attack of a chain at one strength."""

    name: str
    attack: Attack
    strength: float

    def __str__(self) -> str:
        return f"{self.name}@{self.strength:g}"


@dataclass(frozen=True)
class Chain:
    """Attacks applied from left to right; `str` gives the text that `parse` reads."""

    steps: tuple[Step, ...]

    def __call__(self, clip: Clip, seed: int = 0) -> Clip:
        """Return the clip after every step; the first step gets the seed itself."""
        for index, step in enumerate(self.steps):
            clip = step.attack(clip, step.strength, _step_seed(seed, index))
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


def parse(text: str) -> Chain:
    """Read a chain of attacks.

    >>> str(parse("gain@+6 + low_pass@4000"))
    'gain@6+low_pass@4000'

    Raises:
        UnknownName: no attack of that name; the message suggests the nearest.
        UsageError: an empty step, a strength that is no number or outside the limits.
    """
    return Chain(tuple(_step(part.strip(), text) for part in _NEXT_STEP.split(text)))


def _step(part: str, text: str) -> Step:
    name, at, number = (piece.strip() for piece in part.partition("@"))
    if not name:
        raise UsageError(
            f"'{text}': expected name@strength between the plus signs, got '{part}'; "
            "write for example mp3@64+pitch_shift@1"
        )
    attack: Attack = registry.get("attacks", name)()
    if not at:
        return Step(name, attack, attack.default)
    try:
        strength = float(number)
    except ValueError:
        raise UsageError(
            f"'{part}': expected a number of {attack.unit} after '@', got '{number}'; "
            f"write for example {name}@{attack.default:g}"
        ) from None
    return Step(name, attack, attack.check(strength))


def _step_seed(seed: int, index: int) -> int:
    if index == 0:
        return seed
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])
