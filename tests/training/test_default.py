# SPDX-License-Identifier: MIT
"""The whole build on a small made-up corpus: honest folds, figures, card, working bundle."""

import csv
import json

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch")

from unsung.audio.read import sha256_file
from unsung.errors import ManifestError
from unsung.runtime import load_bundle
from unsung.training import default
from unsung.training.measure import equalise, heard, shortcuts_of
from unsung.training.songs import (
    ALTERED,
    CONDITIONS,
    KINDS,
    MOVED,
    STRETCHED,
    altered,
    conditions,
    kind_of,
    read_songs,
)

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
    write_songs(folder, rng)
    out, results = folder / "bundle", folder / "results"
    default.main([
        "--data", str(folder / "music.csv"), "--songs", str(folder / "songs/songs.csv"),
        "--human", str(folder / "human"), "--out", str(out),
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
    # 30 excerpts, 3 tracks of the folder, 25 songs
    assert bundle.calibration["n_human"] == 58
    assert [part["n_human"] for part in bundle.calibration["strata"]] == [30, 28]
    assert bundle.variation is not None
    card = json.dumps(bundle.card["trained_on"])
    assert "pkg" in card
    assert "5 of them commercial recordings" in card
    assert bundle.trained_on(sha256_file(built / "00.wav"))
    assert bundle.trained_on(sha256_file(built / "human/pkg/song0.flac"))
    assert bundle.trained_on(sha256_file(built / "songs/0.wav"))
    assert not bundle.trained_on(sha256_file(built / "60.wav"))  # resynthesis
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


def test_what_is_learned_from_is_what_a_scan_measures(built):
    bundle = load_bundle(built / "bundle")
    sound = clip(np.random.default_rng(2), True, 47.0)
    found = heard(sound, bundle.front_ends)
    analyzer = bundle.analyzer(RATE)
    for start in range(0, len(sound), 7001):
        analyzer.push(sound[start : start + 7001])
    analysis = analyzer.finish()
    sizes = np.cumsum([f.channels * len(f.freqs_hz) for f in bundle.front_ends])[:-1]
    shape = [(f.channels, -1) for f in bundle.front_ends]
    means, rest = (
        [part.reshape(s) for part, s in zip(np.split(values, sizes), shape, strict=True)]
        for values in (found.means, found.deviations)
    )
    logit = bundle.linear.logit(means) + bundle.variation.logit(rest)
    assert analysis.logit - sum(
        analysis.evidence.terms.get(name, 0.0) for name in ("shifted lines",)
    ) == pytest.approx(logit, abs=2e-3)
    assert found.covered_s == pytest.approx(47.0, abs=0.1)


def test_a_sound_of_one_window_has_no_deviation():
    front_ends = default.ResidualLinear().front_ends
    assert np.isnan(heard(clip(np.random.default_rng(2), True, 9.0), front_ends).deviations).all()


def write_songs(folder, rng):
    """Ten owners: half human, half AI, five songs each but one, a symbolic and a partial one."""
    songs = folder / "songs"
    songs.mkdir()
    rows = []
    for number in range(50):
        ai = number % 10 >= 5
        soundfile.write(songs / f"{number}.wav", clip(rng, ai, 20.0), RATE)
        digest = sha256_file(songs / f"{number}.wav")
        rows.append({
            "path": f"{number}.wav", "label": "ai" if ai else "human", "generator": "",
            "family": "suno" * ai, "genre": "" if ai else "pop with vocals", "use": "full",
            "owner": f"owner {number % 10}", "fold": str(number % 5), "sha256": digest,
            "duration_s": "20", "codec": "PCM",
            "licence": "commercial recordings" * (number % 10 == 0),
        })  # fmt: skip
    rows.append(rows[-1] | {"family": "symbolic", "sha256": "0" * 64})
    rows.append(rows[-2] | {"label": "partial", "sha256": "1" * 64})
    rows.append(rows[0] | {"owner": "owner 0"})  # the same file twice
    with (songs / "songs.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_songs_are_read_once_and_divided_by_owner(built):
    songs = read_songs([built / "songs/songs.csv"])
    assert len(songs) == 50
    assert {s.track.family for s in songs if s.track.label == "ai"} == {"Suno"}
    assert {s.kind for s in songs if s.track.label == "human"} == {"songs with vocals"}
    copies = list(altered(songs))
    assert copies == list(altered(songs[::-1]))  # the same at every build
    chains = {chain for _, chain in copies}
    assert chains <= {*ALTERED, *STRETCHED, *MOVED}
    assert {t.label for t, chain in copies if chain in MOVED} == {"human", "ai"}
    assert {chain for _, chain in conditions(songs)} <= set(CONDITIONS)
    text = (built / "songs/songs.csv").read_text()
    (built / "songs/torn.csv").write_text(text.replace("owner 1,1", "owner 2,1"))
    with pytest.raises(ManifestError):
        read_songs([built / "songs/torn.csv"])


def test_kinds_of_human_music_follow_their_genre():
    assert kind_of("General MIDI metal") == "MIDI renders"
    assert kind_of("something else") == "other"
    assert len(KINDS) >= 5


def test_the_page_of_songs_holds_every_table(built):
    rows = [json.loads(line) for line in (built / "results/songs.jsonl").read_text().splitlines()]
    best = next(r for r in rows if r["metric"] == "auc" and r["detector"] == "default")
    assert best["value"] > 0.9
    assert (best["n_tracks"], best["n_groups"]) == (53, 11)
    page = (built / "results/songs.md").read_text()
    assert "| Udio | not measured |" in page
    assert "| songs with vocals | 25 |" in page


def test_shortcuts_see_what_they_say():
    rng = np.random.default_rng(3)
    sound = 0.1 * rng.standard_normal(2 * RATE).astype("f4")
    seconds, rms_db, *_, dc, _floor = shortcuts_of(sound + 0.05, RATE)
    assert seconds == 2.0
    assert rms_db == pytest.approx(20 * np.log10(np.hypot(0.1, 0.05)), abs=0.2)
    assert dc == pytest.approx(0.05 / np.hypot(0.1, 0.05), abs=0.02)
