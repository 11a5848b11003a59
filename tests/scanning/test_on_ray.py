# SPDX-License-Identifier: MIT
"""The same rows from a Ray cluster, also when processes and machines are lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import unsung
from unsung.audio.sources import Source
from unsung.errors import MissingExtra
from unsung.scanning import Settings, scan_rows
from unsung.scanning.ray_machine import Desk
from unsung.scanning.worker import Task

SOURCE = Path(unsung.__file__).parent.parent
HERE = Path(__file__).parent

SCAN = """
import os, signal, sys, threading, time
import json
from pathlib import Path
import catalogue_stub as stub
from unsung.scanning import Settings, on_ray
from unsung.scanning.catalogue import scan_catalogue
from unsung.scanning.limits import Limits
from unsung.scanning.watch import Watch
music = Path({music!r})
inputs = [str(music)]
{before}
rows = []
try:
    for row in scan_catalogue(inputs, Settings(), Path({out!r}), jobs=2, ray={address!r},
                              load=stub.load, limits=Limits(time_s=20)):
        rows.append(row)
        {during}
except KeyboardInterrupt:
    print("interrupted", file=sys.stderr)
print(json.dumps([[r.score.path, r.score.error and r.score.error.type, r.skipped] for r in rows]))
{after}
"""
NODES = """
from ray.cluster_utils import Cluster
on_ray.SECTION = 10
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
others = [cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)]
def lose_one():
    cluster.remove_node(others.pop(0), allow_graceful=False)
    others.append(cluster.add_node(num_cpus=1))
"""

ROUGH = """
import os, signal, time
from pathlib import Path
import catalogue_stub
from unsung.errors import UnsungError
from unsung.runtime import load_bundle
from unsung.scanning import worker

def score(path, *rest, is_known=None, **named):
    row = catalogue_stub.score(path, *rest, is_known=is_known, **named)
    text, mark = Path(path).read_text(), Path(str(path) + ".tripped")
    taken = row[0].logit is not None
    if taken and (text == "fall" or (text == "trip" and not mark.exists())):
        mark.touch()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    return row

def load(name):
    if os.environ.get("SCAN_PID") and not os.environ.get("SCAN_PID") == str(os.getpid()):
        raise UnsungError("no bundle here")
    return load_bundle(name)

worker.score_local = score
"""
"""A stub whose files also take the Ray process with them, and a load that fails elsewhere."""

KILLED_PROCESS = """
import psutil
def kill_one():
    at_work = [p for p in psutil.Process().children(recursive=True)
               if any("unsung.scanning.worker" in word for word in p.cmdline())]
    at_work[0].parent().kill()
"""


@pytest.fixture
def music(tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    for number in range(24):
        (folder / f"{number:02d}.wav").write_text(f"song {number % 20}")
        os.utime(folder / f"{number:02d}.wav", (1_700_000_000,) * 2)
    return folder


def scan(
    music, tmp_path, *, before="", during="pass", after="", address="local", timeout=240, **env
):
    code = SCAN.format(
        music=str(music),
        out=str(tmp_path / "out"),
        address=address,
        before=before,
        during=during,
        after=after,
    )
    if "cluster" in before:
        code = code.replace("'CLUSTER'", "cluster.address")
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (SOURCE, HERE, tmp_path))),
        "STUB_LOG": str(tmp_path / "scored.log"),
        "STUB_WAIT_S": "0.05",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        **env,
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    if "cluster" not in before:
        assert "Traceback" not in done.stderr and "ray" not in done.stderr.lower(), done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def scored(tmp_path):
    return (tmp_path / "scored.log").read_text().split()


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"\[cluster\]"):
        next(scan_rows(["x.mp3"], Settings(), ray="local"))


@pytest.mark.slow
def test_a_local_cluster_gives_every_row_once(music, tmp_path):
    pytest.importorskip("ray")
    (music / "die.wav").write_text("die")
    rows = scan(music, tmp_path, before="on_ray.SECTION = 5")  # five full ones, and an empty one
    assert sorted(path for path, *_ in rows) == sorted(map(str, music.iterdir()))
    assert [Path(path).name for path, error, _ in rows if error] == ["die.wav"]
    assert len(scored(tmp_path)) == 21  # 20 contents and the one that kills: each once
    again = scan(music, tmp_path)
    assert all(skipped for *_, skipped in again) and len(again) == 25


@pytest.mark.slow
def test_lost_machines_lose_no_row(music, tmp_path):
    pytest.importorskip("ray")
    rows = scan(
        music,
        tmp_path,
        before=NODES,
        during="len(rows) in (6, 14) and lose_one()",
        after="cluster.shutdown()",
        address="CLUSTER",
    )
    assert sorted(path for path, *_ in rows) == sorted(map(str, music.iterdir()))
    assert [error for _, error, _ in rows if error] == []
    assert len((tmp_path / "out" / "scores.jsonl").read_text().splitlines()) == 24
    assert len(set(scored(tmp_path))) == 20 and len(scored(tmp_path)) <= 20 + 2 * 4


@pytest.mark.slow
def test_a_killed_process_loses_no_row(music, tmp_path):
    pytest.importorskip("ray")
    rows = scan(music, tmp_path, before=KILLED_PROCESS, during="len(rows) in (4, 9) and kill_one()")
    assert sorted(path for path, *_ in rows) == sorted(map(str, music.iterdir()))
    assert [error for _, error, _ in rows if error] == []
    assert len(set(scored(tmp_path))) == 20 and len(scored(tmp_path)) <= 20 + 2


@pytest.mark.slow
def test_a_file_that_takes_ray_processes_with_it_becomes_an_error_row(music, tmp_path):
    pytest.importorskip("ray")
    (tmp_path / "rough.py").write_text(ROUGH)
    (music / "fall.wav").write_text("fall")
    (music / "fall-too.wav").write_text("fall")  # waits for the first one's score
    (music / "trip.wav").write_text("trip")
    rows = scan(music, tmp_path, before="import rough as stub")
    expected = [path for path in music.iterdir() if path.suffix == ".wav"]
    assert sorted(path for path, *_ in rows) == sorted(map(str, expected))
    errors = {Path(path).name: error for path, error, _ in rows if error}
    assert errors == dict.fromkeys(("fall.wav", "fall-too.wav"), "WorkerDied")
    held = (tmp_path / "out" / "quarantine.jsonl").read_text()
    assert held.count("lost 4 times on the cluster") == 2
    assert len(scored(tmp_path)) == 20 + 4 + 2


@pytest.mark.slow
def test_a_machine_that_cannot_load_the_detector_ends_the_scan(music, tmp_path):
    pytest.importorskip("ray")
    (tmp_path / "rough.py").write_text(ROUGH)
    code = "import rough as stub; os.environ['SCAN_PID'] = str(os.getpid())"
    with pytest.raises(AssertionError, match=r"the cluster cannot score: .*no bundle here"):
        scan(music, tmp_path, before=code)


@pytest.mark.slow
def test_an_interrupted_scan_ends_at_once_and_goes_on_later(music, tmp_path):
    pytest.importorskip("ray")
    (music / "00.wav").write_text("hang")
    during = "len(rows) == 6 and (since := time.monotonic()) and signal.raise_signal(signal.SIGINT)"
    after = """
import ray
assert time.monotonic() - since < 15 and not ray.is_initialized()
assert not [thread.name for thread in threading.enumerate() if "_guarded" in thread.name]
"""
    rows = scan(music, tmp_path, during=during, after=after)
    assert len(rows) == 6
    (music / "00.wav").unlink()
    again = scan(music, tmp_path)
    assert sorted(path for path, *_ in again) == sorted(map(str, music.iterdir()))
    assert {path for path, _, skipped in again if skipped} == {path for path, *_ in rows}


@pytest.mark.slow
def test_a_watched_folder_may_rest_for_longer_than_ray_data_waits(music, tmp_path):
    pytest.importorskip("ray")
    before = """
inputs = Watch(inputs, interval_s=0.2, settle_s=0.0)
def late():
    time.sleep(8)
    (music / "late.wav").write_text("late song")
"""
    during = (
        "len(rows) == 24 and threading.Thread(target=late).start(); "
        "len(rows) == 25 and inputs.stop()"
    )
    limit = {"RAY_DATA_EXECUTION_NO_PROGRESS_TIMEOUT_S": "4"}
    rows = scan(music, tmp_path, before=before, during=during, **limit)
    assert len(rows) == 25 and Path(rows[-1][0]).name == "late.wav"
    assert [error for _, error, _ in rows if error] == []


def test_the_desk_gives_the_same_task_again_until_its_row_is_back():
    desk, task = Desk(), Task(7, Source("a.mp3", "file", "a"))
    desk.put(0, task)
    assert desk.wait(0) and desk.begin(0) == (task, 1, "") and desk.begin(0) == (task, 2, "")
    desk.done(0)
    assert desk.wait(0) and desk.begin(0) is None  # a source that starts anew passes it by
    desk.end()
    assert not desk.wait(1)


def test_the_desk_passes_questions_on_and_keeps_what_a_lost_task_had_claimed():
    desk, task = Desk(), Task(7, Source("a.mp3", "file", "a"))
    desk.put(0, task)
    answers = []
    for known in (True, False):
        asker = threading.Thread(target=lambda: answers.append(desk.known(7, "abc")))
        asker.start()
        assert desk.exchange({}, 60.0) == [(7, "abc")]
        assert desk.exchange({(7, "abc"): known}, 0.0) == []
        asker.join()
        assert desk.begin(0)[2] == ("" if known else "abc")
    assert answers == [True, False]
