# SPDX-License-Identifier: MIT
"""The conditions of an experiment: the clean sound, listed chains of attacks, and grids of them.

    [[grid]]
    attack = ["pitch_shift", "speed"]
    strength = [0.9, 1.1]
    then = ["mp3@64", "opus@64"]

A list in a grid makes the product, here eight conditions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from unsung.attacks import parse
from unsung.errors import UnknownName, UsageError

__all__ = ["CLEAN", "conditions", "expected", "known_keys"]

CLEAN = "clean"
"""Name of the condition without any attack."""

_GRID_KEYS = ("attack", "strength", "then")
_EXPECTED_KEYS = ("condition", "metric", "value", "tolerance", "source", "detector")


def conditions(
    chains: Sequence[str], grids: Sequence[Mapping[str, Any]], absent: Collection[str] = ()
) -> Iterator[str]:
    """Yield every chain once, in its canonical spelling; lists in a grid make the product.

    Args:
        chains: texts that `unsung.attacks.parse` reads.
        grids: tables with attack, strength and then.
        absent: attacks that the experiment waits for; their chains stay as they are written.

    >>> list(conditions(["mp3"], [{"attack": "gain", "strength": [6, -6]}]))
    ['mp3@64', 'gain@6', 'gain@-6']
    """
    texts = list(chains)
    for grid in grids:
        known_keys("key in a grid", grid, _GRID_KEYS)
        if "attack" not in grid:
            raise UsageError(f"expected the key 'attack' in a grid, got {', '.join(grid) or '{}'}")
        lists = [_many(grid.get(key)) for key in _GRID_KEYS]
        for attack, strength, then in itertools.product(*lists):
            text = attack if strength is None else f"{attack}@{strength}"
            texts.append(f"{text}+{then}" if then else text)
    yield from dict.fromkeys(_spelled(text, absent) for text in texts)


def _spelled(text: str, absent: Collection[str]) -> str:
    names = {part.partition("@")[0].strip() for part in text.split("+")}
    return text if names & set(absent) else str(parse(text))


def _many(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def expected(
    rows: Sequence[Mapping[str, Any]], known: Sequence[str], absent: Collection[str] = ()
) -> dict[str, Any]:
    """Return the published values of an experiment, each under a name of its own.

    Raises:
        UnknownName: an unknown key, or a condition that the experiment does not have.
        UsageError: a key is missing, or value and tolerance are no range.
    """
    found = {}
    for row in rows:
        known_keys("key of an expected value", row, _EXPECTED_KEYS)
        for key in ("metric", "value", "source"):
            if key not in row:
                raise UsageError(f"expected: the key '{key}' is missing in {dict(row)}")
        condition = str(row.get("condition", CLEAN))
        condition = condition if condition == CLEAN else _spelled(condition, absent)
        if condition not in known:
            raise UnknownName("condition of this experiment", condition, known)
        value, tolerance = float(row["value"]), float(row.get("tolerance", 0.05))
        if not (math.isfinite(value) and tolerance >= 0):
            raise UsageError(f"expected: value {value} ± {tolerance} for {condition} is no range")
        metric, detector = str(row["metric"]), str(row.get("detector", ""))
        found[f"{condition} {metric} {detector}".strip()] = {
            "condition": condition,
            "metric": metric,
            "detector": detector,
            "value": value,
            "tolerance": tolerance,
            "source": str(row["source"]),
        }
    return found


def known_keys(kind: str, values: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse a key that nobody reads; the message suggests the nearest one."""
    for key in values:
        if key not in known:
            raise UnknownName(kind, key, known)
