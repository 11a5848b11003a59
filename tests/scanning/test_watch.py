# SPDX-License-Identifier: MIT
from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import unsung
from unsung.errors import UsageError
from unsung.scanning import watch as watching
from unsung.scanning.output import read_scores
from unsung.scanning.watch import Watch

SOURCE = Path(unsung.__file__).parent.parent


@pytest.fixture
def seen(tmp_path):
    """Watch ``tmp_path/in`` in a thread; give the list of names and the watch."""
    (tmp_path / "in").mkdir()
    watch = Watch([str(tmp_path / "in")], interval_s=0.02, settle_s=0.3)
    names: list[str] = []
    thread = threading.Thread(target=lambda: names.extend(Path(s.path).name for s in _each(watch)))

    def _each(watched):
        for source in watched:
            names.append(Path(source.path).name)
            yield from ()

    thread.start()
    yield names
    watch.stop()
    thread.join(timeout=60)
    assert not thread.is_alive()


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


@pytest.fixture
def clock(monkeypatch):
    """The watch's own time in a list: no pause of a busy machine looks like a file at rest."""
    now_s = [0.0]
    stand_in = SimpleNamespace(monotonic=lambda: now_s[0], time=lambda: 0.0)
    monkeypatch.setattr(watching, "time", stand_in)
    return now_s


def test_a_file_comes_once_it_has_stopped_growing(clock, seen, tmp_path):
    def later():
        clock[0] += 0.1
        return bool(seen)

    with (tmp_path / "in" / "a.wav").open("wb") as file:
        for _ in range(100):  # for 1 s of its time, three times what it waits
            file.write(b"x" * 100)
            file.flush()
            clock[0] += 0.01
            time.sleep(0.01)
    assert not seen
    assert wait_for(later)
    for _ in range(5):
        later()
        time.sleep(0.06)
    assert seen == ["a.wav"]  # once


def test_old_files_come_at_once_and_changed_ones_again(seen, tmp_path):
    old = tmp_path / "old.wav"
    old.write_bytes(b"x")
    os.utime(old, (1_700_000_000,) * 2)
    shutil.copy2(old, tmp_path / "in" / "old.wav")
    assert wait_for(lambda: seen == ["old.wav"])
    (tmp_path / "in" / "old.wav").write_bytes(b"another")
    assert wait_for(lambda: seen == ["old.wav", "old.wav"])
    (tmp_path / "in" / "notes.txt").write_text("no sound")
    (tmp_path / "in" / "sub").mkdir()
    (tmp_path / "in" / "sub" / "b.mp3").write_bytes(b"x")
    assert wait_for(lambda: seen[2:] == ["b.mp3"])


def test_wrong_inputs(tmp_path):
    with pytest.raises(UsageError, match="--watch expects folders"):
        Watch([str(tmp_path / "no")])
    with pytest.raises(UsageError, match="times above 0"):
        Watch([str(tmp_path)], interval_s=0)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
@pytest.mark.parametrize(
    "end", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGKILL]
)
def test_a_watch_survives_its_end(wav, tmp_path, end):
    """Watch, end it one way or the other, add a file meanwhile, watch again."""
    path = wav("in/a.wav")
    os.utime(path, (1_700_000_000,) * 2)
    log = tmp_path / "out" / "scores.jsonl"
    code = (
        "import unsung.scanning.watch as w; w.INTERVAL_S = 0.1\n"
        "w.Watch.__init__.__kwdefaults__.update(interval_s=0.1, settle_s=0.2)\n"
        "from unsung.cli import app; app()"
    )
    command = [sys.executable, "-c", code, "scan", str(path.parent), "--watch"]
    command += ["--catalogue", str(tmp_path / "out"), "--jobs", "2"]
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}

    def lines():
        return log.read_bytes().count(b"\n") if log.exists() else 0

    for number, name in enumerate(("b.wav", "c.wav"), start=1):
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
        try:
            assert wait_for(lambda n=number: lines() >= n, 120)
            wav(f"in/{name}", seed=number)
            assert wait_for(lambda n=number: lines() >= n + 1, 120)
        finally:
            process.send_signal(end)
            code_of_end = process.wait(timeout=60)
        assert code_of_end == (0 if end == signal.SIGINT else -end)
    names = [Path(score.path).name for score in read_scores(log)]
    assert names == ["a.wav", "b.wav", "c.wav"]
    assert (tmp_path / "out" / "summary.html").exists() == (end == signal.SIGINT)
