# SPDX-License-Identifier: MIT
"""Energy of a piece of work by the processor's own counters (RAPL, Linux powercap), in joules.

The counters stand for whole processor packages: what else ran meanwhile is in the figure. Where
there are none, or they may not be read, there is no figure and no guess.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["joules_between", "read_counters", "source_of"]

POWERCAP = Path("/sys/class/powercap")


def read_counters() -> dict[Path, tuple[float, float]]:
    """Return joules and range of each readable processor package; empty where none is readable."""
    found = {}
    for folder in sorted(POWERCAP.glob("*-rapl:*")):
        if folder.name.count(":") != 1:  # a part of a package, counted there
            continue
        try:
            used = float((folder / "energy_uj").read_text())
            wrap = float((folder / "max_energy_range_uj").read_text())
        except (OSError, ValueError):
            continue
        found[folder] = (used / 1e6, wrap / 1e6)
    return found


def source_of(counters: dict[Path, tuple[float, float]]) -> str:
    """Name the counters that were read, or say that there are none."""
    if counters:
        return f"RAPL, whole processor: {', '.join(folder.name for folder in counters)}"
    if any(POWERCAP.glob("*-rapl:*")):
        return "not measured: the energy counters may not be read by this user"
    return "not measured: no energy counter"


def joules_between(
    before: dict[Path, tuple[float, float]], after: dict[Path, tuple[float, float]]
) -> float | None:
    """Return the joules between two readings; a counter that started anew gains its range."""
    if not before or before.keys() != after.keys():
        return None
    steps = [(after[p][0] - before[p][0], after[p][1]) for p in before]
    return sum(step if step >= 0 else step + wrap for step, wrap in steps)
