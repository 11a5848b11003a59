# SPDX-License-Identifier: MIT
"""Every option that writes, on every kind of thing that may stand at its path: nothing is lost."""

from __future__ import annotations

import csv
import os
import sqlite3
import stat
import sys
import typing
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from click.testing import CliRunner

from unsung.cli import app
from unsung.data.manifests import write_manifest
from unsung.types import Track

from .test_stops import verbs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and links of Unix")

READ = {
    *("calibration", "keys_file", "against", "gallery", "model", "manifest", "scores", "data"),
    *("source", "runtime", "partner", "songs", "like", "midi", "soundfont", "folder", "path"),
    "spool",  # a new folder of its own name is made in it
}
"""Options and arguments of paths that are read; all others write."""

NEEDS = {  # option: its extension, words before it (S a song, L labels, M a manifest, N a new name)
    "scan --parquet": (".parquet", "S"),
    "scan --report": ("", "S"),
    "scan --resume": (".jsonl", "S"),
    "scan --catalogue": ("", "S"),
    "explain --output": ("", "S"),
    "fingerprint --save": (".npz", "L"),
    "fingerprint --report": ("", "L"),
    "instruments --report": ("", "S"),
    "evaluate --output": (".jsonl", "L"),
    "evaluate --resume": (".jsonl", "L"),
    "calibrate --output": (".json", "S"),
    "calibrate --resume": (".jsonl", "S -o N.json"),
    "descriptors --out": (".csv", "M"),
    "train --out": ("", "deezer_cnn --data M"),
    "diff --out": ("", "default fast --data L"),
    "export --output": ("", "S --detector default"),
    "demo --output": ("", ""),
    "web --output": ("", ""),
    "web --extension": ("", ""),
    "attack --output": (".wav", "S --with gain"),
    "stress --report": ("", "S --with gain"),
    "stress --resume": (".jsonl", "S --with gain"),
    "reproduce --out": ("", "robustness --data music=M"),
    "data fetch --output": ("", "fakemusiccaps"),
    "data build --output": (".jsonl", "L"),
    "data build --cache": (".sqlite", "L -o N.jsonl"),
    "data check --cache": (".sqlite", "M"),
    "data split --output": (".jsonl", "M"),
    "data split --cache": (".sqlite", "M -o N.jsonl"),
    "data stats --report": ("", "M"),
    "data sample --output": (".jsonl", "M -n 1"),
    "data sample --copy": ("", "M -n 1 -o N.jsonl"),
    "data frames --output": ("", "M"),
    "data export --output": (".csv", "M --to csv"),
    "synth resynthesise --output": ("", "S --with lyra"),
    "synth generate --output": ("", "--n 1 --with musicgen"),
    "synth prompts --output": (".jsonl", "--n 1"),
    "synth prompts --cache": ("", "--n 1 -o N.jsonl"),
    "synth lyrics --cache": ("", "rain"),
    "synth instruments --output": ("", "--n 1"),
    "weights fetch --to": ("", "sonics/spectttra-beta-5s"),
    "weights pull --to": ("", "owner/name"),
    "weights convert --to": ("", "S --detector deezer_cnn"),
}


def writing():
    """Yield the words of every option that writes a path, from the command tree."""
    for words, command in verbs(typer.main.get_command(app)):
        hints = typing.get_type_hints(command.callback)
        for option in command.params:
            hint = hints.get(option.name)
            if (hint is Path or Path in typing.get_args(hint)) and option.name not in READ:
                yield " ".join((*words, option.opts[0]))


def _song(path):
    soundfile.write(path, 0.1 * np.random.default_rng(1).standard_normal(16000), 8000, "PCM_16")
    return path


@pytest.fixture
def given(tmp_path):
    """Inputs of every command, by the letter that `NEEDS` calls them."""
    here = tmp_path / "given"
    here.mkdir()
    song = _song(here / "song.wav")
    with (here / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "label", "score"], [song.name, "human", 0.5]])
    write_manifest(here / "m.jsonl", "m", "1", [Track("a", str(song), "human")])
    return {
        "S": song,
        "L": here / "labels.csv",
        "M": here / "m.jsonl",
    }


def _things(given, read):
    """Yield how somebody's own thing comes to stand at a path."""
    yield "text", lambda at: at.write_text("dear diary\n")
    yield "json", lambda at: at.write_text('{"path": "a song", "key": 1}')  # no line end
    yield "database", _database
    yield "audio", lambda at: at.write_bytes(given["S"].read_bytes())
    yield "zeros", lambda at: at.write_bytes(bytes(64))
    yield "pipe", os.mkfifo
    yield "folder", lambda at: (at.mkdir(), (at / "diary.txt").write_text("dear"))
    yield "loop", lambda at: at.symlink_to(at.name)
    for letter, path in read.items():
        yield f"link to {letter}", lambda at, path=path: at.symlink_to(path)
        yield f"name of {letter}", lambda at, path=path: at.hardlink_to(path)
    yield "link to none", lambda at: at.symlink_to("none/at all")


def _database(at):
    with closing(sqlite3.connect(at)) as base:
        base.executescript("CREATE TABLE facts (fact TEXT); INSERT INTO facts VALUES ('dear')")


def _state(folder):
    """Return of everything below a folder: mode, time of change, content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        of = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(of.st_mode) else None
        when = 0 if stat.S_ISDIR(of.st_mode) else of.st_mtime_ns
        found[path.relative_to(folder)] = (of.st_mode, of.st_ino, when, content)
    return found


def _run(name, given, at):
    verb, _, option = name.rpartition(" ")
    new = at.with_name("new")
    before = [
        str(given.get(word, word.replace("N.", f"{new}."))) for word in NEEDS[name][1].split()
    ]
    done = CliRunner().invoke(
        typer.main.get_command(app), [*verb.split(), *before, option, str(at)]
    )
    assert done.exit_code in (0, 1, 2), done.output
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert "unexpected" not in done.output, done.output
    return done


@pytest.fixture
def apart(tmp_path, monkeypatch):
    """Nothing outside the test's own folder is reached."""

    def closed(*_):
        raise ConnectionRefusedError("no network in tests")

    monkeypatch.setattr("socket.socket.connect", closed)
    monkeypatch.setattr("socket.getaddrinfo", closed)
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_every_option_that_writes_is_known_here():
    assert set(writing()) == set(NEEDS)


@pytest.mark.parametrize("name", NEEDS)
def test_what_stands_at_the_path_stays(name, given, apart, tmp_path):
    end, words = NEEDS[name]
    read = {letter: path for letter, path in given.items() if letter in words.split()}
    for what, put in _things(given, read):
        for extension in {end, ".txt", ".mp3"} if what == "text" and end else {end}:
            out = tmp_path / "out" / what
            out.mkdir(parents=True, exist_ok=True)
            at = out / f"o{extension}"
            put(at)
            before = _state(tmp_path / "given"), _state(out)
            done = _run(name, given, at)
            free = what == "link to none" or (what == "folder" and not end)
            assert done.exit_code or free, (what, done.output)
            assert before[0] == _state(tmp_path / "given"), (what, done.output)
            assert before[1].items() <= _state(out).items(), (what, done.output)
            if what == "text":  # refused for this path, not for another word of the command
                assert str(at) in done.output.replace("\n", "")


WHOLE = [
    *(f"scan {option}" for option in ("--parquet", "--report", "--resume", "--catalogue")),
    *("explain --output", "attack --output", "stress --report", "stress --resume"),
    *(f"data {rest}" for rest in ("build --output", "split --output", "stats --report")),
    *(f"data {rest}" for rest in ("sample --copy", "frames --output", "export --output")),
    "synth prompts --output",
]
"""Options whose commands run to their end here."""


@pytest.mark.parametrize("name", WHOLE)
def test_every_name_that_a_command_writes_is_looked_at(name, given, apart, tmp_path):
    """What it wrote once is replaced by somebody's text, one file after another."""
    first = tmp_path / "first"
    first.mkdir()
    end = NEEDS[name][0]
    assert _run(name, given, first / f"o{end}").exit_code == 0
    made = [path.relative_to(first) for path in first.rglob("*") if path.is_file()]
    assert made
    for number, inner in enumerate(sorted(made)):
        out = tmp_path / str(number)
        (out / inner).parent.mkdir(parents=True)
        (out / inner).write_text("dear diary")
        before = _state(out)
        done = _run(name, given, out / f"o{end}")
        assert before.items() <= _state(out).items(), (inner, done.output)


@pytest.mark.parametrize("name", WHOLE)
def test_own_outputs_are_replaced_unless_protected(name, given, apart, tmp_path):
    at = tmp_path / f"o{NEEDS[name][0]}"
    assert _run(name, given, at).exit_code == 0
    diaries = [folder / "diary.txt" for folder in (at, *at.rglob("*")) if folder.is_dir()]
    for diary in diaries:
        diary.write_text("dear")
    again = _run(name, given, at)
    assert again.exit_code == 0, again.output
    assert all(diary.read_text() == "dear" for diary in diaries)
    made = [at] if at.is_file() else [path for path in at.rglob("*") if path.is_file()]
    for path in made:
        path.chmod(0o444)
    before = _state(at.parent)
    done = _run(name, given, at)
    assert done.exit_code == 2, done.output
    assert before.items() <= _state(at.parent).items(), done.output
