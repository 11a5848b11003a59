# SPDX-License-Identifier: MIT
from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from unsung.errors import UsageError
from unsung.evaluation._checks import EvaluationError
from unsung.reproduce import METRICS, measure
from unsung.reproduce.views import views
from unsung.types import Track


def scores(seed: int = 0, n: int = 30, nan: bool = False):
    """Return tracks, and rows of a clean and a shifted condition."""
    rng = np.random.default_rng(seed)
    tracks, rows = [], []
    for i in range(2 * n):
        label = "ai" if i < n else "human"
        family = f"maker-{i % 3}" if label == "ai" else ""
        tracks.append(Track(f"t{i:03}", "x", label, group=f"{label}{i // 2}", family=family))
        for condition, shift in (("clean", 0.0), ("gain@6", -0.8)):
            logit = float(rng.normal() + 2.0 * (label == "ai") + shift)
            verdict = "ai" if logit >= 1.5 else "undecided" if logit > -0.5 else "human"
            row = {"track": f"t{i:03}", "condition": condition, "seed": 0, "detector": "d"}
            row |= {"logit": logit, "llr_nats": 2 * logit - 1.5, "threshold": 1.5}
            rows.append(row | {"verdict": verdict, "error": None})
    if nan:
        rows[0]["llr_nats"] = math.nan
    return tracks, rows


def found(tracks, rows, names=tuple(METRICS), **options):
    options = {"replicates": 50, "groupings": ["family"]} | options
    seen = views(rows, tracks, "clean")
    results = measure(seen, names, experiment="e", dataset="m", **options)
    return {(row.condition, row.metric): row for row in results}


def test_every_number_equals_a_slow_twin():
    tracks, rows = scores()
    results = found(tracks, rows)
    label = {track.id: track.label for track in tracks}
    family = {track.id: track.family for track in tracks}
    clean = {row["track"]: row for row in rows if row["condition"] == "clean"}
    for condition in ("clean", "gain@6"):
        here = [row for row in rows if row["condition"] == condition]
        ai = [row for row in here if label[row["track"]] == "ai"]
        human = [row for row in here if label[row["track"]] == "human"]

        def share(part, test):
            return sum(test(row) for row in part) / len(part)

        def above(row):
            return row["logit"] >= row["threshold"]

        def shift(part, name):
            return sum(row[name] - clean[row["track"]][name] for row in part) / len(part)

        def cost(ai, human):
            costs = [math.log2(1 + math.exp(-row["llr_nats"])) for row in ai]
            false = [math.log2(1 + math.exp(row["llr_nats"])) for row in human]
            return (sum(costs) / len(costs) + sum(false) / len(false)) / 2

        wins = [(a["logit"] > h["logit"]) for a in ai for h in human]
        second = sorted(row["logit"] for row in human)[-2]
        twins = {
            "auc": sum(wins) / len(wins),
            "detection": share(ai, above),
            "false_alarms": share(human, above),
            "detection_at_0.05": share(ai, lambda r, limit=second: r["logit"] > limit),
            "verdict_detection": share(ai, lambda r: r["verdict"] == "ai"),
            "undecided_human": share(human, lambda r: r["verdict"] == "undecided"),
            "score_shift_ai": shift(ai, "logit"),
            "score_shift_human": shift(human, "logit"),
            "cllr": cost(ai, human),
            "cllr_change": cost(ai, human)
            - cost([clean[row["track"]] for row in ai], [clean[row["track"]] for row in human]),
            "detection[family=maker-1]": share(
                [row for row in ai if family[row["track"]] == "maker-1"], above
            ),
        }
        for name, value in twins.items():
            assert results[condition, name].value == pytest.approx(value, abs=6e-5), (
                condition,
                name,
            )


def test_intervals_hold_the_value_and_counts_are_of_the_class():
    results = found(*scores())
    for row in results.values():
        assert row.low is not None and row.low <= row.high
        assert row.value == round(row.value, 4)
    assert results["clean", "false_alarms"].n_tracks == 30
    assert results["clean", "false_alarms"].n_groups == 15
    assert results["clean", "detection[family=maker-0]"].n_tracks == 10
    assert results["clean", "score_shift_ai"].value == 0.0


def test_a_family_of_a_few_tracks_gets_no_number():
    results = found(*scores(n=12), ["auc"])
    assert set(results) == {("clean", "auc"), ("gain@6", "auc")}


def test_groups_of_generators_are_reported_only_when_asked_for():
    tracks, rows = scores()
    names = {metric for _, metric in found(tracks, rows, ["auc"], groupings=[])}
    assert names == {"auc"}
    tracks = [replace(t, generator=f"v{int(t.id[1:]) % 2}") for t in tracks]
    names = {metric for _, metric in found(tracks, rows, ["auc"], groupings=["generator"])}
    assert {"auc[generator=v0]", "detection[generator=v1]"} < names
    assert not any("family" in name for name in names)


def two_detectors(n: int = 60):
    """Return tracks, and rows of a good detector and of one that knows nothing."""
    tracks, rows = scores(n=n)
    rows = [row for row in rows if row["condition"] == "clean"]
    rng = np.random.default_rng(7)
    blind = [row | {"detector": "blind", "logit": float(rng.normal())} for row in rows]
    return tracks, [*rows, *blind]


def test_two_detectors_are_compared_on_the_same_tracks():
    tracks, rows = two_detectors(n=120)
    seen = views(rows, tracks, "clean")
    results = measure(seen, ["auc"], experiment="e", dataset="m", replicates=200)
    pair = {row.metric: row for row in results if row.detector == "d − blind"}
    single = {row.detector: row.value for row in results if row.metric == "auc"}
    gain = pair["auc_difference"]
    assert gain.value == pytest.approx(single["d"] - single["blind"], abs=2e-4)
    assert gain.low > 0 and gain.n_tracks == 240 and gain.n_groups == 120
    assert pair["delong_p"].value < 1e-3 and pair["delong_p"].low is None
    assert pair["detection_at_0.01_difference"].value > 0


def test_a_detector_does_not_differ_from_itself():
    tracks, rows = two_detectors()
    rows = [row for row in rows if row["detector"] == "d"]
    rows += [row | {"detector": "twin"} for row in rows]
    results = measure(views(rows, tracks, "clean"), ["auc"], experiment="e", dataset="m")
    pair = {row.metric: row for row in results if row.detector == "d − twin"}
    assert pair["auc_difference"].value == 0.0 and pair["delong_p"].value == 1.0
    assert "detection_at_0.05_difference" in pair  # 60 human tracks are too few for 1 %


def test_tracks_that_one_detector_could_not_score_leave_the_pair():
    tracks, rows = two_detectors()
    lost = {row["track"] for row in rows[:10]}
    rows = [row for row in rows if not (row["detector"] == "blind" and row["track"] in lost)]
    results = measure(views(rows, tracks, "clean"), ["auc"], experiment="e", dataset="m")
    (row,) = [row for row in results if row.metric == "auc_difference"]
    assert row.n_tracks == 120 - len(lost)


def test_one_page_alone_gives_no_interval():
    tracks, rows = scores()
    tracks = [replace(track, group="page") if track.label == "ai" else track for track in tracks]
    row = found(tracks, rows)["clean", "detection[family=maker-0]"]
    assert (row.low, row.high, row.n_groups) == (None, None, 1)


def test_one_percent_of_too_few_is_left_out():
    assert ("clean", "detection_at_0.01") not in found(*scores())
    assert ("clean", "detection_at_0.01") in found(*scores(n=100), ["detection_at_0.01"])


def test_a_condition_without_one_class_gives_no_number():
    tracks, rows = scores()
    for row in rows:
        if row["condition"] == "gain@6" and int(row["track"][1:]) < 30:
            row["error"] = {"type": "ValueError", "message": "x"}
    assert {condition for condition, _ in found(tracks, rows)} == {"clean"}


def test_a_detector_without_calibration_has_no_cost_of_it_and_all_else():
    tracks, rows = scores()
    stated = found(tracks, rows)
    for row in rows:
        row |= {"llr_nats": None, "threshold": None}
    plain = found(tracks, rows)
    gone = {metric for _, metric in stated} - {metric for _, metric in plain}
    assert {name.partition("[")[0] for name in gone} == {
        "cllr", "cllr_change", "ece", "detection", "false_alarms",
    }  # fmt: skip
    assert all(plain[key].value == stated[key].value for key in plain)


def test_nothing_and_nan_are_errors():
    tracks, _ = scores()
    with pytest.raises(UsageError, match="got none"):
        found(tracks, [])
    with pytest.raises(EvaluationError, match="finite"):
        found(*scores(nan=True), ["cllr"])


def test_several_seeds_give_their_mean_and_extremes():
    tracks, rows = scores()
    more = [
        row | {"seed": 1, "logit": row["logit"] / 2} for row in rows if row["condition"] != "clean"
    ]
    results = found(tracks, [*rows, *more], ["score_shift_ai"])
    row = results["gain@6", "score_shift_ai[mean of 2 seeds]"]
    assert row.low < row.value < row.high and row.value == pytest.approx(
        (row.low + row.high) / 2, abs=1e-6
    )
