# SPDX-License-Identifier: MIT
"""The base of all attacks: a clip, a strength and a seed in; a clip of the same kind out.

The base checks the input and the strength, hands ``_apply`` float32 samples, and checks what comes
back; a subclass only changes sound. Strengths carry the attack's own unit and are listed from the
mildest to the harshest. An attack that needs more than the clip (a model's score, a second clip)
takes it at construction, says so by a class attribute, and without it raises on the call, so that
every attack can be listed. Models come as plain functions of arrays: nothing here knows a detector.
"""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from importlib.util import find_spec
from typing import ClassVar

import numpy as np

from unsung.errors import AudioError, UsageError
from unsung.types import Clip, FloatArray, fit_length

__all__ = ["Attack", "fit_length", "needed_partner"]


class Attack(ABC):
    """One change to a clip, with one number that says how harsh it is.

    Class attributes:
        unit: what the strength counts, for axes and messages.
        strengths: tried values, mildest to harshest (two-sided ones by absolute value).
        default: the strength used where none is named.
        limits: lowest and highest strength accepted; None takes them from `strengths`.
        seeded: whether the sound depends on the seed.
        needs_model: whether it cannot run without a function given at construction.
        needs_partner: whether it cannot run without a second clip given at construction.
        needs_package: a package that is not in the core install, without which it cannot run.

    >>> import numpy as np
    >>> from unsung.attacks.gain import Gain
    >>> clip = Clip(np.full((1, 8), 0.25, np.float32), 16000)
    >>> round(float(Gain()(clip, 6.0).samples[0, 0]), 3)
    0.499
    """

    CAPABILITY: ClassVar[bool] = True
    unit: ClassVar[str]
    strengths: ClassVar[tuple[float, ...]]
    default: ClassVar[float]
    limits: ClassVar[tuple[float, float] | None] = None
    seeded: ClassVar[bool] = False
    needs_model: ClassVar[bool] = False
    needs_partner: ClassVar[bool] = False
    needs_package: ClassVar[str] = ""

    @classmethod
    def runs_here(cls) -> bool:
        """Return whether a clip is all that it wants: no model, no partner, no missing package."""
        missing = cls.needs_package and find_spec(cls.needs_package) is None
        return not (cls.needs_model or cls.needs_partner or missing)

    def __call__(self, clip: Clip, strength: float, seed: int = 0) -> Clip:
        """Return the attacked clip: same rate, same channel count, finite float32.

        Args:
            clip: the sound. Shape of samples: ``[channel, time]``.
            strength: how harsh, in `unit`.
            seed: the same seed gives the same bytes.

        Raises:
            UsageError: the strength lies outside the limits, or samples are not two-dimensional.
            EmptyAudio: the clip has no samples.
            NotFinite: the clip holds NaN or infinite samples.
            AudioError: the attack itself broke the sound (a fault of the attack).
        """
        strength = self.check(strength)
        samples = clip.checked()
        out = self._apply(samples, clip.sample_rate_hz, strength, seed)
        out = np.ascontiguousarray(out, dtype=np.float32)
        if out.shape[0] != samples.shape[0] or not np.isfinite(out).all():
            raise AudioError(
                f"{type(self).__name__} at {strength:g} {self.unit} returned shape {out.shape} "
                f"for {samples.shape} or samples that are not finite; please report this"
            )
        return dataclasses.replace(clip, samples=out)

    @classmethod
    def check(cls, strength: float) -> float:
        """Return the strength as a float, or say which values are accepted."""
        low, high = cls.limits or (min(cls.strengths), max(cls.strengths))
        value = float(strength)
        if not (math.isfinite(value) and low <= value <= high):
            raise UsageError(
                f"{cls.__name__}: expected a strength from {low:g} to {high:g} {cls.unit}, "
                f"got {value:g}; usual values: {', '.join(f'{s:g}' for s in cls.strengths)}"
            )
        return value

    def time_scale(self, strength: float) -> float:
        """Return length out divided by length in; 1 unless an attack says otherwise."""
        self.check(strength)
        return 1.0

    @abstractmethod
    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        """Change checked samples without writing to them. Shape: ``[channel, time]``, both ways."""


def needed_partner(attack: Attack, partner: Clip | None) -> Clip:
    """Return the second clip of an attack, or say that it is missing."""
    if partner is None:
        name = type(attack).__name__
        raise UsageError(
            f"{name} needs a second clip, got none; give {name}(partner), "
            "parse(text, partner) or --partner FILE"
        )
    return dataclasses.replace(partner, samples=partner.checked())
