# SPDX-License-Identifier: MIT
"""The Picard plugin against a minimal stub of the documented API of Picard 2; not Picard itself."""

import importlib.util
import json
import subprocess
import sys
import types
from pathlib import Path

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "integrations" / "picard" / "unsung" / "__init__.py"


class Metadata(dict):
    """Like Picard's: deleting what is not there is no error."""

    def delete(self, name):
        self.pop(name, None)


class File:
    def __init__(self, filename):
        self.filename, self.metadata, self.updates = filename, Metadata(), 0

    def update(self):
        self.updates += 1


class Window:
    def __init__(self):
        self.messages = []

    def set_statusbar_message(self, message, *args):
        self.messages.append(message % args[0] if args else message)


class Tagger:
    def __init__(self):
        self.window = Window()

    def get_files_from_objects(self, objects):
        return list(dict.fromkeys(objects))


def run_task(func, next_func=None):
    """As in Picard: the result or the error of the task goes to the callback by keyword."""
    try:
        result = func()
    except BaseException as error:
        next_func(error=error)
    else:
        next_func(result=result)


@pytest.fixture
def plugin(monkeypatch):
    registered = {}
    log = types.SimpleNamespace(
        lines=[],
        error=lambda *words: log.lines.append(words),
        warning=lambda *words: log.lines.append(words),
    )

    class BaseAction:
        NAME = "Unknown"

        def __init__(self):
            self.tagger = Tagger()

    names = ("album", "cluster", "file", "track")
    modules = {
        "picard": types.SimpleNamespace(log=log),
        "picard.ui": types.ModuleType("picard.ui"),
        "picard.ui.itemviews": types.SimpleNamespace(
            BaseAction=BaseAction,
            **{f"register_{n}_action": (lambda a, n=n: registered.update({n: a})) for n in names},
        ),
        "picard.util": types.SimpleNamespace(thread=types.SimpleNamespace(run_task=run_task)),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    spec = importlib.util.spec_from_file_location("picard_unsung", PLUGIN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.registered, module.log_lines = registered, log.lines
    return module


def rows(monkeypatch, plugin, found, code=0, message=""):
    calls = []

    def run(call, **_):
        calls.append(call)
        text = "".join(json.dumps(row) + "\n" for row in found)
        return subprocess.CompletedProcess(call, code, stdout=text, stderr=message)

    monkeypatch.setattr(plugin.subprocess, "run", run)
    monkeypatch.setattr(plugin.shutil, "which", lambda name: f"/programs/{name}")
    return calls


ROW = {"verdict": "ai", "probability": 0.92, "logit": 1.5, "calibration": "some pages",
       "reason": "", "detector": "default-2@abc", "error": None}  # fmt: skip


def test_it_states_what_picard_asks_for(plugin):
    assert plugin.PLUGIN_NAME == "unsung"
    assert plugin.PLUGIN_LICENSE == "MIT"
    assert all(version.startswith("2.") for version in plugin.PLUGIN_API_VERSIONS)
    assert set(plugin.registered) == {"album", "cluster", "file", "track"}


def test_verdicts_become_hidden_variables_that_are_never_saved(plugin, monkeypatch):
    calls = rows(
        monkeypatch,
        plugin,
        [{**ROW, "path": "a b.mp3"}, {**ROW, "path": "c.mp3", "verdict": "human"}],
    )
    files, action = [File("a b.mp3"), File("c.mp3")], plugin.registered["file"]
    action.callback(files)
    assert calls[0][1:] == ["scan", "--json", "--quiet", "--", "a b.mp3", "c.mp3"]
    assert files[0].metadata["~unsung_verdict"] == "ai"
    assert files[0].metadata["~unsung_calibration"] == "some pages"
    assert "~unsung_reason" not in files[0].metadata
    assert all(name.startswith("~") for name in files[0].metadata)
    assert [file.updates for file in files] == [1, 1]
    assert action.tagger.window.messages[-1] == "unsung: 1 ai, 1 human"


def test_an_older_verdict_goes(plugin, monkeypatch):
    file = File("a.mp3")
    file.metadata["~unsung_reason"] = "older"
    rows(monkeypatch, plugin, [{**ROW, "path": "a.mp3"}])
    plugin.registered["track"].callback([file])
    assert "~unsung_reason" not in file.metadata


def test_failed_files_and_a_missing_program_are_told(plugin, monkeypatch):
    error = {"type": "NotAudio", "message": "100 % a web page"}
    rows(monkeypatch, plugin, [{**ROW, "path": "a.mp3", "verdict": None, "error": error}], code=1)
    file, action = File("a.mp3"), plugin.registered["file"]
    action.callback([file])
    assert action.tagger.window.messages[-1] == "unsung: 1 failed"
    assert not file.metadata
    rows(monkeypatch, plugin, [], code=2, message="error: 100 % wrong")
    action.callback([file])
    assert action.tagger.window.messages[-1] == "unsung: error: 100 % wrong"
    monkeypatch.setattr(plugin.shutil, "which", lambda _: None)
    action.callback([file])
    assert "no program 'unsung'" in action.tagger.window.messages[-1]


def test_nothing_selected_does_nothing(plugin):
    action = plugin.registered["album"]
    action.callback([])
    assert action.tagger.window.messages == []


@pytest.mark.slow
def test_with_the_real_program(plugin, pair, sounds, tmp_path, monkeypatch):
    for name, value in sounds.surroundings(tmp_path / "programs").items():
        monkeypatch.setenv(name, value)
    files = [File(str(path)) for path in pair]
    plugin.registered["file"].callback(files)
    assert files[1].metadata["~unsung_verdict"] == "ai"
    assert files[0].metadata["~unsung_verdict"] != "ai"
