# SPDX-License-Identifier: MIT
"""Attacks that see a model: on a linear one, where the answer is known, and on the real one."""

from __future__ import annotations

import numpy as np
import pytest

from unsung.attacks.black_box import BlackBox
from unsung.attacks.pgd import Pgd
from unsung.types import Clip

from .conftest import music

RATE = 16000
N = 2 * RATE
WEIGHTS = np.random.default_rng(5).standard_normal(N).astype(np.float32) / np.sqrt(N)


def linear(samples):
    return samples @ WEIGHTS, np.broadcast_to(WEIGHTS, samples.shape).copy()


def linear_score(samples):
    return linear(samples)[0]


def snr_db(before: Clip, after: Clip) -> float:
    added = np.square(after.samples - before.samples, dtype=np.float64).sum()
    return float(10 * np.log10(np.square(before.samples, dtype=np.float64).sum() / added))


@pytest.fixture
def clip() -> Clip:
    return music(RATE, 2.0, 1)


def score(clip: Clip) -> float:
    return float(linear_score(clip.mono()[None])[0])


@pytest.mark.parametrize("goal", ["human", "ai"])
@pytest.mark.parametrize("snr", [60, 40, 20])
def test_pgd_finds_the_best_that_a_linear_model_allows(clip: Clip, goal: str, snr: float) -> None:
    out = Pgd(linear, RATE, goal)(clip, snr, seed=1)
    most = float(np.linalg.norm(clip.samples) * 10 ** (-snr / 20) * np.linalg.norm(WEIGHTS))
    moved = (score(out) - score(clip)) * (1 if goal == "ai" else -1)
    assert 0.97 * most <= moved <= most
    assert snr_db(clip, out) >= snr


@pytest.mark.parametrize("goal", ["human", "ai"])
def test_black_box_moves_the_score_within_budget(clip: Clip, goal: str) -> None:
    attack = BlackBox(linear_score, RATE, goal, queries=100)
    out = attack(clip, 20, seed=1)
    assert (score(out) - score(clip)) * (1 if goal == "ai" else -1) > 0
    assert snr_db(clip, out) >= 20


@pytest.mark.parametrize("attack", [Pgd(linear, RATE), BlackBox(linear_score, RATE, queries=30)])
def test_same_seed_same_bytes(clip: Clip, attack) -> None:
    before = clip.samples.copy()
    one, two, other = (attack(clip, 30, seed).samples.tobytes() for seed in (1, 1, 2))
    assert one == two != other
    assert np.array_equal(clip.samples, before)


def test_black_box_keeps_to_its_queries(clip: Clip) -> None:
    asked = []
    BlackBox(lambda x: asked.append(len(x)) or linear_score(x), RATE, queries=17)(clip, 30)
    assert sum(asked) == 17


def test_other_rate_two_channels_silence_and_flat_models() -> None:
    stereo = music(44100, 2.0, 2)
    assert snr_db(stereo, Pgd(linear, RATE)(stereo, 40)) >= 40
    silent = Clip(np.zeros((2, N), np.float32), RATE)
    assert not Pgd(linear, RATE)(silent, 40).samples.any()
    flat = Pgd(lambda x: (np.zeros(len(x), np.float32), np.zeros_like(x)), RATE)
    assert np.array_equal(flat(stereo, 40).samples, stereo.samples)


@pytest.fixture
def torch():
    """Torch on one thread: the transforms are short, and other tests run beside this one."""
    loaded = pytest.importorskip("torch")
    threads = loaded.get_num_threads()
    loaded.set_num_threads(1)
    yield loaded
    loaded.set_num_threads(threads)


def test_pgd_moves_the_packaged_detector_at_40_db(torch) -> None:
    from unsung.reproduce.adversary import score_and_gradient_of
    from unsung.runtime import load_bundle

    bundle = load_bundle()
    model = score_and_gradient_of(bundle)

    def bundle_logit(clip: Clip) -> float:
        analyzer = bundle.analyzer(clip.sample_rate_hz)
        analyzer.push(clip.mono())
        return float(analyzer.finish().logit)

    clip = music(16000, 6.0, 2)
    clean = bundle_logit(clip)
    # The search over shifts holds a logit up: what hides the lines in place leaves others.
    for goal, sign, least in (("human", -1, 1.5), ("ai", 1, 10.0)):
        out = Pgd(model, bundle.sample_rate_hz, goal, steps=10)(clip, 40, seed=0)
        assert snr_db(clip, out) >= 40
        assert sign * (bundle_logit(out) - clean) > least
