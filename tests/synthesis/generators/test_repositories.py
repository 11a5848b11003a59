# SPDX-License-Identifier: MIT
"""YuE, YuE2 and ACE-Step against stand-ins with the same arguments and output files."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from unsung.errors import UsageError
from unsung.synthesis.generators.base import GeneratorError, NotReady, build
from unsung.synthesis.generators.yue import genre, sung
from unsung.synthesis.lyrics import parse
from unsung.synthesis.prompts import Plan, Prompt, auto_prompts

_spec = importlib.util.spec_from_file_location("fakes", Path(__file__).with_name("fakes.py"))
fakes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fakes)

WORDS = "[verse]\nOne line\n\n[pre-chorus]\nTwo lines\n\n[chorus]\nThree lines"
PLACES = {
    "yue": ("inference/infer.py", fakes.YUE),
    "yue2": ("examples/generate.py", fakes.YUE2),
    "ace_step": ("acestep/pipeline_ace_step.py", fakes.ACE_STEP),
}


@pytest.fixture
def clone(tmp_path, monkeypatch):
    for place, text in PLACES.values():
        path = tmp_path / "clone" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setenv("UNSUNG_TEST_LOG", str(tmp_path / "log"))
    return tmp_path / "clone"


def made(clone, name, prompt, seed=1, duration_s=2.0, **settings):
    generator = build(name, {"repository": str(clone), **settings})
    generator.check()
    return generator.generate(prompt, seed, duration_s)


def log(clone):
    return ast.literal_eval(
        (clone.parent / "log").read_text().replace("PosixPath(", "(").replace("WindowsPath(", "(")
    )


SONG = Prompt("a", "full", "calm folk", WORDS, genre="folk", mood="calm", vocal="choir vocals")


@pytest.mark.parametrize(
    ("name", "rate", "channels"), [("yue", 44100, 1), ("yue2", 48000, 2), ("ace_step", 48000, 2)]
)
def test_seed_length_and_provenance(clone, name, rate, channels):
    clip = made(clone, name, SONG)
    assert clip.sample_rate_hz == rate
    assert clip.samples.shape[0] == channels
    assert clip.duration_s <= 2.0
    assert np.ptp(clip.samples) > 0.1
    assert (made(clone, name, SONG).samples == clip.samples).all()
    assert (made(clone, name, SONG, seed=2).samples[:, :1000] != clip.samples[:, :1000]).any()


@pytest.mark.parametrize("name", PLACES)
def test_program_errors_keep_their_words(clone, name):
    crash = Prompt("a", "full", "crash", WORDS)
    with pytest.raises(GeneratorError, match="CUDA out of memory"):
        made(clone, name, crash)


@pytest.mark.parametrize("name", PLACES)
def test_absent_repository_says_how_to_get_it(tmp_path, name):
    for settings in ({}, {"repository": str(tmp_path)}):
        with pytest.raises(NotReady, match=r"get it: git clone .*--set repository=FOLDER"):
            build(name, settings).check()


def test_absent_python_is_named(clone):
    with pytest.raises(NotReady, match=r"no-python' could not be started"):
        made(clone, "yue", SONG, python=str(clone / "no-python"))


def test_yue_sings_every_section(clone):
    clip = made(clone, "yue", SONG, duration_s=90.0)
    genres, found, asked = log(clone)
    assert genres == "folk calm choir vocals"
    assert [name for name, _ in found] == ["verse", "verse", "chorus", "outro"]
    assert asked["run_n_segments"] == 3
    assert asked["seed"] == 1
    assert clip.duration_s == pytest.approx(3.0, abs=0.06)  # a second a section; mp3 pads a little
    assert found[1][1].strip() == "Two lines"


def test_yue_without_a_mixed_song_is_an_error(clone):
    with pytest.raises(GeneratorError, match="without a mixed song"):
        made(clone, "yue", Prompt("a", "full", "mute", WORDS))


def test_yue_needs_lyrics(clone):
    for name in ("yue", "yue2"):
        with pytest.raises(UsageError, match="needs lyrics"):
            made(clone, name, Prompt("a", "full", "calm"))


def test_yue_tags_fit_a_file_name():
    long = Prompt("a", "full", "x", genre="R&B/soul", instruments=("very long name",) * 60)
    assert len(genre(long).encode()) <= 120
    assert "/" not in genre(long)
    assert genre(Prompt("a", "full", "just a style")) == "just a style"


def test_embedded_lyrics_suit_yue():
    for prompt in auto_prompts(20, Plan(style_format="tags")):
        names = [part.name for part in parse(sung(prompt))]
        assert set(names) <= {"verse", "chorus", "bridge", "outro"}
        assert sung(prompt).rstrip().endswith("[outro]")


def test_yue2_request_and_options(clone):
    made(clone, "yue2", SONG, seed=5, revision="abc", vae_revision="def", cot="melody")
    request, asked = log(clone)
    assert request == {"style": "calm folk", "lyrics": WORDS, "seed": 5, "cot": "melody"}
    assert (asked["revision"], asked["vae_revision"]) == ("abc", "def")
    with pytest.raises(UsageError, match="expected cot"):
        build("yue2", {"cot": "some"})


def test_yue2_song_cut_at_the_token_limit_is_kept(clone):
    assert made(clone, "yue2", Prompt("a", "full", "long", WORDS)).duration_s == 2.0


def test_ace_step_call(clone):
    made(clone, "ace_step", SONG, model="/weights", cpu_offload="true")
    prompt, words, load = log(clone)
    assert (prompt, words) == ("folk, calm, choir vocals", WORDS)
    assert load == ("/weights", "bfloat16", True)
    made(clone, "ace_step", Prompt("b", "full", "calm"))
    assert log(clone)[1] == "[instrumental]"
