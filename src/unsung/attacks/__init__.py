# SPDX-License-Identifier: MIT
"""What the world or an adversary does to a clip: one file an attack, all with the same call.

``registry.get("attacks", "mp3")()(clip, 64)`` runs one; ``parse("mp3@64+pitch_shift@1")`` builds
several in a row, ``parse("youtube")`` a preset; ``conditions("wimu-sonics")`` is a whole battery.
"""

from __future__ import annotations

from unsung.attacks._batteries import BATTERIES, ChainLadder, battery, conditions
from unsung.attacks._chain import Chain, Step, parse
from unsung.attacks._files import Attacked, attack_file, attack_source, described
from unsung.attacks._presets import PRESETS
from unsung.attacks._published import DEEZER, WIMU
from unsung.attacks._source import code_sha256
from unsung.attacks.base import Attack

__all__ = [
    "BATTERIES",
    "DEEZER",
    "PRESETS",
    "WIMU",
    "Attack",
    "Attacked",
    "Chain",
    "ChainLadder",
    "Step",
    "attack_file",
    "attack_source",
    "battery",
    "code_sha256",
    "conditions",
    "described",
    "parse",
]
