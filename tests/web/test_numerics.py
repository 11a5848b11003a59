# SPDX-License-Identifier: MIT
"""The page's numerics against Python: the same sound, the same numbers and words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from unsung.reports import words
from unsung.runtime import Bundle
from unsung.types import Score

from .golden import NODE, PRIOR, RATE, in_node, in_python, sounds

pytestmark = pytest.mark.skipif(NODE is None, reason="no node to run the page's code")

AT_RATE, RESAMPLED = 1e-3, 5e-3
"""Largest difference in logits, at the detector's rate and through each side's resampler."""


@pytest.fixture(scope="module")
def both(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = sounds(bundle)
    script = in_node(bundle, made, tmp_path_factory.mktemp("node"))
    return {
        name: (in_python(bundle, *sound), script[name], sound[1] == bundle.sample_rate_hz)
        for name, sound in made.items()
    }


def test_logits_agree(both: Any) -> None:
    for name, (python, script, at_rate) in both.items():
        limit = AT_RATE if at_rate else RESAMPLED
        if python["logit"] is None:
            assert script["logit"] is None, name
            continue
        assert script["logit"] == pytest.approx(python["logit"], abs=limit), name
        ours, theirs = np.array(python["windows"]), np.array(script["windows"])
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=limit, err_msg=name)


def test_verdicts_and_reasons_agree(both: Any) -> None:
    for name, (python, script, _) in both.items():
        assert (script["verdict"], script["reason"]) == (python["verdict"], python["reason"]), name
        assert script["covered_s"] == pytest.approx(python["covered_s"]), name
    assert {python["verdict"] for python, _, _ in both.values()} == {"ai", "human", "undecided"}


def test_evidence_agrees(both: Any) -> None:
    shifted = 0
    for name, (python, script, at_rate) in both.items():
        ours, theirs = python["evidence"], script["evidence"]
        if ours is None or not at_rate:
            continue
        assert theirs["words"] == ours["words"], name
        assert list(theirs["terms"]) == list(ours["terms"]), name
        for term, value in ours["terms"].items():
            assert theirs["terms"][term] == pytest.approx(value, abs=1e-3), (name, term)
        assert [p["hz"] for p in theirs["peaks"]] == [p["hz"] for p in ours["peaks"]], name
        assert theirs["shift"] == pytest.approx(ours["shift"], abs=1e-6), name
        shifted += ours["shift"] is not None
    assert shifted, "no sound visits the search for shifted lines"


def test_pictures_agree(both: Any) -> None:
    for name, (python, script, at_rate) in both.items():
        if python["share_sum"] is None or not at_rate:
            continue
        assert script["spectrogram_frames"] == python["spectrogram_frames"], name
        assert script["spectrogram_sum"] == pytest.approx(python["spectrogram_sum"], rel=1e-5), name
        assert script["share_sum"] == pytest.approx(python["share_sum"], abs=1e-3), name


def test_relevance_adds_up_to_each_window(both: Any, bundle: Bundle) -> None:
    for name, (_, script, _) in both.items():
        for total, (_, logit) in zip(script["relevance_sums"], script["windows"], strict=True):
            assert total + bundle.linear.baseline == pytest.approx(logit, abs=1e-3), name


def test_statements_are_the_reports(both: Any, bundle: Bundle) -> None:
    limits = bundle.thresholds(RATE)
    name = bundle.calibration["name"]
    for python, script, at_rate in both.values():
        score = Score(
            "",
            verdict=python["verdict"],
            reason=python["reason"],
            logit=python["logit"],
            false_alarm_rate=RATE,
            prior=PRIOR,
        )
        said = words.state(score, name, limits.guarantee, limits.n_human)
        found = script["statement"]
        assert [found[k] for k in ("key", "headline", "text", "rate", "caution")] == [
            said.key,
            said.headline,
            said.text,
            said.rate,
            said.caution,
        ]
        if at_rate and python["llr_nats"] is not None:
            assert script["odds"] == words.odds(python["llr_nats"])


def test_the_graph_agrees(bundle: Bundle, runtime: Path, tmp_path: Path) -> None:
    made = {k: v for k, v in sounds(bundle).items() if k.startswith("golden")}
    found = in_node(bundle, made, tmp_path, runtime)
    for name, golden in zip(made, bundle.info["golden"], strict=True):
        assert found[name]["logit"] == pytest.approx(
            in_python(bundle, *made[name])["logit"], abs=1e-3
        )
        windows = found[name]["windows"]
        assert windows[0][1] == pytest.approx(golden["logit"], abs=1e-3) or len(windows) > 1


def test_sounds_of_the_explanation(bundle: Bundle, tmp_path: Path) -> None:
    rate = bundle.sample_rate_hz
    made = {"lines": (sounds(bundle)["lines"][0][: 12 * rate], rate)}
    row = in_node(bundle, made, tmp_path, listen=True)["lines"]
    heard = {k: np.array(v) for k, v in row["listening"].items()}
    length = len(made["lines"][0])
    for sound in heard.values():
        assert len(sound) == length
        assert np.abs(sound).max() <= 10 ** (-3 / 20) + 1e-3
        assert np.sqrt(np.mean(sound**2)) <= 10 ** (-20 / 20) + 1e-3
    # The song without its lines is less AI than the song; the lines are what was lifted out.
    before = in_python(bundle, made["lines"][0], rate)["logit"]
    after = in_python(bundle, heard["without"].astype(np.float32), rate)["logit"]
    assert after < before - 1

    def share(sound: NDArray[np.float64]) -> float:
        """How much of a sound is what was lifted out (correlation)."""
        lifted = heard["relevant"]
        return float(sound @ lifted / np.linalg.norm(sound) / np.linalg.norm(lifted))

    # Amplified for ears: a detector that whitens each frame need not count louder lines as more.
    assert share(heard["amplified"]) > share(heard["without"]) + 0.1
