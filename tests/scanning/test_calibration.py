# SPDX-License-Identifier: MIT
from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from unsung.errors import UnsungError, UsageError
from unsung.runtime import Analysis, decide, load_bundle
from unsung.scanning import calibrate, scan, score_file
from unsung.scanning.calibration import (
    RATES,
    doubt,
    load_calibration,
    needed,
    recalibrated,
    report_calibration,
    unreachable,
    usable_rates,
)
from unsung.types import Failure, Score


@pytest.fixture(scope="module")
def bundle():
    return load_bundle()


def scores(bundle, logits):
    """Scores as a scan of these logits would give them."""
    for number, logit in enumerate(logits):
        heard = Analysis((), logit, 10.0, None, "unknown", "", None)
        verdict, reason, llr_nats, probability = decide(bundle, heard, 0.01, 0.5)
        yield Score(
            f"{number}.mp3",
            sha256=f"{number}",
            logit=logit,
            llr_nats=llr_nats,
            probability=probability,
            prior=0.5,
            verdict=verdict,
            reason=reason,
            false_alarm_rate=0.01,
            covered_s=10.0,
        )


@pytest.mark.parametrize("n", [0, 18, 19, 98, 99, 999])
def test_thresholds_exist_where_the_catalogue_is_large_enough(bundle, n):
    own = calibrate(scores(bundle, [number / 100 - 5 for number in range(n)]), bundle, name="mine")
    assert own.n_human == n
    for rate in own.rates:
        threshold = own.ai_logit(rate)
        assert (threshold is not None) == (n >= needed(rate)), rate
        assert ("not available" in own.guarantee(rate)) == (threshold is None)
        if threshold is not None:
            alarms = sum(number / 100 - 5 >= threshold for number in range(n))
            assert alarms <= rate * (n + 1)


def test_copies_count_once_and_failures_are_left_out(bundle):
    good = list(scores(bundle, [-3.0, -2.0]))
    copy = replace(good[0], path="copy.mp3")
    failed = Score("x", error=Failure("NotAudio", "y"))
    narrow = replace(good[1], path="n", sha256="n", verdict="undecided", reason="only 1 s of sound")
    own = calibrate([*good, copy, failed, narrow], bundle, name="mine")
    assert (own.n_human, own.n_left_out) == (2, 2)


def test_a_file_of_ones_own_moves_the_verdict(wav, bundle, tmp_path):
    path = wav(seconds=6.0)
    logit = score_file(path, bundle)[0].logit
    own = calibrate(scores(bundle, [logit - 3] * 40), bundle, name="mine")
    assert own.n_human == 40
    file = tmp_path / "mine.json"
    own.save(file)
    assert load_calibration(file) == own
    (score,) = scan(path, calibration=file, false_alarm_rate=0.05)
    assert score.verdict == "ai" and score.logit == logit
    assert score.calibration.endswith(f"; thresholds: {own.title}")
    (strict,) = scan(path, calibration=file, false_alarm_rate=0.001)
    assert strict.verdict != "ai"
    report = report_calibration(recalibrated(bundle, file), 0.05)
    assert report["thresholds"][0]["n_human"] == 40
    assert report["human_logits"]


@pytest.mark.parametrize(
    ("n", "called", "asked"),
    [
        (22, 18, True),
        (100, 1, False),
        (100, 2, False),
        (60, 3, False),
        (40, 3, True),
        (2, 2, False),
    ],
)
def test_music_that_measures_like_ai_is_asked_about(bundle, n, called, asked):
    own = calibrate(scores(bundle, np.arange(n, dtype=float)), bundle, name="mine")
    assert bool(doubt(called, own)) is asked


@pytest.mark.parametrize(("n", "rates"), [(0, ()), (40, (0.05,)), (120, (0.05, 0.01)),
                                          (1000, (0.05, 0.01, 0.001))])  # fmt: skip
def test_rates_without_a_threshold_are_told(bundle, tmp_path, n, rates):
    heard_s = (10.0, 30.0, 90.0)  # the promise holds in each stratum, or in none
    rows = [
        replace(score, covered_s=length, sha256=f"{score.sha256 or score.path}{length}")
        for length in heard_s
        for score in scores(bundle, np.arange(n, dtype=float))
    ]
    own = calibrate(rows, bundle, name="mine")
    if not n:
        with pytest.raises(UnsungError):
            own.save(tmp_path / "mine.json")
        return
    own.save(tmp_path / "mine.json")
    ready = recalibrated(bundle, tmp_path / "mine.json")
    assert usable_rates(ready) == rates
    for rate in RATES:
        assert bool(unreachable(ready, rate)) is (rate not in rates)


def test_songs_say_nothing_of_excerpts(bundle, tmp_path):
    rows = [replace(s, covered_s=90.0) for s in scores(bundle, np.arange(120, dtype=float))]
    calibrate(rows, bundle, name="mine").save(tmp_path / "mine.json")
    ready = recalibrated(bundle, tmp_path / "mine.json")
    assert ready.thresholds(0.01, 90.0).ai_logit is not None
    assert ready.thresholds(0.01, 9.0).ai_logit is None
    assert unreachable(ready, 0.01)


def test_it_is_refused_where_it_does_not_fit(wav, bundle, tmp_path):
    own = calibrate(scores(bundle, [0.0] * 20), bundle, name="mine")
    file = tmp_path / "mine.json"
    own.save(file)
    with pytest.raises(UsageError, match=r"made for \(0.05, 0.01, 0.001\), got 0.02"):
        recalibrated(bundle, file).thresholds(0.02)
    with pytest.raises(UsageError, match="made without --fast, this scan runs with it"):
        next(scan(wav(), calibration=file, fast=True))
    replace(own, bundle_sha256="0" * 64).save(file)
    with pytest.raises(UsageError, match="run `unsung calibrate` again with this detector"):
        next(scan(wav(), calibration=file))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 1, "nme": "x"}', "\xff"])
def test_another_file_is_refused(tmp_path, text):
    file = tmp_path / "x.json"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(UsageError, match="expected a calibration file"):
        load_calibration(file)
    with pytest.raises(UsageError, match="expected a calibration file"):
        load_calibration(tmp_path / "missing.json")


def test_the_file_is_plain_json(bundle, tmp_path):
    file = tmp_path / "mine.json"
    calibrate(scores(bundle, [0.0] * 20), bundle, name="mine").save(file)
    values = json.loads(file.read_text())
    assert values["bundle_sha256"] == bundle.sha256 and values["n_human"] == 20
    assert values["ai_logits"][1:] == [None, None]
