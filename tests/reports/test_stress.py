# SPDX-License-Identifier: MIT
import dataclasses

import numpy as np
import pytest

from unsung.evaluation.proportions import clopper_pearson
from unsung.reports import stress as report
from unsung.reports._panels import draw_curve, strength
from unsung.reports.axes import Axis
from unsung.reports.stress import write_stress_report
from unsung.scanning.stress import Break, Curve, Heard, Point, Stress, survival
from unsung.types import Failure

from .helpers import ATTACK, load, outside

CLEAN = Heard(-2.0, "human")


def curve(name="gain", unit="dB", strengths=(-3.0, 3.0, -6.0, 6.0), **changes):
    fields = {
        "logits": (-1.9, -1.5, 0.0, 1.5),
        "verdicts": ("human", "human", "undecided", "ai"),
        "clean": CLEAN,
        "breaking_strength": 4.5,
        "direction": "false alarm",
        "breaks": (
            Break("false alarm", 4.5, 1.1, "ai", "", 4.2, None),
            Break("loss", -6.0, 0.0, "undecided", "too narrow", -3.0, -9.0),
        ),
        "refined": (Point(4.5, 1.1, "ai"),),
    }
    return Curve(name, unit, strengths, **(fields | changes))


def codec():
    broken = Break("loss", 40.0, 0.0, "undecided", "", 64.0, None)
    return curve(
        "mp3",
        "kbps",
        (320.0, 64.0, 40.0, 32.0),
        breaks=(broken,),
        refined=(),
        breaking_strength=40.0,
        direction="loss",
    )


def failed(name="reverb"):
    return curve(
        name,
        logits=(None,) * 4,
        verdicts=(None,) * 4,
        breaking_strength=None,
        direction="",
        breaks=(),
        refined=(),
        error=Failure("TooShort", f"needs 3 s {ATTACK}"),
    )


def track(path="/music/song.flac", label="", **changes):
    fields = {
        "detector": "default-1@abc",
        "ai_logit": 1.0,
        "human_logit": -1.0,
        "duration_s": 10.0,
        "clean": CLEAN,
        "curves": (curve(), codec(), failed()),
    }
    return Stress(path, label=label, **(fields | changes))


def page_of(tmp_path, tracks, rows=(), **options):
    return load(write_stress_report(tracks, rows, tmp_path, **options))


def test_a_song_page_is_well_formed_and_needs_nothing(tmp_path):
    page = page_of(tmp_path, [track()], left_out=("pgd",), command="unsung stress song.flac")
    assert outside(page) == [] and page.all("html", lang="en")
    for text in ("song.flac", "human when clean", "false alarm", "loss at −6", "pgd"):
        assert text in page.text, text
    assert "needs 3 s" in page.text  # the failed attack is a row


def test_every_attack_with_a_result_is_drawn_with_both_thresholds(tmp_path):
    page = page_of(tmp_path, [track()])
    assert len(page.all("svg", role="img")) == 2
    for key in ("ai", "human"):
        lines = page.all("line")
        assert sum(a.get("class") == f"threshold {key}" for a in lines) == 2


def test_points_stand_where_their_logit_and_strength_say():
    axis = Axis(-4.0, 4.0)
    panel = draw_curve(curve(), axis, 1.0, -1.0)
    at = {dot.text.split(":")[0]: dot for dot in panel.dots}
    order = [at[s].x for s in ("−6", "−3", "clean", "3", "4.5", "6")]
    assert order == sorted(order)
    assert at["4.5"].x == pytest.approx((at["3"].x + at["6"].x) / 2) == panel.mark
    logits = np.array([at[s].y for s in ("6", "3", "−3", "clean")])
    assert (np.diff(logits) > 0).all()  # higher logits stand higher
    assert panel.limits == ((axis.up(1.0, 10, 156), "ai"), (axis.up(-1.0, 10, 156), "human"))


def test_a_one_sided_ladder_starts_with_the_clean_sound():
    panel = draw_curve(
        codec(),
        Axis(-4, 4),
        None,
        None,
    )
    assert [text for _, text in panel.ticks] == ["clean", "320", "64", "40", "32"]
    assert panel.limits == () and panel.zones == ()


def test_a_manifest_page_shows_survival_and_logits_of_both_labels(tmp_path):
    right = Heard(3.0, "ai")
    ai = curve(clean=right, logits=(3.0, 2.0, 0.0, -2.0), verdicts=("ai", "ai", "human", "human"))
    tracks = [
        track("a.wav", "human"),
        track("b.wav", "ai", clean=right, curves=(ai,), trained_on=True),
        track("c.wav", "ai", clean=None, curves=(), error=Failure("EmptyAudio", "no samples")),
    ]
    page = page_of(tmp_path, tracks, survival(tracks), name="list.csv")
    assert outside(page) == []
    for text in (
        "list.csv",
        "What survives",
        "trained on 1 of these",
        "EmptyAudio",
        "100",
        "a.wav",
    ):
        assert text in page.text, text
    curves = [a["class"] for a in page.all("path") if a.get("class", "").startswith("curve")]
    assert {"curve ai", "curve human"} <= set(curves)


def test_a_manifest_page_shows_both_sides_and_what_its_intervals_mean(tmp_path):
    right = Heard(3.0, "ai")
    ai = curve(clean=right, logits=(3.0, 2.0, 0.0, -2.0), verdicts=("ai", "ai", "human", "human"))
    tracks = [
        track("a.wav", "human", group="page"),
        track("b.wav", "human", group="page"),
        track("c.wav", "ai", group="other", clean=right, curves=(ai,), thresholds="my catalogue"),
    ]
    text = page_of(tmp_path, tracks, survival(tracks)).text
    for words in ("by the 2 groups of the manifest", "missed 100", "accused", "Most often wrong"):
        assert words in text, words
    alone = [dataclasses.replace(t, group="") for t in tracks]
    assert "tracks taken as independent" in page_of(tmp_path, alone, survival(alone)).text
    assert "thresholds of my catalogue" in page_of(tmp_path, tracks[2:], ()).text


def test_a_share_that_nothing_made_worse_has_no_strength():
    best = clopper_pearson(4, 4)
    assert " at " not in report._interval(best, 3.0, best=1.0)
    assert report._interval(best, 3.0, best=0.0).endswith(" at 3")
    assert report._interval(None, None, best=1.0) == "–"


def test_nothing_heard_is_still_a_page(tmp_path):
    lost = track(clean=None, curves=(), error=Failure("EmptyAudio", "no samples"))
    assert "EmptyAudio" in page_of(tmp_path, [lost]).text


def test_names_cannot_carry_a_script(tmp_path):
    page = page_of(tmp_path, [track(f"/x/{ATTACK}.mp3")])
    assert len(page.all("script")) == 1 and ATTACK in page.text


@pytest.mark.parametrize(
    ("value", "text"), [(-0.5, "−0.5"), (16000.0, "16k"), (0.9997, "0.9997"), (64.0, "64")]
)
def test_strengths_are_short(value, text):
    assert strength(value) == text
