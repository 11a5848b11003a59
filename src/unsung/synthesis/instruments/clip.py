# SPDX-License-Identifier: MIT
"""One clip from its plan: parts rendered alone, balanced, added and brought to level."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from unsung.errors import SilentAudio
from unsung.synthesis.instruments.mixtures import add_parts, heard_notes, normalise
from unsung.synthesis.instruments.plan import ClipPlan, CorpusSpec
from unsung.synthesis.instruments.render import render_parts
from unsung.types import FloatArray

__all__ = ["AUDIBLE_DB", "make_clip"]

AUDIBLE_DB = -40.0
"""A part below this share of the mix is not labelled as heard."""

_BALANCE = 5  # stream of random numbers, after those of the plan


def make_clip(
    spec: CorpusSpec, plan: ClipPlan, soundfont: Path
) -> tuple[FloatArray, ClipPlan, list[float]]:
    """Render one clip: parts alone, balanced, added, brought to −20 dB RMS and below −1 dB peak.

    Returns:
        The sound ``[channel, time]``, the plan without notes that the SoundFont cannot play, and
        each part's share of the mix in dB.

    Raises:
        SilentAudio: a part would not be heard, so its label would be wrong.
    """
    rate_hz = spec.sample_rate_hz
    stems = [
        render_parts((part,), soundfont, spec.duration_s, rate_hz, spec.effects)
        for part in plan.parts
    ]
    if spec.channels == 1:
        stems = [stem.mean(axis=0, keepdims=True, dtype=np.float32) for stem in stems]
    gains_db = None
    if spec.balance == "equal":
        rng = np.random.default_rng((spec.seed, _BALANCE, int(plan.id.rpartition("-")[2])))
        gains_db = [float(g) for g in rng.uniform(-spec.spread_db, spec.spread_db, len(stems))]
    mix, shares_db = add_parts(stems, rate_hz, gains_db)
    least = min(shares_db)
    if least < AUDIBLE_DB:
        raise SilentAudio(
            f"expected every part within {-AUDIBLE_DB:g} dB of the mix, one is {least:g} dB"
        )
    pairs = zip(plan.parts, stems, strict=True)
    heard = tuple(heard_notes(part, stem, rate_hz) for part, stem in pairs)
    return normalise(mix, rate_hz), replace(plan, parts=heard), shares_db
