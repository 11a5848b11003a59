# SPDX-License-Identifier: MIT
"""Named sets of conditions: our own battery, the presets, and two published ones.

``battery("wimu-sonics")`` gives what a stress test climbs, ``conditions("wimu-sonics")`` the same
as chains of text for an experiment. When not to use: for one attack; name it.
"""

from __future__ import annotations

import math
from typing import ClassVar

from unsung import registry
from unsung.attacks import _published
from unsung.attacks._chain import Chain, parse
from unsung.attacks._presets import PRESETS
from unsung.attacks.base import Attack
from unsung.errors import UnknownName, UsageError
from unsung.types import Clip

__all__ = ["BATTERIES", "ChainLadder", "battery", "conditions"]

BATTERIES = ("default", "presets", "wimu-sonics", "deezer", "all")
"""``default`` is every attack on a clip alone, over its own strengths; ``all`` is all of these."""


class ChainLadder:
    """Chains that differ in one strength, with the face of an attack: nothing between the rungs."""

    continuous: ClassVar[bool] = False
    needs_model: ClassVar[bool] = False
    needs_partner: ClassVar[bool] = False

    def __init__(self, unit: str, chains: dict[float, str]) -> None:
        self.unit = unit
        self.strengths = tuple(chains)
        self._chains: dict[float, Chain] = {at: parse(text) for at, text in chains.items()}

    def __call__(self, clip: Clip, strength: float, seed: int = 0) -> Clip:
        """Return the clip after the chain of that rung."""
        return self._chains[self.check(strength)](clip, seed)

    @property
    def chains(self) -> tuple[str, ...]:
        """The rungs as text."""
        return tuple(str(chain) for chain in self._chains.values())

    def check(self, strength: float) -> float:
        """Return the strength, or say which rungs there are."""
        value = float(strength)
        if math.isnan(value) or value not in self._chains:
            raise UsageError(
                f"expected one of {', '.join(f'{s:g}' for s in self.strengths)} {self.unit}, "
                f"got {value:g}"
            )
        return value


def battery(name: str) -> dict[str, Attack | ChainLadder]:
    """Return what a battery climbs, by name.

    Attacks that need more than a clip, or a package that is not installed, are not in it.

    Raises:
        UnknownName: no battery of that name.
    """
    if name == "default":
        kinds = {name: registry.get("attacks", name) for name in registry.names("attacks")}
        return {name: kind() for name, kind in kinds.items() if kind.runs_here()}
    if name == "presets":
        return {f"preset:{key}": ChainLadder("preset", {1.0: text}) for key, text in _presets()}
    if name == "wimu-sonics":
        return _ladders(name, _published.WIMU_LADDERS)
    if name == "deezer":
        return _ladders(name, _published.DEEZER_LADDERS)
    if name == "all":
        return {key: item for part in BATTERIES[:-1] for key, item in battery(part).items()}
    raise UnknownName("battery", name, BATTERIES)


def conditions(name: str) -> tuple[str, ...]:
    """Return a battery as chains: each attack at its default strength, each rung of a ladder.

    >>> conditions("deezer")[-1]
    'opus@64'
    """
    found: list[str] = []
    for key, item in battery(name).items():
        if isinstance(item, ChainLadder):
            found += item.chains
        else:
            found.append(f"{key}@{item.default:.10g}")
    return tuple(dict.fromkeys(found))


def _presets() -> list[tuple[str, str]]:
    return sorted(PRESETS.items())


def _ladders(name: str, ladders: tuple[_published.Ladder, ...]) -> dict[str, Attack | ChainLadder]:
    return {
        f"{name}: {ladder.name}": ChainLadder(
            ladder.unit, {strength: chain for strength, _, chain in ladder.rungs}
        )
        for ladder in ladders
    }
