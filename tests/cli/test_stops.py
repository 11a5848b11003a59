# SPDX-License-Identifier: MIT
"""However a command is ended: its exit code, whole outputs, nothing left behind, nobody left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import typer
from click.testing import CliRunner

import unsung
from unsung.cli import app

SOURCE = Path(unsung.__file__).parent.parent
STUBS = Path(__file__).parent.parent / "scanning"
SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
CODE = """
import catalogue_stub
from unsung.scanning import scan_rows
scan_rows.__kwdefaults__["load"] = catalogue_stub.load  # workers import the stub by it
from unsung.cli import app
app()
"""
"""`unsung` whose scans take text for sound."""

unix = pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")


def verbs(command, words=()):
    """Yield every command that runs, with the words that name it."""
    below = getattr(command, "commands", None)
    if below is None:
        yield words, command
        return
    for name, item in below.items():
        yield from verbs(item, (*words, name))


@pytest.mark.parametrize("number", SIGNALS)
def test_every_verb_ends_by_every_signal_with_its_code(number):
    root = typer.main.get_command(app)
    found = list(verbs(root))
    assert len(found) > 30
    for words, command in found:
        command.params = []
        command.callback = lambda: signal.raise_signal(number)
        done = CliRunner().invoke(root, words)
        assert done.exit_code == 128 + number, (words, done.output)
        assert len(done.stderr.strip().splitlines()) == 1, words


@pytest.fixture
def place(tmp_path):
    """Sixty texts as music, and a folder for temporary files."""
    (tmp_path / "tmp").mkdir()
    music = tmp_path / "music"
    music.mkdir()
    for number in range(60):
        (music / f"{number:02d}.wav").write_text(f"song {number}")
        os.utime(music / f"{number:02d}.wav", (1_700_000_000,) * 2)
    return tmp_path


def start(place, *words, stdin=subprocess.DEVNULL, wait_s=0.1):
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (SOURCE, STUBS))),
        "TMPDIR": str(place / "tmp"),
        "STUB_WAIT_S": str(wait_s),
    }
    return subprocess.Popen(
        [sys.executable, "-c", CODE, *map(str, words)],
        env=env,
        cwd=place,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def rows(path):
    return path.read_text().splitlines() if path.exists() else []


def until(true, limit_s=180.0):
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ended(process, *numbers):
    """Send signals, one right after the other; return exit code, output and messages."""
    below = psutil.Process(process.pid).children(recursive=True)
    for number in numbers:
        process.send_signal(number)
    out, err = process.communicate(timeout=180)
    assert psutil.wait_procs(below, timeout=60)[1] == []
    assert b"Traceback" not in err and b"Exception" not in err, err.decode()
    return process.returncode, out, err


IN_A_ROW = [
    (signal.SIGTERM, signal.SIGINT, signal.SIGTERM),
    *(pytest.param((number,), marks=pytest.mark.slow) for number in SIGNALS),
]
SCANS = {
    "one process": ["--resume", "s.jsonl", "--parquet", "s.parquet", "--jobs", "1"],
    "processes": ["--resume", "s.jsonl", "--parquet", "s.parquet", "--jobs", "2"],
    "catalogue": ["--catalogue", "out", "--jobs", "2"],
}


@unix
@pytest.mark.parametrize("numbers", IN_A_ROW, ids=str)
@pytest.mark.parametrize("options", SCANS.values(), ids=SCANS)
def test_a_scan_that_is_stopped_has_closed_everything(place, options, numbers):
    parquet = pytest.importorskip("pyarrow.parquet")
    process = start(place, "scan", "music", *options)
    lines = place / ("out/scores.jsonl" if "--catalogue" in options else "s.jsonl")
    until(lambda: len(rows(lines)) >= 4)
    code, _, err = ended(process, *numbers)
    assert code in [128 + number for number in numbers], err.decode()
    held = [json.loads(line)["path"] for line in rows(lines)]
    assert 4 <= len(held) < 60 and len(set(held)) == len(held)
    tables = [*place.rglob("*.parquet")]
    found = [path for table in tables for path in parquet.read_table(table)["path"].to_pylist()]
    assert found == held
    assert [*(place / "tmp").iterdir(), *place.rglob("*.part")] == []
    process = start(place, "scan", "music", *options, wait_s=0)
    process.communicate(timeout=180)
    assert process.returncode == 0
    assert sorted(json.loads(line)["path"] for line in rows(lines)) == sorted(
        f"music/{number:02d}.wav" for number in range(60)
    )


@unix
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("options", [[], ["--time-limit", "60"]], ids=["here", "by a worker"])
def test_a_private_copy_of_standard_input_is_removed(place, options, number):
    process = start(place, "scan", "-", *options, stdin=subprocess.PIPE)
    until(lambda: list((place / "tmp").glob("unsung-sound-*/sound")))
    assert ended(process, number)[0] == 128 + number
    assert list((place / "tmp").iterdir()) == []


@unix
def test_what_a_kill_left_the_next_command_removes(place):
    process = start(place, "scan", "-", stdin=subprocess.PIPE)
    until(lambda: list((place / "tmp").glob("unsung-sound-*/sound")))
    process.kill()
    process.communicate()
    assert list((place / "tmp").iterdir()) != []
    done = start(place, "list", "attacks")
    done.communicate(timeout=180)
    assert done.returncode == 0
    assert list((place / "tmp").iterdir()) == []


@unix
@pytest.mark.parametrize("options", [["--jobs", "1"], ["--jobs", "2"]], ids=str)
def test_a_reader_that_has_seen_enough_ends_it_quietly(place, options):
    process = start(place, "scan", "music", "--json", "--quiet", *options, wait_s=0.02)
    assert process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(180), err) == (141, b"")
    assert list((place / "tmp").iterdir()) == []


@unix
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_cost_no_output(place, closed):
    command = f'exec "$0" -c "$1" scan music --resume s.jsonl --jobs 1 {closed}'
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (SOURCE, STUBS)))}
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, CODE],
        env=env, cwd=place, capture_output=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len([json.loads(line) for line in rows(place / "s.jsonl")]) == 60
