# SPDX-License-Identifier: MIT
"""The thresholds of a verdict keep both promises on tracks that they have not seen."""

from __future__ import annotations

import numpy as np
import pytest

from unsung.runtime.decide import thresholds


def rule(human, ai, rate=0.05, miss_rate=0.1):
    record = {"human_logits": list(human), "ai_logits": list(ai), "miss_rate": miss_rate}
    return thresholds({**record, "scale": 1.0, "offset": 0.0}, rate)


@pytest.mark.parametrize("shift", [1.0, 6.0])  # overlapping classes, and thresholds that cross
def test_both_promises_hold_on_new_tracks(shift):
    rng = np.random.default_rng(4)
    false_alarms, misses = [], []
    for _ in range(300):
        found = rule(rng.normal(size=120), rng.normal(size=120) + shift)
        assert found.human_logit <= found.ai_logit
        false_alarms.append(np.mean(rng.normal(size=300) >= found.ai_logit))
        misses.append(np.mean(rng.normal(size=300) + shift <= found.human_logit))
    assert np.mean(false_alarms) <= 0.05 + 0.005
    assert np.mean(misses) <= 0.1 + 0.01


def test_few_human_tracks_give_no_verdict_ai():
    found = rule(range(98), range(50, 150), rate=0.01)
    assert found.ai_logit is None and found.human_logit is not None
    assert rule(range(99), range(50, 150), rate=0.01).ai_logit > 98
