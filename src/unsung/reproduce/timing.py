# SPDX-License-Identifier: MIT
"""What a run cost: seconds of each condition, and the machine they were taken on."""

from __future__ import annotations

import os
import platform
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unsung.reproduce import adversary
from unsung.reproduce.conditions import CLEAN

__all__ = ["kind_of", "machine", "seconds_by_condition"]

PLAIN, PAIRED, ADVERSARIAL = "plain", "two clips", "adversarial"


def kind_of(condition: str) -> str:
    """Return "plain", "two clips" or "adversarial": the last are timed apart."""
    if condition == CLEAN:
        return PLAIN
    if adversary.needs_model(condition):
        return ADVERSARIAL
    return PAIRED if adversary.needs_partner(condition) else PLAIN


def seconds_by_condition(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what the scores of each condition cost, attack and detector together.

    Args:
        rows: of a file of scores; rows without times (errors) are left out.

    Returns:
        Condition → its kind, the number of sounds (tracks × seeds), the median seconds of one and
        the seconds of all, and the share of these that the attack took. Processor seconds of one
        process, whatever ran beside it.
    """
    parts: dict[str, dict[tuple[str, int], list[float]]] = defaultdict(dict)
    for row in rows:
        if "attack_s" in row:
            sums = parts[row["condition"]].setdefault((row["track"], row["seed"]), [0.0, 0.0])
            sums[0] += row["attack_s"]
            sums[1] += row["score_s"]
    found = {}
    for condition, sounds in parts.items():
        both = np.array(list(sounds.values()))  # [sound, attack and score]
        each = both.sum(axis=1)
        found[condition] = {
            "kind": kind_of(condition),
            "n": len(each),
            "median_s": round(float(np.median(each)), 4),
            "total_s": round(float(each.sum()), 2),
            "attack_share": round(float(both[:, 0].sum() / max(each.sum(), 1e-9)), 3),
        }
    return found


def machine() -> str:
    """Return processor, cores, system and Python of this machine, in words."""
    cores = os.cpu_count() or 1
    return (
        f"{_processor()}, {cores} core{'s' * (cores > 1)}, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"
