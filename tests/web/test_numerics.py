# SPDX-License-Identifier: MIT
"""The page's numerics against Python: the same sound, the same numbers and words."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from unsung.audio import read_clip
from unsung.audio.mixing import MixMeter
from unsung.audio.signals import noise
from unsung.reports import words
from unsung.runtime import Bundle, load_bundle
from unsung.types import Score
from unsung.web import constants
from unsung.web.runtime import sources

from .golden import NODE, PRIOR, RATE, STRIDES, decoded, in_node, in_python, likenesses, sounds

pytestmark = pytest.mark.skipif(NODE is None, reason="no node to run the page's code")

AT_RATE, RESAMPLED = 1e-3, 5e-3
"""Largest difference in logits, at the detector's rate and through each side's resampler."""


@pytest.fixture(scope="module")
def both(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = sounds(bundle) | decoded(bundle.sample_rate_hz) | likenesses(bundle)
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


def test_families_agree(both: Any, bundle: Bundle) -> None:
    assert bundle.attribution is not None
    named = set()
    for name, (python, script, at_rate) in both.items():
        assert script["family"] == python["family"], name
        assert script["family_text"] == python["family_text"], name
        assert script["nearest"] == python["nearest"], name
        if python["family_scores"] is None:
            assert script["family_scores"] is None, name
        elif at_rate:
            assert script["family_scores"] == pytest.approx(python["family_scores"], abs=1e-3), name
        named.add(python["nearest"])
    assert named == {None, "unknown", *bundle.attribution.facts.families}
    assert both["shifted-lines"][1]["family"] == "unknown"
    assert both["like-Suno"][1]["family_text"].startswith("The traces resemble those of Suno.")


def test_combs_agree(both: Any, bundle: Bundle) -> None:
    found = 0
    for name, (python, script, _) in both.items():
        ours, theirs = python["evidence"], script["evidence"]
        if ours is None:
            assert theirs is None, name
            continue
        assert theirs["comb_hz"] == ours["comb_hz"], name
        comb = ours["comb"]
        if comb is None:
            assert theirs["comb"] is None, name
            continue
        assert theirs["comb"]["spacing_hz"] == comb["spacing_hz"], name
        assert theirs["comb"]["explained_by"] == list(comb["explained_by"]), name
        assert theirs["comb"]["strength"] == pytest.approx(comb["strength"], abs=1e-3), name
        ratio = theirs["comb"]["p_value"] / comb["p_value"]
        assert abs(np.log10(ratio)) < 0.05, name
        found += 1
    assert found >= 5
    comb = both["decoded"][1]["evidence"]["comb"]
    assert comb["spacing_hz"] == bundle.sample_rate_hz / np.prod(STRIDES)
    assert any("stride 160" in words for words in comb["explained_by"])


def test_stretches_agree(both: Any) -> None:
    kinds = set()
    for name, (python, script, at_rate) in both.items():
        if not at_rate:
            continue
        ours, theirs = python["segments"], script["segments"]
        assert len(theirs) == len(ours), name
        for mine, other in zip(ours, theirs, strict=True):
            assert other == pytest.approx(mine, abs=1e-3), name
        assert script["stretches_text"] == python["stretches_text"], name
        kinds.add(python["stretches_text"].split(" ")[0])
    assert {"", "The"} <= kinds <= {"", "The", "Measures"}


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
        limits = bundle.thresholds(RATE, script["covered_s"])
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


def test_a_second_linear_model_is_joined(bundle: Bundle, tmp_path: Path) -> None:
    """Bundles may hold a model of copies through rooms and codecs, and a limit for it."""
    folder = tmp_path / "bundle"
    shutil.copytree(bundle.path, folder)
    arrays = load_file(folder / "weights.safetensors")
    arrays["copies_baseline"] = np.array([1.5], np.float32)
    for label in (entry["input"] for entry in bundle.info["front_ends"]):
        arrays[f"{label}.copies_weight"] = arrays[f"{label}.weight"][..., ::-1].copy()
    save_file(arrays, folder / "weights.safetensors")
    info = json.loads((folder / "bundle.json").read_text())
    info["shift"] |= {"copies_limit": -1.0, "copies_spread": 0.8, "from_s": 0.0}
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    info["files"]["weights.safetensors"] = digest
    (folder / "bundle.json").write_text(json.dumps(info))
    second = load_bundle(folder)
    made = {name: sounds(bundle)[name] for name in ("golden-0", "shifted-lines")}
    found = in_node(second, made, tmp_path)
    raised = []
    for name, sound in made.items():
        python, plain = in_python(second, *sound), in_python(bundle, *sound)
        assert found[name]["logit"] == pytest.approx(python["logit"], abs=1e-3)
        terms = python["evidence"]["terms"]
        assert list(found[name]["evidence"]["terms"]) == list(terms)
        assert found[name]["evidence"]["terms"] == pytest.approx(terms, abs=1e-3)
        raised.append(python["logit"] - plain["logit"])
    # It speaks where it exceeds its limit, and leaves a track alone that is AI anyway.
    assert raised[0] > 0.1 > raised[1]


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


def test_channels_and_levels_are_mixed_as_in_python(tmp_path: Path) -> None:
    song, other = noise(1, 12.0, 44100, 0.1), noise(2, 12.0, 44100, 0.1)
    late = np.roll(song, 300)
    quiet = (song * 2e-3).astype(np.float32)
    made = {
        "mono": [song],
        "equal": [song, song],
        "left": [song, 0 * song],
        "unrelated": [song, other],
        "anti": [song, -song],
        "wide": [song + 2 * other, song - 2 * other],
        "mid": [song + 0.03 * other, 0.03 * other - song],
        "delay": [song, late],
        "six": [song, -song, 0.1 * other, 0 * song, 0 * song, 0 * song],
        "six-turned": [song, song, song, song, song, -song],
        "half": [song, song * np.where(np.arange(len(song)) < len(song) / 2, -1, 1)],
        "silent": [0 * song, 0 * song],
        **{f"gain{db}": [song * 10 ** (db / 20)] * 2 for db in (-60, -30, -12, 12, 30, 90, 150)},
        "coarse": [np.rint(quiet * 32768) / 32768],
        "clicks": [np.where(np.arange(len(song)) % 44100 == 0, np.float32(1e9), song)],
    }
    paths = []
    for name, channels in made.items():
        paths.append(str(tmp_path / f"{name}.wav"))
        soundfile.write(paths[-1], np.stack(channels, 1).astype(np.float32), 44100, "FLOAT")
    table = tmp_path / "constants.json"
    table.write_text(json.dumps(constants()), encoding="utf-8")
    done = subprocess.run(
        [str(NODE), str(sources() / "test" / "mix.mjs"), str(table)],
        input="\n".join(paths),
        capture_output=True,
        text=True,
        check=True,
    )
    for path, line in zip(paths, done.stdout.splitlines(), strict=True):
        found = json.loads(line)
        meter = MixMeter(44100, soundfile.info(path).channels)
        samples = read_clip(path).samples
        for at in range(0, samples.shape[1], 2 * 44100):
            meter.push(samples[:, at : at + 2 * 44100])
        mix = meter.mix()
        assert (found["channel"], found["gain"], found["difference"]) == (
            mix.channel, mix.gain, mix.difference,
        ), path  # fmt: skip
        assert bool(found["doubt"]) == bool(meter.doubt), path
        rms = np.sqrt(np.mean(np.square(mix(samples), dtype=np.float64)))
        assert found["rms"] == pytest.approx(rms, rel=1e-4), path
