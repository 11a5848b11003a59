# SPDX-License-Identifier: MIT
"""Every registered generator: says what it is and needs, takes settings, refuses nonsense."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from unsung import registry
from unsung.errors import MissingExtra, UnknownName, UnsungError, UsageError
from unsung.synthesis.generators.base import Generator, NotReady, build, survey
from unsung.synthesis.prompts import Prompt

NAMES = registry.names("generators")


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def test_there_are_some():
    assert {"musicgen", "stable_audio_open", "yue", "riffusion", "command"} <= set(NAMES)


def test_says_what_it_is(name):
    kind = registry.get("generators", name)
    assert issubclass(kind, Generator)
    assert kind.info.title and kind.info.licence and kind.info.needs
    assert kind.info.style_format in ("sentence", "tags")
    assert 0 < kind.info.default_s <= kind.info.longest_s
    assert registry.summary("generators", name)
    if name != "command":
        assert kind.info.family and kind.info.citation and kind.info.homepage.startswith("https://")


def test_every_setting_is_stated_and_kept(name):
    import inspect

    kind = registry.get("generators", name)
    parameters = [p for p in inspect.signature(kind.__init__).parameters if p != "self"]
    generator = build(name)
    assert sorted(generator.settings) == sorted(parameters)
    assert json.loads(json.dumps(generator.settings)) == generator.settings
    documented = inspect.getdoc(kind) or ""
    assert all(f"{parameter}:" in documented for parameter in parameters)


def test_unknown_settings_are_refused(name):
    with pytest.raises(UnknownName, match=f"setting of {name}"):
        build(name, {"nonsense": "1"})


def test_check_passes_or_says_what_to_do(name):
    try:
        build(name).check()
    except MissingExtra as error:
        assert "pip install" in str(error)
    except NotReady as error:
        assert any(word in str(error) for word in ("get it:", "write", "install"))


@pytest.mark.parametrize("length_s", [0.0, -1.0, 1e6, float("nan")])
def test_impossible_lengths_are_refused_before_any_work(name, length_s):
    with pytest.raises(UsageError, match="expected a length"):
        build(name).generate(Prompt("a", "full", "calm"), 0, length_s)


def test_what_cannot_run_is_our_error(name):
    generator = build(name)
    try:
        generator.check()
    except UnsungError:
        with pytest.raises(UnsungError):
            generator.generate(Prompt("a", "full", "calm", "[verse]\nLa"), 0, 1.0)


def test_survey_lists_all():
    assert [row[0] for row in survey()] == NAMES


def test_listing_loads_no_torch():
    code = (
        "import sys; from unsung.synthesis.generators.base import survey; survey(); "
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
