# SPDX-License-Identifier: MIT
from __future__ import annotations

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile

from unsung import registry
from unsung.attacks import battery
from unsung.attacks.base import Attack
from unsung.attacks.gain import Gain
from unsung.errors import ManifestError, NotFinite, TooShort, UnknownName, UsageError
from unsung.evaluation import energy
from unsung.evaluation.efficiency import co2_g
from unsung.evaluation.proportions import clopper_pearson
from unsung.runtime import load_bundle
from unsung.scanning import _stress_log, calibration
from unsung.scanning import efficiency as eff
from unsung.scanning import stress as story
from unsung.scanning._survival import grouped_share
from unsung.scanning.stress import (
    Curve,
    Heard,
    Stress,
    StressLog,
    attack_names,
    fragile_first,
    judge_with,
    middle,
    neutral,
    stress_clip,
    stress_file,
    stress_manifest,
    survival,
    weakness,
)
from unsung.types import Clip, Manifest

RATE_HZ = 8000
CLIP = Clip(np.full((1, 800), 0.1, np.float32), RATE_HZ)
KNOWN_DB = 7.0


class Rising(Gain):
    strengths = (2.0, 4.0, 8.0, 16.0)


class Falling(Gain):
    """An SNR-like ladder: mildest is highest, the last rungs below zero."""

    strengths = (20.0, 10.0, 0.0, -10.0)


class Broken(Gain):
    strengths = (1.0, 2.0)

    def _apply(self, samples, sample_rate_hz, strength, seed):
        raise TooShort("needs 3 s, got 0.1 s")


class HalfBroken(Gain):
    strengths = (1.0, 2.0, 20.0)

    def _apply(self, samples, sample_rate_hz, strength, seed):
        if strength == 2.0:
            raise ValueError("a fault")
        return super()._apply(samples, sample_rate_hz, strength, seed)


def level_db(clip: Clip) -> float:
    return 20 * np.log10(float(np.abs(clip.samples).mean()) / 0.1)


def by(verdict_of) -> object:
    """A detector whose logit is the gain in dB and whose verdict is any function of it."""

    def judge(clip: Clip) -> Heard:
        db = round(level_db(clip), 4)
        return Heard(db, verdict_of(db))

    return judge


def run(attack: Attack, verdict_of, **options) -> Curve:
    return stress_clip(CLIP, by(verdict_of), [("gain", attack)], **options)[1][0]


def test_break_is_found_to_a_sixteenth_of_its_gap():
    curve = run(Rising(), lambda db: "ai" if db >= KNOWN_DB else "human")
    assert curve.verdicts == ("human", "human", "ai", "ai")
    assert curve.direction == "false alarm"
    assert KNOWN_DB <= curve.breaking_strength <= KNOWN_DB + (8 - 4) / 16
    (broken,) = curve.breaks
    assert broken.above < KNOWN_DB and broken.logit == pytest.approx(broken.strength, abs=1e-3)
    assert broken.returns_at is None
    assert curve.logits == pytest.approx((2.0, 4.0, 8.0, 16.0), abs=1e-3)


def test_more_halvings_come_closer_and_none_keeps_the_rung():
    rule = lambda db: "ai" if db >= KNOWN_DB else "human"  # noqa: E731
    assert run(Rising(), rule, halvings=0).breaking_strength == 8.0
    assert run(Rising(), rule, halvings=10).breaking_strength == pytest.approx(7.0, abs=0.005)


def test_a_ladder_through_zero_that_only_falls_has_one_side():
    curve = run(Falling(), lambda db: "human" if db < -4.9 else "ai")
    assert neutral(Falling.strengths, "dB") is None
    assert curve.direction == "miss"
    assert -5.7 <= curve.breaking_strength <= -4.9


@pytest.mark.parametrize(("above", "below"), [(5.0, -20.0), (20.0, -5.0)])
def test_two_sided_ladders_break_on_the_nearer_side(above, below):
    curve = run(Gain(), lambda db: "human" if below < db < above else "ai", halvings=8)
    nearer = min(above, below, key=abs)
    assert curve.breaking_strength == pytest.approx(nearer, abs=0.05)
    assert curve.breaking_strength * nearer > 0


def test_between_minus_and_plus_the_mildest_step_is_refined_from_the_clean_sound():
    curve = run(Gain(), lambda db: "human" if abs(db) < 1.0 else "ai", halvings=8)
    assert abs(curve.breaking_strength) == pytest.approx(1.0, abs=0.05)


def test_not_monotone_the_return_is_reported():
    curve = run(Rising(), lambda db: "ai" if 3 <= db < 12 else "human")
    assert curve.verdicts == ("human", "ai", "ai", "human")
    assert curve.breaks[0].returns_at == 16.0
    assert 3.0 <= curve.breaking_strength <= 3.2


def test_each_kind_of_change_has_its_own_strength():
    rule = lambda db: "ai" if db < 3 else "undecided" if db < 5 else "human"  # noqa: E731
    curve = run(Rising(), rule, halvings=8)
    found = {b.change: b.strength for b in curve.breaks}
    assert found == {"loss": pytest.approx(3, abs=0.1), "miss": pytest.approx(5, abs=0.1)}
    assert curve.direction == "loss"  # the milder one


def test_a_loss_inside_the_gap_of_a_flip_is_found():
    rule = lambda db: "human" if db < 5 else "undecided" if db < 7 else "ai"  # noqa: E731
    curve = run(Rising(), rule, halvings=6)
    assert curve.verdicts == ("human", "human", "ai", "ai")  # no rung shows it
    assert [b.change for b in curve.breaks] == ["loss", "false alarm"]
    assert curve.breaks[0].strength == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize(
    ("clean", "after", "label", "direction"),
    [
        ("human", "ai", "", "false alarm"),
        ("ai", "human", "", "miss"),
        ("ai", "undecided", "ai", "loss"),
        ("ai", "human", "human", "recovery"),
        ("undecided", "ai", "human", "false alarm"),
        ("undecided", "human", "ai", "miss"),
        ("undecided", "ai", "", "to ai"),
    ],
)
def test_directions_follow_the_label_where_there_is_one(clean, after, label, direction):
    curve = run(Rising(), lambda db: clean if db < 3 else after, label=label)
    assert curve.direction == direction


def test_bit_rates_are_not_refined():
    class Rates(Rising):
        unit = "kbps"

    assert run(Rates(), lambda db: "ai" if db >= 7 else "human").breaking_strength == 8.0


def test_a_verdict_that_endures_has_no_strength():
    curve = run(Rising(), lambda db: "human")
    assert (curve.breaking_strength, curve.direction, curve.breaks) == (None, "", ())
    assert curve.endured == 1.0


def test_a_failing_attack_is_a_row_and_the_rest_go_on():
    attacks = [("broken", Broken()), ("half", HalfBroken()), ("fine", Rising())]
    _, curves = stress_clip(CLIP, by(lambda db: "ai" if db > 7 else "human"), attacks)
    broken, half, fine = curves
    assert broken.verdicts == (None, None) and broken.error.type == "TooShort"
    assert half.verdicts == ("human", None, "ai") and half.error.type == "ValueError"
    assert half.breaking_strength == 20.0  # the gap before it holds a failure: not refined
    assert fine.error is None and fine.direction == "false alarm"
    assert [c.attack for c in fragile_first(curves)] == ["fine", "half", "broken"]


def test_threads_change_nothing():
    attacks = [(name, registry.get("attacks", name)()) for name in ("gain", "clipping", "echo")]
    judge = by(lambda db: "ai" if db > 3 else "human")
    alone, crew = (stress_clip(CLIP, judge, attacks, jobs=jobs)[1] for jobs in (1, 3))
    still = [[dataclasses.replace(c, seconds=0.0) for c in run] for run in (alone, crew)]
    assert still[0] == still[1]


def test_records_come_back_from_json_values():
    curve = run(Rising(), lambda db: "ai" if db >= KNOWN_DB else "human")
    track = Stress("a.wav", label="human", clean=Heard(0.0, "human"), curves=(curve,))
    assert Stress.from_dict(track.to_dict()) == track


def stressed(label: str, flips_at: float) -> Stress:
    rule = lambda db: label if db < flips_at else "undecided"  # noqa: E731
    clean, curves = stress_clip(CLIP, by(rule), [("gain", Rising())], label=label)
    return Stress("x", label=label, clean=clean, curves=curves)


def test_survival_counts_labels_apart_with_exact_intervals():
    tracks = [stressed("ai", at) for at in (3, 6, 99, 99)] + [stressed("human", 99)]
    rows = survival(tracks)
    assert [(r.label, r.strength) for r in rows] == [
        (label, s) for label in ("ai", "human") for s in Rising.strengths
    ]
    assert [r.survives.value for r in rows if r.label == "ai"] == [1.0, 0.75, 0.5, 0.5]
    last = rows[3]
    assert (last.n_right, last.n_losses, last.n) == (4, 2, 4)
    assert (last.survives.low, last.survives.high) == pytest.approx((0.0676, 0.9324), abs=1e-4)
    assert [r.called_ai.value for r in rows if r.label == "human"] == [0.0] * 4


def test_wrong_when_clean_is_no_survivor_but_counts_as_called_ai():
    wrong = dataclasses.replace(stressed("ai", 99), label="human")
    (first, *_) = survival([wrong])
    assert first.survives is None and first.n_right == 0 and first.called_ai.value == 1.0


def test_weakness_sums_up_an_attack():
    ai, human = weakness(survival([stressed("ai", 6), stressed("ai", 3), stressed("human", 99)]))
    assert (ai.label, ai.half_lost_at, ai.survives.value, ai.worst_at) == ("ai", 8.0, 0.0, 8.0)
    assert (human.half_lost_at, human.called_ai.value) == (None, 0.0)


def test_attacks_that_need_more_than_the_clip_are_left_out_and_named():
    names, left_out = attack_names()
    for name in left_out:
        kind = registry.get("attacks", name)
        assert not kind.runs_here()
    assert "gain" in names and not set(names) & set(left_out)
    with pytest.raises(UnknownName, match="did you mean 'pitch_shift'"):
        attack_names(["pitch_shfit"])
    if left_out:
        with pytest.raises(UsageError, match="leave them out"):
            attack_names([left_out[0]])


def test_middle_is_the_middle(wav):
    clip = middle(wav(seconds=6.0), 2.0)
    assert clip.duration_s == pytest.approx(2.0) and clip.start_s == pytest.approx(2.0)
    assert middle(wav(seconds=1.0), 2.0).duration_s == pytest.approx(1.0)
    with pytest.raises(UsageError, match="more than 0"):
        middle(wav(), 0.0)


def test_clean_score_is_the_scans_own(wav):
    from unsung.scanning import score_file

    path, bundle = wav(seconds=6.0), load_bundle("default")
    heard = judge_with(bundle)(middle(path, 60.0))
    score, _ = score_file(path, bundle)
    assert (heard.logit, heard.verdict) == (pytest.approx(score.logit, abs=1e-4), score.verdict)


def test_real_bundle_on_a_short_sound(wav):
    track = stress_file(
        wav(seconds=5.0), load_bundle("default"), ["gain", "low_pass", "mp3"], label="human"
    )
    assert track.error is None and track.clean.logit is not None and not track.trained_on
    assert track.ai_logit > track.human_logit and len(track.sha256) == 64
    assert [c.attack for c in track.curves] == ["gain", "low_pass", "mp3"]
    for curve in track.curves:
        assert curve.strengths == registry.get("attacks", curve.attack).strengths
        assert all(v is not None for v in curve.verdicts)


def test_same_seed_same_record(wav):
    path, bundle = wav(seconds=4.0), load_bundle("default")
    logits = [
        stress_file(path, bundle, ["white_noise"], seed=seed).curves[0].logits for seed in (1, 1, 2)
    ]
    assert logits[0] == logits[1] != logits[2]


def test_a_broken_file_is_a_record_with_its_error(wav, tmp_path):
    table = tmp_path / "list.csv"
    (tmp_path / "bad.wav").write_bytes(b"")
    table.write_text(f"path,label\n{wav(seconds=4.0).name},human\nbad.wav,ai\nnone.wav,ai\n")
    good, bad, none = stress_manifest(table, load_bundle("default"), ["gain"], jobs=2)
    assert good.error is None and good.label == "human" and good.curves
    assert bad.error.type == "EmptyAudio" and none.error.type == "UnreadableAudio"


def test_training_files_are_told(wav, monkeypatch):
    bundle = load_bundle("default")
    monkeypatch.setattr(type(bundle), "trained_on", lambda self, sha256: True)
    assert stress_file(wav(), bundle, ["gain"]).trained_on


def test_efficiency_row_is_plausible():
    bundle = load_bundle("default")
    row = eff.efficiency(bundle, seconds=20.0, rounds=2)
    assert 0 < row.latency_10s.median_s < row.latency_full.median_s <= row.latency_full.p95_s
    assert row.latency_full.n == 2 and row.audio_s_per_cpu_s > 1
    assert (row.size_bytes > 100_000 and row.energy_j is None) or row.energy_j >= 0
    assert row.parameters == weights_of(bundle)
    with pytest.raises(UsageError, match="at least 1 round"):
        eff.efficiency(bundle, rounds=0)


def weights_of(bundle):
    """Every bin of every channel for its mean and its variation, the mean residual's searched."""
    searched = sum(len(f.widths) * len(f.freqs_hz) for f in bundle.front_ends)
    own = sum(w.size for w in bundle.linear.weights) + 1
    return own + sum(w.size for w in bundle.variation.weights) + searched


def test_flops_follow_the_formula():
    bundle = load_bundle("default")
    total = 2 * weights_of(bundle) * 3
    for f in bundle.front_ends:
        frames = len(range(0, 30 * 16000 - f.n_fft + 1, f.hop))
        per_frame = f.n_fft * (1 + 2.5 * np.log2(f.n_fft)) + len(f.freqs_hz) * (4 + 8 * f.channels)
        total += frames * per_frame
    assert eff.flops(bundle, 30.0) == pytest.approx(total)


def count(monkeypatch) -> list[str]:
    """Note every attack that is really run, and every decoding."""
    seen: list[str] = []
    search, middle_of = story.search, story.middle
    monkeypatch.setattr(story, "search", lambda n, *a, **k: (seen.append(n), search(n, *a, **k))[1])
    monkeypatch.setattr(story, "middle", lambda *a: (seen.append("decode"), middle_of(*a))[1])
    return seen


def still(track: Stress) -> Stress:
    curves = tuple(dataclasses.replace(c, seconds=0.0) for c in track.curves)
    return dataclasses.replace(track, seconds=0.0, curves=curves)


FEW = ["gain", "low_pass"]


def test_a_second_run_takes_everything_from_the_log(wav, tmp_path, monkeypatch):
    seen, bundle, log = count(monkeypatch), load_bundle("default"), tmp_path / "log.jsonl"
    path = wav(seconds=4.0)
    with StressLog(log) as lines:
        first = stress_file(path, bundle, FEW, label="ai", group="g", log=lines)
    assert seen == ["decode", "gain", "low_pass"] and len(log.read_text().splitlines()) == 3
    before = log.read_bytes()
    with StressLog(log) as lines:
        again = stress_file(path, bundle, FEW, label="ai", group="g", log=lines)
    assert len(seen) == 3 and log.read_bytes() == before
    assert still(again) == still(first)
    moved = path.with_name("moved.wav")
    path.rename(moved)
    with StressLog(log) as lines:  # the content decides, not the name
        track = stress_file(moved, bundle, FEW, label="ai", group="other", log=lines)
    assert len(seen) == 3 and (track.path, track.group) == (str(moved), "other")


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_a_killed_run_goes_on_where_it_stopped(wav, tmp_path, monkeypatch, cut):
    bundle, log, path = load_bundle("default"), tmp_path / "log.jsonl", wav(seconds=4.0)
    with StressLog(log) as lines:
        first = stress_file(path, bundle, FEW, log=lines)
    whole = log.read_bytes().splitlines(keepends=True)
    torn = whole[cut][: len(whole[cut]) // 2] if cut < len(whole) else b""
    log.write_bytes(b"".join(whole[:cut]) + torn)
    seen = count(monkeypatch)
    with StressLog(log) as lines:
        again = stress_file(path, bundle, FEW, log=lines)
    assert still(again) == still(first)
    assert [name for name in seen if name != "decode"] == FEW[cut:]
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert sorted(row["kind"] for row in rows) == ["curve", "curve", "track"]


def test_new_code_thresholds_seeds_and_labels_are_new_cells(wav, tmp_path, monkeypatch):
    seen, bundle, log = count(monkeypatch), load_bundle("default"), tmp_path / "log.jsonl"
    path = wav(seconds=4.0)

    def run_again(**options: object) -> int:
        seen.clear()
        with StressLog(log) as lines:
            stress_file(path, bundle, ["gain"], log=lines, **options)
        return seen.count("gain")

    assert run_again() == 1 and run_again() == 0
    for options in ({"seed": 1}, {"label": "ai"}, {"false_alarm_rate": 0.05}, {"seconds": 3.0}):
        assert run_again(**options) == 1 and run_again(**options) == 0
    assert run_again() == 0
    monkeypatch.setattr(story, "code_sha256", lambda attack: "changed")
    assert run_again() == 1


def test_a_failed_attack_is_tried_again(wav, tmp_path, monkeypatch):
    bundle, log, path = load_bundle("default"), tmp_path / "log.jsonl", wav(seconds=4.0)

    def broken(self, samples, sample_rate_hz, strength, seed):
        raise TooShort("not today")

    with monkeypatch.context() as patched:
        patched.setattr(Gain, "_apply", broken)
        with StressLog(log) as lines:
            assert stress_file(path, bundle, ["gain"], log=lines).curves[0].error is not None
    with StressLog(log) as lines:
        assert stress_file(path, bundle, ["gain"], log=lines).curves[0].error is None


def test_threads_write_whole_lines(tmp_path):
    with StressLog(tmp_path / "log.jsonl") as log, ThreadPoolExecutor(8) as crew:
        list(crew.map(lambda i: log.put(f"k{i}", "curve", "p", {"i": [i] * 200}), range(200)))
        assert log.get("k77") == {"i": [77] * 200} and log.get("none") is None
    with StressLog(tmp_path / "log.jsonl") as log:
        assert len(log) == 200 and log.get("k199") == {"i": [199] * 200}


def test_another_file_is_left_alone(tmp_path):
    other = tmp_path / "notes.txt"
    other.write_text("my notes\nare precious\n")
    with pytest.raises(UsageError, match="something else"):
        StressLog(other)
    assert other.read_text().startswith("my notes")
    with pytest.raises(UsageError, match="cannot be written"):
        StressLog(tmp_path / "no" / "log.jsonl")
    assert _stress_log.content_key(a=1) != _stress_log.content_key(a=2)


def test_own_thresholds_decide(wav, tmp_path):
    path, bundle = wav(seconds=4.0), load_bundle("default")
    plain = stress_file(path, bundle, ["gain"])
    logit = plain.clean.logit
    for ai_logit, verdict in ((logit - 1, "ai"), (logit + 1, "human")):
        own = calibration.OwnCalibration(
            *(calibration.FORMAT, "mine", bundle.name, bundle.sha256, False, 200, 0),
            *((0.01,), (ai_logit,)),
        )
        own.save(tmp_path / "own.json")
        changed = calibration.recalibrated(bundle, tmp_path / "own.json")
        track = stress_file(path, changed, ["gain"])
        assert track.ai_logit == ai_logit and "mine" in track.thresholds
        assert (track.clean.verdict == "ai") == (verdict == "ai")


def test_shares_know_their_groups():
    alone = grouped_share([True, False] * 10, [str(i) for i in range(20)])
    assert alone == clopper_pearson(10, 20)
    # two groups that say the same throughout are two tracks, not twenty
    twins = grouped_share([True] * 10 + [False] * 10, ["a"] * 10 + ["b"] * 10)
    assert twins.high - twins.low > 0.9 > alone.high - alone.low
    # groups that hold a fair mix each tell as much as single tracks do
    mixed = grouped_share([True, False] * 10, [str(i // 2) for i in range(20)])
    assert (mixed.low, mixed.high) == pytest.approx((alone.low, alone.high), abs=1e-9)
    none = grouped_share([False] * 30, ["a"] * 10 + ["b"] * 10 + ["c"] * 10)
    assert none.value == 0 and none.high == pytest.approx(clopper_pearson(0, 3).high)
    assert grouped_share([True] * 5, ["a"] * 5).low == pytest.approx(clopper_pearson(1, 1).low)


def test_group_intervals_cover():
    """Over many draws the 95 % interval holds the true share at least 90 % of the time."""
    rng, inside = np.random.default_rng(0), 0
    for _ in range(300):
        chance = rng.beta(2, 2, 15)  # mean 0.5; members of a group are alike
        hits = [bool(rng.random() < p) for p in chance for _ in range(6)]
        share = grouped_share(hits, [str(i) for i in range(15) for _ in range(6)])
        inside += share.low <= 0.5 <= share.high
    assert inside >= 270


def test_survival_uses_the_groups_of_the_manifest():
    tracks = [stressed("ai", at) for at in (3, 3, 3, 99, 99, 99)]
    grouped = [
        dataclasses.replace(t, group="page 1" if i < 3 else "page 2") for i, t in enumerate(tracks)
    ]
    (apart,), (together,) = (
        [row for row in survival(some) if row.strength == 4.0] for some in (tracks, grouped)
    )
    assert apart.survives.value == together.survives.value == 0.5
    assert (apart.n_groups, together.n_groups) == (6, 2)
    wide = [row.survives.high - row.survives.low for row in (apart, together)]
    assert wide[1] > wide[0]


def test_both_sides_of_being_wrong():
    ai, human = weakness(survival([stressed("ai", 3), stressed("ai", 99), stressed("human", 99)]))
    assert (ai.wrong_word, ai.wrong.value) == ("missed", 0.5)
    assert (ai.wrong.low, ai.wrong.high) == pytest.approx(
        (clopper_pearson(1, 2).low, clopper_pearson(1, 2).high)
    )
    assert (human.wrong_word, human.wrong.value) == ("accused", 0.0)


def test_batteries_presets_and_chains_can_be_run(wav):
    path, bundle = wav(seconds=4.0), load_bundle("default")
    track = stress_file(path, bundle, ["mp3@64+gain@-3", "spotify"])
    assert [c.attack for c in track.curves] == ["mp3@64+gain@-3", "spotify"]
    assert all(c.strengths == (1.0,) and c.error is None for c in track.curves)
    track = stress_file(path, bundle, battery="deezer")
    assert {c.attack for c in track.curves} == set(battery("deezer"))
    assert all(c.refined == () for c in track.curves), "nothing lies between published rungs"
    names, left_out = attack_names(["gain"], "deezer")
    assert names[-1] == "gain" and len(names) == 9 and not left_out
    assert "pgd" in attack_names((), "all")[1]
    with pytest.raises(UnknownName, match="no battery named 'dezer'"):
        stress_file(path, bundle, battery="dezer")
    with pytest.raises(UsageError, match="leave them out"):
        attack_names(["gain@3+pgd@30"])


def test_mixed_rates_and_groups_in_one_manifest(wav, tmp_path):
    rates = (8000, 22050, 48000)
    for rate in rates:
        samples = np.random.default_rng(rate).standard_normal((rate * 4, 1 + (rate > 9000))) * 0.1
        soundfile.write(tmp_path / f"{rate}.wav", samples, rate)
    table = tmp_path / "list.csv"
    rows = "".join(f"{rate}.wav,human,page\n" for rate in rates)
    table.write_text("path,label,source\n" + rows)
    tracks = list(stress_manifest(table, load_bundle("default"), ["gain", "aliasing"]))
    assert [t.error for t in tracks] == [None] * 3 and {t.group for t in tracks} == {"page"}
    assert {row.n_groups for row in survival(tracks)} == {1}


def test_an_empty_manifest_is_an_error(tmp_path):
    table = tmp_path / "list.csv"
    table.write_text("path,label\n")
    with pytest.raises(ManifestError, match="no rows"):
        list(stress_manifest(table, load_bundle("default"), ["gain"]))
    lines = tmp_path / "list.jsonl"
    Manifest("empty", "1", ()).save(lines)
    with pytest.raises(ManifestError, match=r"at least one track, got none"):
        list(stress_manifest(lines, load_bundle("default"), ["gain"]))


def test_a_logit_that_is_no_number_is_an_error_and_no_verdict():
    class Analyzer:
        def push(self, samples): ...

        def finish(self):
            return dataclasses.make_dataclass("Analysis", ["logit"])(float("nan"))

    class Broken:
        name = "broken"

        def analyzer(self, rate_hz):
            return Analyzer()

    with pytest.raises(NotFinite, match="expected a finite logit, got nan"):
        judge_with(Broken())(CLIP)


def test_energy_is_measured_or_said_not_to_be(tmp_path, monkeypatch):
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    row = eff.efficiency(load_bundle("default"), seconds=11.0, rounds=1)
    assert (row.energy_j, row.co2_g) == (None, None)
    assert row.energy_source == "not measured: no energy counter"
    (tmp_path / "intel-rapl:0").mkdir()
    row = eff.efficiency(load_bundle("default"), seconds=11.0, rounds=1)
    assert row.energy_j is None and "may not be read" in row.energy_source
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("1000000")
    (tmp_path / "intel-rapl:0" / "max_energy_range_uj").write_text("100000000")
    row = eff.efficiency(load_bundle("default"), seconds=11.0, rounds=1, grid_g_per_kwh=50)
    assert row.energy_source == "RAPL, whole processor: intel-rapl:0"
    assert (row.energy_j, row.co2_g, row.grid_g_per_kwh) == (0.0, 0.0, 50)
    assert co2_g(3.6e6, 480.0) == 480.0
    with pytest.raises(UsageError, match="g/kWh of 0 or more"):
        co2_g(1.0, -1.0)
