# SPDX-License-Identifier: MIT
"""Which attacks a stress test runs: all, some by name, chains and presets, or a named battery."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TypeAlias

from unsung import registry
from unsung.attacks import Attack, ChainLadder, battery, parse
from unsung.errors import MissingExtra, UsageError

__all__ = ["Ready", "attack_names", "chosen"]

Ready: TypeAlias = tuple[str, Attack | ChainLadder]
"""The name in tables, and what climbs the strengths."""


def attack_names(wanted: Sequence[str] = (), batteries: str = "") -> tuple[list[str], list[str]]:
    """Return the names to run, and those left out.

    Left out is what needs a model, a second clip or a package that is not installed.

    Args:
        wanted: attacks, presets or chains; all attacks where neither these nor a battery is given.
        batteries: a battery's name, whose attacks come first.

    Raises:
        UnknownName: no attack, preset or battery of that name.
        UsageError: an attack that cannot run here was asked for by name.
        MissingExtra: the same, for want of a package.
    """
    ready, left_out = chosen(wanted, batteries)
    return [name for name, _ in ready], left_out


def chosen(wanted: Sequence[str] = (), batteries: str = "") -> tuple[list[Ready], list[str]]:
    """Return what to run, and the names left out; as `attack_names`, with the attacks built."""
    whole = batteries or ("" if wanted else "default")
    found: dict[str, Attack | ChainLadder] = dict(battery(whole)) if whole else {}
    needy = []
    for text in dict.fromkeys(wanted):
        chain = parse(text)
        for package in {s.attack.needs_package for s in chain.steps} - {""}:
            if find_spec(package) is None:
                raise MissingExtra(package, registry.EXTRAS[package], f"the attack '{text}'")
        if any(s.attack.needs_model or s.attack.needs_partner for s in chain.steps):
            needy.append(text)
        elif text in registry.names("attacks"):
            found[text] = chain.steps[0].attack
        else:
            found[text] = ChainLadder("as written", {1.0: text})
    if needy:
        raise UsageError(
            f"expected attacks on one clip alone, got {', '.join(needy)}, which must see a model "
            "or a second clip; leave them out here"
        )
    return list(found.items()), _left_out() if whole in ("default", "all") else []


def _left_out() -> list[str]:
    kinds = {name: registry.get("attacks", name) for name in registry.names("attacks")}
    return [name for name, kind in kinds.items() if not kind.runs_here()]
