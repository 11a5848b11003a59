# SPDX-License-Identifier: MIT
"""Studies of splices and of stability: sound is built as stated, rows are counted rightly."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from unsung.runtime.stable import CHANGES
from unsung.training._localisation_cases import MIX_DB, SHARES, SPLICES_S, Case, cases
from unsung.training._localisation_page import measured, write
from unsung.training._stability_page import page
from unsung.training.localisation import build
from unsung.training.material import Material
from unsung.training.measure import Excerpt
from unsung.training.stability import CONDITIONS, Item, drawn, read_rows, shares
from unsung.types import Track

RATE = 16000


@pytest.fixture
def sounds(tmp_path):
    """A human track of one tone and three excerpts of another, quieter one."""
    time = np.arange(60 * RATE) / RATE
    human, ai = tmp_path / "human.wav", []
    soundfile.write(human, 0.4 * np.sin(2 * np.pi * 500 * time), RATE)
    for index in range(3):
        ai.append(str(tmp_path / f"ai-{index}.wav"))
        soundfile.write(ai[-1], 0.1 * np.sin(2 * np.pi * 2000 * time[: 6 * RATE]), RATE)
    return str(human), tuple(ai)


def share_of(sound, hz):
    spectrum = np.square(np.abs(np.fft.rfft(sound * np.hanning(len(sound)))))
    freqs = np.fft.rfftfreq(len(sound), 1 / RATE)
    return spectrum[np.abs(freqs - hz) < 20].sum() / spectrum.sum()


def test_a_splice_lies_where_it_says_at_the_level_of_its_surroundings(sounds):
    human, ai = sounds
    case = Case("k", "splice", 0, human, 50.0, ai, 12.0, 20.0, 12.0)
    sound, region = build(case, RATE)
    assert region == (20.0, 32.0) and len(sound) == 50 * RATE
    assert share_of(sound[21 * RATE : 31 * RATE], 2000) > 0.99
    for part in (slice(0, 19 * RATE), slice(33 * RATE, 50 * RATE)):
        assert share_of(sound[part], 500) > 0.99
    inside = np.std(sound[21 * RATE : 31 * RATE])
    assert inside == pytest.approx(np.std(sound[: 19 * RATE]), rel=0.01)


def test_shares_go_from_nothing_to_everything(sounds):
    human, ai = sounds
    nothing, region = build(Case("k", "share", 0, human, 15.0), RATE)
    assert region is None and share_of(nothing, 500) > 0.99
    everything, region = build(Case("k", "share", 0, human, 15.0, ai, 15.0, 0.0, 1.0), RATE)
    assert region == (0.0, 15.0) and share_of(everything, 2000) > 0.99


@pytest.mark.parametrize("level_db", MIX_DB)
def test_a_mix_has_the_stated_balance(sounds, level_db):
    human, ai = sounds
    sound, _ = build(Case("k", "mix", 0, human, None, ai[:1], strength=level_db), RATE)
    balance = 10 * np.log10(share_of(sound, 2000) / share_of(sound, 500))
    assert balance == pytest.approx(level_db, abs=0.1) and len(sound) == 6 * RATE


def study_material(tmp_path):
    """Two folds; in each a human page with whole tracks and a generator with enough sound."""
    tracks, kinds, folds = [], [], []
    soundfile.write(tmp_path / "h.wav", np.zeros(130 * 1000, np.float32), 1000)
    for fold in range(2):
        for index in range(9):
            ai = Track(f"a{fold}{index}", "a.wav", "ai", f"G{fold}", split=str(fold),
                       group=f"ga{fold}", duration_s=8.0, use="full")  # fmt: skip
            human = Track(f"h{fold}{index}", "h.wav", "human", split=str(fold), group=f"gh{fold}")
            tracks += [ai, human]
            kinds += ["table", "table"]
        path = str(tmp_path / "h.wav")
        tracks.append(Track(f"w{fold}", path, "human", group=f"further{fold}"))
        kinds.append("full")
        folds += [fold] * 19
    n = len(tracks)
    empty = np.zeros((n, 1), np.float16)
    return Material(tuple(tracks), np.array(kinds), np.array(folds), empty, empty,
                    empty.astype(np.float32), "0", np.full(n, ""), np.full(n, 10.0),
                    np.ones(n))  # fmt: skip


def test_cases_pair_only_within_a_fold_and_name_each_once(tmp_path):
    material = study_material(tmp_path)
    found = cases(material, 4)
    assert len({case.key for case in found}) == len(found)
    fold_of = {t.path: int(f) for t, f in zip(material.tracks, material.folds, strict=True)}
    del fold_of[str(tmp_path / "h.wav")]
    counts = {kind: sum(case.kind == kind for case in found) for kind in ("splice", "share", "mix")}
    assert counts == {
        "splice": 4 * len(SPLICES_S),
        "share": 4 * len(SHARES),
        "mix": 4 * len(MIX_DB),
    }
    for case in found:
        if case.kind in ("splice", "share"):
            assert case.generator == f"G{case.fold}" and case.group == f"further{case.fold}"
        if case.kind == "mix":
            assert case.generator == f"G{case.fold}" and case.group == f"gh{case.fold}"
    assert cases(material, 4) == found


def toy_bundle(monkeypatch):
    from unsung.runtime import load_bundle

    bundle = load_bundle()
    monkeypatch.setattr("unsung.training._localisation_page.load_bundle", lambda _: bundle)
    return bundle


def row(kind, strength, logits, region, logit, **more):
    windows = [[10.0 * i, value] for i, value in enumerate(logits)]
    return {
        "kind": kind, "strength": strength, "fold": 0, "generator": "g", "group": f"{logit}",
        "duration_s": 10.0 * len(logits), "region": region, "logit": logit, "reason": "",
        "windows": windows, **more,
    }  # fmt: skip


def test_figures_of_a_perfect_and_a_blind_detector(monkeypatch, tmp_path):
    toy_bundle(monkeypatch)
    human = [-3.0, -2.5, -3.1, -2.2]
    clear = [*human, 8.0, 8.0, *human]
    rows = [row("splice", 20.0, clear, [40.0, 60.0], -1.0 - 0.01 * i) for i in range(5)]
    rows += [row("splice", 10.0, [*human, *human], [40.0, 50.0], -2.0 - 0.01 * i) for i in range(5)]
    rows += [row("whole", 0.0, human, None, -2.0), row("whole", 0.0, [9.0] * 4, None, 9.0)]
    rows.append({"kind": "whole", "fold": 0, "error": "AudioError: x"})
    found = {(r.condition, r.metric): r for r in measured(rows, tmp_path)}
    assert found["splice of 20 s", "window AUC"].value == 1.0
    assert found["splice of 20 s", "found"].value == 1.0
    assert found["splice of 20 s", "F1 of seconds"].value == 1.0
    assert found["splice of 20 s", "error of a found end, median s"].value == 0.0
    assert found["splice of 10 s", "found"].value == 0.0
    assert np.isnan(found["splice of 10 s", "error of a found end, median s"].value)
    whole = found["whole human tracks", "with a stretch"]
    assert (whole.value, whole.n_tracks) == (0.5, 2) and whole.low < 0.5 < whole.high
    write(rows, tmp_path, tmp_path / "out")
    assert "| splice of 20 s | 5 | 1.000" in (tmp_path / "out" / "index.md").read_text()
    kept = (tmp_path / "out" / "localisation.jsonl").read_text().splitlines()
    assert all(np.isfinite(json.loads(line)["value"]) for line in kept)


def scored(key, fold, positive, plain, changed, condition="clean"):
    logits = {"plain": plain, **dict(zip(CHANGES, changed, strict=True))}
    return {
        "key": key,
        "fold": fold,
        "positive": positive,
        "condition": condition,
        "logits": logits,
    }


def test_rules_count_agreement_and_pooled_scores_have_their_own_threshold():
    rows = [scored(f"h{i}", i % 2, False, -3.0 + i / 400, [-3.0] * 5) for i in range(400)]
    rows += [
        scored("stable", 0, True, 2.0, [2.0] * 5),
        scored("loose", 0, True, 2.0, [2, 2, 2, 0, 0]),
    ]
    rows.append(scored("deaf", 1, True, 2.0, [None] * 5))
    found = {(s.rule, s.positive): s for s in shares(rows, {0: 1.0, 1: 1.0})}
    assert found["as it is", True].hits == 3 and found["as it is", False].hits == 0
    assert [found[f"and {k} of 5 changes agree", True].hits for k in (3, 4, 5)] == [2, 1, 1]
    assert found["lowest, own threshold", True].hits == 2
    assert found["as it is, own threshold", False].hits <= 4
    assert "| and 4 of 5 changes agree | 0.333" in page(list(found.values()))


def test_a_part_is_drawn_from_both_classes():
    items = [Item(Excerpt(Track(str(i), "x", "human")), 0, i % 3 == 0) for i in range(30)]
    some = drawn(items, 7, 4)
    assert (sum(i.positive for i in some), sum(not i.positive for i in some)) == (4, 7)
    assert drawn(items, 7, 4) == some and len(drawn(items, None, None)) == 30


def test_half_a_line_is_scored_again(tmp_path):
    path = tmp_path / "rows.jsonl"
    assert read_rows(path) == {}
    path.write_text('{"key": "a"}\n{"key": "b"}\n{"ke')
    assert set(read_rows(path)) == {"a", "b"}
    assert CONDITIONS[0] == "clean"
