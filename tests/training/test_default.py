# SPDX-License-Identifier: MIT
"""The whole build on a small made-up corpus: honest folds, figures, card, working bundle."""

import csv
import json

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch")

from unsung.audio.read import sha256_file
from unsung.runtime import load_bundle
from unsung.training import default
from unsung.training.measure import equalise, features_of, shortcuts_of

RATE = 16000


def clip(rng, ai, seconds=4.0):
    time = np.arange(round(seconds * RATE)) / RATE
    sound = 0.02 * rng.standard_normal(len(time))
    for _ in range(6):
        sound += 0.05 * np.sin(2 * np.pi * rng.uniform(100, 2000) * time + rng.uniform(0, 6))
    if ai:
        for line in np.arange(1000, 8000, 250.0):
            sound += 0.0015 * np.sin(2 * np.pi * line * time)
    return sound.astype("f4")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    rows = []
    for number in range(60):
        ai = number % 2 == 0
        page = f"page:{number // 6}"
        name = f"{number:02d}.wav"
        soundfile.write(folder / name, clip(rng, ai), RATE)
        label = "ai" if ai else "human"
        rows.append(
            [name, label, "gen" * ai, page, f"r{number}", (number // 6) % 5, "full", "fam" * ai]
        )
    for number in range(60, 66):  # resynthesised human music
        name = f"{number:02d}.wav"
        soundfile.write(folder / name, clip(rng, True), RATE)
        rows.append(
            [name, "resynth", "codec", f"page:{number}", f"r{number}", number % 5, "full", ""]
        )
    with (folder / "music.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        head = ["path", "label", "generator", "source", "recording", "fold", "use", "family"]
        writer.writerow(head)
        writer.writerows(rows)
    human = folder / "human" / "pkg"
    human.mkdir(parents=True)
    for number in range(3):
        soundfile.write(human / f"song{number}.flac", clip(rng, False, 30.0), RATE)
    (human / "notes.txt").write_text("not music")
    out, results = folder / "bundle", folder / "results"
    default.main([
        "--data", str(folder / "music.csv"), "--human", str(folder / "human"), "--out", str(out),
        "--results", str(results), "--cache", str(folder / "cache"), "--jobs", "1",
    ])  # fmt: skip
    return folder


def test_the_bundle_works_and_finds_the_planted_comb(built):
    bundle = load_bundle(built / "bundle")
    rng = np.random.default_rng(99)

    def logit(ai):
        analyzer = bundle.analyzer(RATE)
        analyzer.push(clip(rng, ai, 12.0))
        return analyzer.finish().logit

    assert logit(True) > 0 > logit(False)
    assert bundle.calibration["n_human"] == 33  # 30 excerpts and 3 whole tracks
    assert "3 whole human tracks" in bundle.calibration["name"]
    assert "pkg" in json.dumps(bundle.card["trained_on"])
    assert bundle.trained_on(sha256_file(built / "00.wav"))
    assert bundle.trained_on(sha256_file(built / "human/pkg/song0.flac"))
    assert not bundle.trained_on(sha256_file(built / "music.csv"))


def test_results_hold_the_figures_with_intervals(built):
    rows = [
        json.loads(line)
        for line in (built / "results/default-detector.jsonl").read_text().splitlines()
    ]
    auc = next(
        r for r in rows
        if (r["metric"], r["detector"], r["dataset"], r["condition"])
        == ("auc", "default", "AI, all", "as published")
    )  # fmt: skip
    assert auc["value"] > 0.95
    assert auc["low"] <= auc["value"] <= auc["high"]
    assert (auc["n_tracks"], auc["n_groups"]) == (60, 10)
    blind = next(
        r for r in rows
        if r["detector"].startswith("only duration") and r["condition"] == "equalised"
        and r["metric"] == "auc"
    )  # fmt: skip
    assert 0.2 < blind["value"] < 0.8
    page = (built / "results/default-detector.md").read_text()
    assert "## equalised" in page
    assert "| fam |" in page


def test_equalised_copies_share_length_level_and_band():
    rng = np.random.default_rng(1)
    loud, short = clip(rng, True, 9.0) * 3, clip(rng, False, 2.5) * 0.1
    ours = [equalise(sound, RATE) for sound in (loud, short)]
    for sound in ours:
        assert len(sound) == 4 * RATE
        assert np.sqrt(np.mean(sound**2)) == pytest.approx(0.1, rel=0.1)
        power = np.abs(np.fft.rfft(sound)) ** 2
        assert power[int(7300 / 8000 * len(power)) :].sum() < 1e-3 * power.sum()


def test_features_of_a_long_sound_are_the_mean_over_windows():
    front_ends = default.ResidualLinear().front_ends
    rng = np.random.default_rng(2)
    first, second = clip(rng, True, 10.0), clip(rng, False, 10.0)
    whole = features_of(np.concatenate([first, second]), front_ends)
    parts = (features_of(first, front_ends) + features_of(second, front_ends)) / 2
    np.testing.assert_allclose(whole, parts, atol=1e-5)


def test_shortcuts_see_what_they_say():
    rng = np.random.default_rng(3)
    sound = 0.1 * rng.standard_normal(2 * RATE).astype("f4")
    seconds, rms_db, *_, dc, _floor = shortcuts_of(sound + 0.05, RATE)
    assert seconds == 2.0
    assert rms_db == pytest.approx(20 * np.log10(np.hypot(0.1, 0.05)), abs=0.2)
    assert dc == pytest.approx(0.05 / np.hypot(0.1, 0.05), abs=0.02)
