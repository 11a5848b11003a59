# SPDX-License-Identifier: MIT
"""Each fault that a set can have is planted, found under its own name, and alone."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from unsung.audio import encode
from unsung.data.cache import Cache
from unsung.data.check import check, leaks
from unsung.data.confounds import ALL, confounds
from unsung.data.facts import read_facts
from unsung.types import Manifest

from .music import melody, track, write_song


@pytest.fixture
def rows(tmp_path):
    """Four different songs, two a class and split, nothing wrong."""
    made = []
    for seed, (label, part) in enumerate(
        [("human", "train"), ("human", "test"), ("ai", "train"), ("ai", "test")]
    ):
        path = write_song(tmp_path / f"{seed}.wav", seed, 5.0)
        made.append(track(f"t{seed}", label, path=str(path), split=part, group=f"g{seed}"))
    return made


def kinds(rows, level=None, **options):
    with Cache() as cache:
        report = check(Manifest("m", "1", tuple(rows)), cache, **options)
    return {f.kind: f for f in report.findings if level in (None, f.level)}


def test_a_clean_set_has_no_finding(rows):
    assert kinds(rows) == {}


def test_missing_unreadable_and_changed(rows, tmp_path):
    (tmp_path / "junk.wav").write_bytes(b"\x00" * 999)
    bad = [
        track("gone", path=str(tmp_path / "no.wav")),
        track("junk", path=str(tmp_path / "junk.wav")),
    ]
    found = kinds([*rows, *bad, track("new", path=rows[0].path, sha256="0" * 64)], "error")
    assert found["missing"].examples == ("gone",)
    assert found["unreadable"].examples[0].startswith("junk: ")
    assert found["changed"].examples == ("new",)


def test_ids_and_paths_that_come_twice(rows):
    found = kinds([*rows, rows[0]], sound=False)
    assert found["id"].examples == ("t0",) and found["path"].count == 1


@pytest.mark.parametrize("key", ["group", "recording", "pair_id"])
def test_relations_across_splits(rows, key):
    torn = [replace(rows[0], **{key: "x"}), replace(rows[1], **{key: "x"}), *rows[2:]]
    found = kinds(torn, sound=False)
    assert found[f"leak:{key}"].level == "error"
    assert found[f"leak:{key}"].examples == ("x (test, train)",)
    assert leaks([replace(t, split="") for t in torn]) == []


def test_identical_files(rows, tmp_path):
    copy = shutil.copy(rows[0].path, tmp_path / "copy.wav")
    same = replace(rows[0], id="copy", path=str(copy))
    assert {k: f.level for k, f in kinds([*rows, same]).items()} == {"duplicate:content": "warning"}
    assert "leak:content" in kinds([*rows, replace(same, split="test")], "error")
    assert "label" in kinds([*rows, replace(same, label="ai")], "error")


def test_the_same_sound_under_another_name_codec_and_cut(rows, tmp_path):
    cut = melody(0, 5.0)[15000:]
    (tmp_path / "other.mp3").write_bytes(encode(cut[None], 22050, "mp3", 64))
    other = replace(rows[0], id="other", path=str(tmp_path / "other.mp3"))
    assert kinds([*rows, other])["related:sound"].level == "note"
    stranger = kinds([*rows, replace(other, group="h")])["duplicate:sound"]
    assert stranger.level == "warning" and stranger.examples[0].startswith("t0 = other (3.9 s")
    leak = kinds([*rows, replace(other, group="h", split="test")])["leak:sound"]
    assert leak.level == "error"
    assert "leak:sound" not in kinds([*rows, replace(other, group="h", split="test")], sound=False)


def test_tracks_too_short_to_compare_are_named(rows, tmp_path):
    short = track("short", path=str(write_song(tmp_path / "short.wav", 9, 2.0)))
    assert kinds([*rows, short])["short"].examples == ("short",)
    assert "short" not in kinds([*rows, short], min_overlap_s=1.0)


def test_facts_are_measured_not_believed(rows):
    """A confound that the table hides is found in the files."""
    report_rows = [replace(t, codec="same", sample_rate_hz=1) for t in rows]
    with Cache() as cache:
        report = check(Manifest("m", "1", tuple(report_rows)), cache, sound=False)
    assert {c.feature for c in report.confounds} > {"codec", ALL}
    assert read_facts(rows[0].path).codec in next(
        c.mostly for c in report.confounds if c.feature == "codec"
    )


def many(codec_of, n=200, seed=0):
    rng = np.random.default_rng(seed)
    return [
        track(
            str(i),
            label,
            group=f"g{i // 2}",
            codec=codec_of(label, rng),
            sample_rate_hz=44100,
            channels=2,
            duration_s=float(rng.uniform(5, 9)),
            bitrate_kbps=128.0,
        )
        for i in range(n)
        for label in [("human", "ai")[i // 2 % 2]]
    ]


def test_a_codec_that_gives_the_class_away():
    found = {
        c.feature: c for c in confounds(many(lambda label, _: "mp3" if label == "ai" else "flac"))
    }
    codec = found["codec"]
    assert codec.warn and codec.auc == 1.0 and codec.cramers_v > 0.95 and codec.p_value < 1e-20
    assert codec.mostly == "human mostly flac (100%), other mostly mp3 (100%)"
    assert found[ALL].auc > 0.95
    assert not found["sample_rate_hz"].warn and found["sample_rate_hz"].auc == 0.5


def test_chance_is_not_warned_of():
    for seed in range(5):
        table = confounds(many(lambda _, rng: str(rng.choice(["mp3", "flac"])), 300, seed))
        codec = next(c for c in table if c.feature == "codec")
        assert codec.low - 0.05 < 0.5 < codec.high + 0.05 and not codec.warn


def test_cramers_v_and_p_against_scipy():
    from scipy.stats import chi2_contingency

    rows = many(
        lambda label, rng: str(
            rng.choice(
                ["mp3", "flac", "ogg"], p=[0.6, 0.3, 0.1] if label == "ai" else [0.3, 0.3, 0.4]
            )
        )
    )
    table = [
        [sum(t.label == a and t.codec == b for t in rows) for a in ("human", "ai")]
        for b in ("mp3", "flac", "ogg")
    ]
    chi2, p, _, _ = chi2_contingency(table, correction=False)
    codec = next(c for c in confounds(rows) if c.feature == "codec")
    n, r, k = len(rows), 3, 2
    phi2 = max(0, chi2 / n - (k - 1) * (r - 1) / (n - 1))
    v = np.sqrt(phi2 / min(k - (k - 1) ** 2 / (n - 1) - 1, r - (r - 1) ** 2 / (n - 1) - 1))
    assert codec.p_value == pytest.approx(p) and codec.cramers_v == pytest.approx(v)


def test_groups_widen_the_interval():
    """A hundred tracks of two pages say as much as two pages do."""
    rows = [
        track(str(i), ("human", "ai")[i % 2], codec=("mp3", "flac")[i % 2], group=f"g{i % 4}")
        for i in range(100)
    ]
    alone = [replace(t, group=t.id) for t in rows]
    wide, narrow = (next(c for c in confounds(r) if c.feature == "codec") for r in (rows, alone))
    assert wide.n_groups == 4 and narrow.auc == 1.0
    assert wide.high - wide.low >= narrow.high - narrow.low


def test_one_class_has_no_confound():
    assert confounds([track("a"), track("b")]) == [] and confounds([]) == []
