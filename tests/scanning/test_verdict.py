# SPDX-License-Identifier: MIT
"""What a score says beside its logit: a family only for AI, a comb where lines stand, stability."""

from __future__ import annotations

import numpy as np
import pytest

from unsung.errors import UsageError
from unsung.runtime import Analysis, load_bundle
from unsung.runtime.stable import CHANGES, LEAST
from unsung.scanning import Settings, score_file
from unsung.scanning._comb import comb_of, with_comb
from unsung.scanning._verdict import judged
from unsung.types import Comb, Evidence, Score

AXIS = np.linspace(250.0, 8000.0, 7937)


@pytest.fixture(scope="module")
def bundle():
    return load_bundle()


def residual(spacing_hz=None, seed=0):
    values = np.random.default_rng(seed).standard_normal(len(AXIS))
    if spacing_hz is not None:
        away = np.abs(AXIS / spacing_hz - np.round(AXIS / spacing_hz)) * spacing_hz
        values += 2.5 * (away < 0.6)
    return values.astype(np.float32)


def analysis(logit, **changes):
    fields = {"windows": ((0.0, logit),), "logit": logit, "covered_s": 10.0}
    fields |= {"evidence": Evidence(words=("a",)), "family": "Suno", "reason": "", "picture": None}
    return Analysis(**(fields | changes))


def limits(bundle):
    found = bundle.thresholds(0.01)
    return found.ai_logit, found.human_logit


def test_only_ai_tracks_are_named(bundle):
    ai, human = limits(bundle)
    for logit, family in ((ai + 1, "Suno"), (human - 1, None), ((ai + human) / 2, None)):
        score = judged(Score("a.mp3"), bundle, analysis(logit), Settings())
        assert score.family == family
    unnamed = judged(Score("a.mp3"), bundle, analysis(ai + 1, family=None), Settings())
    assert unnamed.verdict == "ai" and unnamed.family is None


def test_a_comb_is_looked_for_where_it_is_worth_it(bundle):
    ai, human = limits(bundle)
    lines = residual(93.75)
    found = judged(Score("a"), bundle, analysis(ai + 1, residual=lines), Settings())
    assert found.evidence.comb.spacing_hz == pytest.approx(93.75, rel=1e-3)
    assert found.evidence.comb_hz == found.evidence.comb.spacing_hz
    assert any("93.75 Hz" in word for word in found.evidence.words)
    plain = judged(Score("a"), bundle, analysis(human - 1, residual=lines), Settings())
    assert plain.evidence.comb is None
    shown = judged(Score("a"), bundle, analysis(human - 1, residual=lines), Settings(picture=True))
    assert shown.evidence.comb is not None


def test_a_comb_is_explained_by_decoders_and_noise_has_none():
    comb = comb_of(residual(86.1328125), AXIS)
    assert comb is not None and any("44.1 kHz, stride 512" in text for text in comb.explained_by)
    assert comb_of(residual(), AXIS) is None
    assert comb_of(residual(86.1328125)[:300], AXIS[:300]) is None
    after = with_comb(Evidence(words=("other",)), residual(86.1328125), AXIS)
    assert after.words[0] == "other" and "86.13 Hz" in after.words[1] and len(after.words) == 2
    assert isinstance(after.comb, Comb) and Evidence.from_dict(after.to_dict()) == after


@pytest.mark.parametrize("agree", range(len(CHANGES) + 1))
def test_ai_is_said_only_when_enough_changes_agree(bundle, agree):
    ai, _ = limits(bundle)
    stability = {n: ai + 1 if i < agree else ai - 1 for i, n in enumerate(CHANGES)}
    score = judged(Score("a"), bundle, analysis(ai + 1), Settings(robust=True), stability)
    assert score.verdict == ("ai" if agree >= LEAST else "undecided")
    assert (score.family is not None) == (agree >= LEAST)
    assert ("not stable" in score.reason) == (agree < LEAST)
    assert score.stability == stability


def test_changes_never_make_a_human_track_ai(bundle):
    _, human = limits(bundle)
    stability = dict.fromkeys(CHANGES, 99.0)
    score = judged(Score("a"), bundle, analysis(human - 1), Settings(robust=True), stability)
    assert score.verdict == "human"


def test_a_robust_scan_has_the_same_logit_and_says_how_it_was_made(wav, bundle):
    path = wav(seconds=6.0)
    plain, _ = score_file(path, bundle)
    robust, _ = score_file(path, bundle, robust=True)
    assert plain.logit == robust.logit and plain.stability == {}
    assert list(robust.stability) == list(CHANGES)
    assert robust.detector == f"{plain.detector}+robust"
    assert Score.from_dict(robust.to_dict()) == robust


def test_a_robust_scan_hears_everything():
    with pytest.raises(UsageError, match="--fast or --robust"):
        Settings(fast=True, robust=True)
