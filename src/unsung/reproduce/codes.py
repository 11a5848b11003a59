# SPDX-License-Identifier: MIT
"""The hash of the code behind a condition: an edited attack is scored again, and no other."""

from __future__ import annotations

from pathlib import Path

from unsung import registry
from unsung.attacks import code_sha256, parse

__all__ = ["condition_sha256"]


def condition_sha256(condition: str, also: tuple[Path, ...] = ()) -> str:
    """Return the hash over the source of every attack in a chain.

    Args:
        condition: the text of a chain; presets count as their steps.
        also: further files that the sound depends on.
    """
    names = sorted({step.name for step in parse(condition).steps})
    return code_sha256([registry.get("attacks", name) for name in names], also)
