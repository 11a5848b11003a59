# SPDX-License-Identifier: MIT
"""Fingerprints: planted combs are found, named and heard; noise has none; bad input is named."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from unsung.errors import ManifestError, NotFinite, SilentAudio, TooShort, UnsungError, UsageError
from unsung.fingerprints import attribution, compare, load_gallery, read_tracks, render, save
from unsung.fingerprints.spectra import (
    AXIS_HZ,
    PACKETS_HZ,
    STFT_HZ,
    TrackSpectra,
    measure_clip,
)
from unsung.fingerprints.survey import attribute, survey
from unsung.fingerprints.tree import correlations, similarity_tree
from unsung.types import Track

from .makers import RATE_HZ, SECONDS, sound, spectra, write_table

TRACK = Track(id="a", path="a.wav", label="ai", generator="made-up")


@pytest.fixture(scope="module")
def humans() -> list[TrackSpectra]:
    return [spectra("human", seed, fold=str(seed % 2)) for seed in range(6)]


@pytest.fixture(scope="module")
def fifty() -> list[TrackSpectra]:
    return [spectra("fifty", 20 + s, 50.0, fold=str(s % 2)) for s in range(6)]


@pytest.fixture(scope="module")
def hundred() -> list[TrackSpectra]:
    return [spectra("eighty", 40 + s, 80.0, fold=str(s % 2)) for s in range(6)]


def test_a_steady_tone_stands_at_its_hertz_in_all_three_spectra() -> None:
    t = np.arange(int(SECONDS * RATE_HZ)) / RATE_HZ
    tone = (0.1 * np.sin(2 * np.pi * 3000 * t) + sound(1) * 0.02).astype(np.float32)
    found = measure_clip(tone, RATE_HZ, TRACK)
    # Both bins of the main lobe beside it reach the clip as well.
    assert AXIS_HZ[int(np.nanargmax(found.residual_db))] == pytest.approx(3000, abs=1)
    assert STFT_HZ[int(np.nanargmax(found.stft_db))] == 3000
    # A Haar packet leaks, but its own band is the fullest: 0.67 Hz wide at 22 050 Hz.
    assert PACKETS_HZ[int(np.nanargmax(found.packets))] == pytest.approx(3000, abs=1.0)
    assert np.isnan(found.residual_db[AXIS_HZ > RATE_HZ / 2]).all()
    assert np.isfinite(found.residual_db[AXIS_HZ <= RATE_HZ / 2]).all()


def test_spectra_do_not_depend_on_loudness() -> None:
    loud = measure_clip(sound(3), RATE_HZ, TRACK)
    quiet = measure_clip(sound(3) * 0.1, RATE_HZ, TRACK)
    held = np.isfinite(loud.residual_db)
    np.testing.assert_allclose(loud.residual_db[held], quiet.residual_db[held], atol=1e-2)
    np.testing.assert_allclose(loud.packets[:5000], quiet.packets[:5000], rtol=1e-3)


def test_bad_sound_is_named() -> None:
    with pytest.raises(TooShort, match="needs 2 s"):
        measure_clip(sound(0)[:RATE_HZ], RATE_HZ, TRACK)
    with pytest.raises(SilentAudio):
        measure_clip(np.zeros(RATE_HZ * 3, np.float32), RATE_HZ, TRACK)
    with pytest.raises(NotFinite):
        measure_clip(np.full(RATE_HZ * 3, np.nan, np.float32), RATE_HZ, TRACK)


def test_lines_are_found_where_they_were_planted(humans, fifty) -> None:
    found = compare.fingerprint("fifty", fifty, compare.reference(humans))
    assert found.comb.spacing_hz == pytest.approx(50.0, abs=0.02)
    assert found.tracks_with_comb >= 5
    assert found.n_recordings == 6
    teeth = AXIS_HZ % 50 == 0
    band = AXIS_HZ <= 7900
    assert (found.q_value <= 0.05)[teeth & band].mean() > 0.9
    away = np.minimum(AXIS_HZ % 50, 50 - AXIS_HZ % 50) > 12
    assert (found.q_value <= 0.05)[away & band].mean() < 0.02
    assert all(line.predicted and line.hz % 50 in (0, 1, 49) for line in found.lines[:20])


def test_noise_like_human_noise_is_insignificant(humans) -> None:
    others = [spectra("noise", seed) for seed in range(60, 65)]
    found = compare.fingerprint("noise", others, compare.reference(humans))
    assert not found.comb.found and found.tracks_with_comb == 0
    assert found.significant < 0.01


def test_welch_is_scipys() -> None:
    import scipy.stats

    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((5, 40)), rng.standard_normal((9, 40)) * 2 + 0.5
    twin = scipy.stats.ttest_ind(a, b, equal_var=False).pvalue
    mine = compare._welch(
        a.mean(0) - b.mean(0),
        a.var(0, ddof=1) / 5,
        b.var(0, ddof=1) / 9,
        np.full(40, 4.0),
        np.full(40, 8.0),
    )
    np.testing.assert_allclose(mine, twin, rtol=1e-9)


def test_a_recording_counts_once(humans, fifty) -> None:
    human = compare.reference(humans)
    one = compare.fingerprint("fifty", fifty[:1] * 5, human)
    assert (one.n_tracks, one.n_recordings) == (5, 1)
    assert one.significant == 0 and (one.q_value == 1).all()


def test_too_few_humans_are_refused(humans) -> None:
    with pytest.raises(UsageError, match="at least 3 human"):
        compare.reference(humans[:2])
    with pytest.raises(UsageError, match="at least one track"):
        compare.fingerprint("none", [], compare.reference(humans))


def test_one_name_under_two_labels_stays_two(humans, fifty) -> None:
    again = [replace(s, track=replace(s.track, label="resynth", generator="fifty")) for s in fifty]
    prints = compare.fingerprint_all([*fifty, *again], compare.reference(humans))
    assert [p.name for p in prints] == ["fifty (ai)", "fifty (resynth)"]


def test_correlation_is_numpys_on_common_bins() -> None:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((3, len(AXIS_HZ)))
    rows[2, AXIS_HZ > 4000] = np.nan
    found = correlations(list(rows))
    low = AXIS_HZ <= 8000
    assert found[0, 1] == pytest.approx(np.corrcoef(rows[0, low], rows[1, low])[0, 1])
    both = AXIS_HZ <= 4000
    assert found[0, 2] == pytest.approx(np.corrcoef(rows[0, both], rows[2, both])[0, 1])


def test_tree_joins_equal_decoders_first(humans, fifty, hundred) -> None:
    human = compare.reference(humans)
    prints = [
        compare.fingerprint("fifty-a", fifty[:3], human),
        compare.fingerprint("eighty-a", hundred[:3], human),
        compare.fingerprint("fifty-b", fifty[3:], human),
        compare.fingerprint("eighty-b", hundred[3:], human),
    ]
    tree = similarity_tree(prints)
    assert len(tree.joins) == 3
    pairs = {tree.leaves[:2], tree.leaves[2:]}
    assert {frozenset(pair) for pair in pairs} == {
        frozenset({"fifty-a", "fifty-b"}),
        frozenset({"eighty-a", "eighty-b"}),
    }
    nearest = sorted(join.distance for join in tree.joins)
    assert nearest[1] < 0.5 < nearest[2]
    with pytest.raises(UsageError, match="at least two"):
        similarity_tree(prints[:1])


def test_attribution_names_the_decoder_and_leaves_strangers_unknown(humans, fifty, hundred) -> None:
    gallery = attribution.build_gallery([*humans, *fifty, *hundred])
    assert gallery.attribute(spectra("fifty", 99, 50.0)).family == "fifty"
    assert gallery.attribute(spectra("eighty", 98, 80.0)).generator == "eighty"
    stranger = gallery.attribute(spectra("human", 97))
    assert stranger.score < 0.5 * gallery.attribute(spectra("fifty", 99, 50.0)).score
    strict = replace(gallery, threshold=stranger.score)
    assert strict.attribute(spectra("human", 97)).family == attribution.UNKNOWN
    assert len(stranger.ranking) == 2


def test_held_out_attribution_by_fold(humans, fifty, hundred) -> None:
    everything = [*humans, *fifty, *hundred]
    outcomes = attribution.cross_attribute(everything, [s.track.split for s in everything])
    assert len(outcomes) == 18
    assert all(o.given == o.family for o in outcomes if o.known)
    assert all(not o.known for o in outcomes if o.label == "human")
    with pytest.raises(UsageError, match="two folds"):
        attribution.cross_attribute(everything, ["0"] * 18)
    with pytest.raises(UsageError, match="human tracks"):
        attribution.build_gallery(fifty)
    with pytest.raises(UsageError, match="generator"):
        attribution.build_gallery(humans)


def test_sound_holds_the_lines_at_a_safe_level(humans, fifty) -> None:
    found = compare.fingerprint("fifty", fifty, compare.reference(humans))
    clip = render(found, 2.0)
    assert clip.samples.shape == (1, 64000) and clip.sample_rate_hz == 32000
    rms_db = 10 * math.log10(float(np.mean(np.square(clip.samples))))
    assert -26 < rms_db <= -23.9
    assert np.abs(clip.samples).max() <= 10 ** (-3 / 20) + 1e-6
    assert abs(clip.samples[0, 0]) < 1e-6 and abs(clip.samples[0, -1]) < 1e-3
    np.testing.assert_array_equal(render(found, 2.0).samples, clip.samples)
    power = np.abs(np.fft.rfft(clip.samples[0])) ** 2
    hz = np.arange(len(power)) / 2.0
    teeth = (hz % 50 == 0) & (hz > 900) & (hz < 7000)
    between = (hz % 50 == 25) & (hz > 900) & (hz < 7000)
    assert np.mean(power[teeth]) > 30 * np.mean(power[between])
    with pytest.raises(UsageError, match="seconds"):
        render(found, 100.0)


def test_survey_of_a_table_saves_and_reads_back(tmp_path: Path) -> None:
    rows = [("human", s, 0.0, str(s % 2)) for s in range(6)]
    rows += [("fifty", 20 + s, 50.0, str(s % 2)) for s in range(6)]
    table = write_table(tmp_path, rows)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    with table.open("a") as file:
        file.write("broken.wav,ai,fifty,fifty,page0-fifty,broken,0\n")
    found = survey(table)
    assert [p.name for p in found.fingerprints] == ["fifty"]
    assert found.tree is None and found.human_source == "music.csv"
    assert len(found.failed) == 1 and "broken.wav" in found.failed[0][0]
    assert len(found.outcomes) == 12
    save(found, tmp_path / "out" / "gallery.npz")
    gallery, human = load_gallery(tmp_path / "out" / "gallery.npz")
    assert gallery.names == ("fifty",) and human.n_tracks == 6
    assert found.gallery is not None
    np.testing.assert_allclose(gallery.difference_db, found.gallery.difference_db, atol=0.02)
    named = attribute(str(tmp_path / "fifty-20.wav"), gallery)
    assert (named.family, named.generator) == ("fifty", "fifty")
    save(found, tmp_path / "figures.json")
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures[0]["comb"]["found"] and figures[0]["tracks"] == 6


def test_a_folder_takes_subfolders_as_generators(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        soundfile.write(tmp_path / name / "x.wav", sound(1), RATE_HZ)
    assert [t.generator for t in read_tracks(tmp_path)] == ["a", "b"]


def test_bad_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="found none"):
        read_tracks(tmp_path)
    with pytest.raises(ManifestError, match="found nothing"):
        read_tracks(tmp_path / "missing")
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    with pytest.raises(UnsungError, match="at least one readable"):
        survey(tmp_path)
    table = tmp_path / "human.csv"
    table.write_text("path,label\nbad.wav,human\n")
    with pytest.raises(UsageError, match="only human"):
        survey(table)


def test_bad_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "g.npz").write_bytes(b"nothing")
    with pytest.raises(UsageError, match="expected a gallery"):
        load_gallery(tmp_path / "g.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(UsageError, match="expected a gallery"):
        load_gallery(tmp_path / "other.npz")
