# SPDX-License-Identifier: MIT
from __future__ import annotations

import functools
import itertools
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import unsung
from unsung.errors import BundleError, UnsungError, UsageError
from unsung.scanning import Settings, pool, process, scan, scan_paths, scan_rows
from unsung.scanning.limits import MEMORY_BYTES, TIME_S, Limits

SOURCE = Path(unsung.__file__).parent.parent


def test_two_processes_give_the_rows_of_one(wav, broken, tmp_path):
    for number in range(4):
        wav(f"good/{number}.wav", seed=number)
    folders = [str(tmp_path / "good"), str(tmp_path / "broken"), str(tmp_path / "no.mp3")]
    one = sorted(scan(folders, jobs=1), key=lambda s: s.path)
    two = sorted(scan(folders, jobs=2), key=lambda s: s.path)
    assert one == two
    assert sum(score.error is None for score in one) == 4
    assert sum(score.error is not None for score in one) == len(broken) + 1


@pytest.mark.parametrize("jobs", [1, 2])
def test_inputs_are_taken_lazily(jobs):
    taken = 0

    def names():
        nonlocal taken
        for number in range(10_000):
            taken += 1
            yield f"missing-{number}.mp3"

    rows = scan(names(), jobs=jobs)
    with closing(rows):
        for done, score in enumerate(itertools.islice(rows, 20), start=1):
            assert score.error is not None
            assert taken <= done + 3 * jobs + 2


def test_the_default_number_of_jobs(monkeypatch):
    seen = []

    def run(sources, jobs, init, stamp, **_):
        seen.append(jobs)
        return iter(())

    monkeypatch.setattr(pool, "run", run)
    monkeypatch.setattr(pool, "cores", lambda: 7)
    assert len(list(scan([f"{n}.mp3" for n in range(8)]))) == 8
    assert seen == []
    list(scan([f"{n}.mp3" for n in range(9)]))
    assert seen == [7]


def test_a_killed_worker_costs_one_row(wav, monkeypatch):
    """A process that dies of one file is replaced; the other files go on."""
    paths = [wav(f"{number}.wav", seed=number) for number in range(6)]
    ask = pool.Worker._ask

    def fatal(self, task):
        if task.source.path.endswith("2.wav"):
            self.kill()
        return ask(self, task)

    monkeypatch.setattr(pool.Worker, "_ask", fatal)
    scores = {Path(s.path).name: s for s in scan(paths, jobs=2)}
    assert len(scores) == 6
    assert scores["2.wav"].error.type == "WorkerDied"
    assert "SIGKILL" in scores["2.wav"].error.message
    assert scores["2.wav"].detector == scores["1.wav"].detector
    assert all(s.error is None for name, s in scores.items() if name != "2.wav")


START = """
import os, pathlib, pickle, signal, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
left = pathlib.Path({left!r})
dying = sorted(left.iterdir())
if dying:
    dying[0].unlink()
    {end}
from unsung.scanning.worker import main; main()
"""


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(3)"])
@pytest.mark.parametrize(("deaths", "rows"), [(1, 0), (2, 1), (3, 1), (4, 2)])
def test_deaths_at_the_start_cost_a_retry_then_a_row(wav, tmp_path, monkeypatch, deaths, rows, end):
    left = tmp_path / "left"
    left.mkdir()
    for number in range(deaths):
        (left / str(number)).touch()
    monkeypatch.setattr(process, "BOOT", START.format(left=str(left), end=end))
    monkeypatch.setattr(process, "STARTS_AGAIN_S", 0.01)
    log = tmp_path / "s.jsonl"
    paths = [wav(f"{number}.wav", seconds=1.0, seed=number) for number in range(4)]
    limits = Limits(time_s=60)
    scan_all = functools.partial(scan_rows, paths, Settings(), jobs=1, limits=limits, resume=log)
    errors = [row.score.error.type for row in scan_all() if row.score.error]
    assert errors == ["WorkerNotStarted"] * rows
    again = [row.score for row in scan_all() if not row.skipped]  # a fault of the moment
    assert len(again) == rows and all(score.error is None for score in again)
    assert len(log.read_text().splitlines()) == 4


@pytest.mark.parametrize("jobs", [1, 3])
def test_workers_that_never_start_end_the_scan(wav, monkeypatch, jobs):
    monkeypatch.setattr(process, "BOOT", "raise SystemExit(3)")
    monkeypatch.setattr(process, "STARTS_AGAIN_S", 0.01)
    paths = [wav("a.wav")] * 20
    rows = scan_rows(paths, Settings(), jobs=jobs, limits=Limits(time_s=60))
    found = []
    with pytest.raises(UnsungError, match="exit code 3"):
        for row in rows:
            found.append(row.score.error.type)
    assert set(found) == {"WorkerNotStarted"} and len(found) < 20


def test_errors_of_the_input_reach_the_caller():
    def names():
        yield "missing.mp3"
        raise ValueError("broken generator")

    with pytest.raises(ValueError, match="broken generator"):
        list(scan(names(), jobs=2))


def test_no_process_is_left_behind(wav):
    psutil = pytest.importorskip("psutil")
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    rows = scan([wav(f"{n}.wav") for n in range(6)], jobs=2)
    next(rows)
    rows.close()
    after = {child.pid for child in psutil.Process().children(recursive=True)}
    assert after <= before


def test_a_script_needs_no_main_guard(wav, tmp_path):
    for number in range(3):
        wav(f"music/{number}.wav", seed=number)
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys\nsys.path.insert(0, {str(SOURCE)!r})\nimport unsung\n"
        f"print(len(unsung.scan({str(tmp_path / 'music')!r}, jobs=2)))\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "3", done.stderr


def test_progress_counts(wav, tmp_path):
    seen = []
    paths = [wav("a.wav"), tmp_path / "no.wav"]
    list(scan(paths, resume=tmp_path / "r.jsonl", on_progress=seen.append))
    assert (seen[-1].done, seen[-1].failed, seen[-1].skipped) == (2, 1, 0)
    assert seen[-1].audio_s == pytest.approx(4.0)
    list(scan(paths, resume=tmp_path / "r.jsonl", on_progress=seen.append))
    assert (seen[-1].done, seen[-1].failed, seen[-1].skipped) == (1, 1, 1)


def test_wrong_settings_are_refused_before_any_file():
    with pytest.raises(UsageError, match="at least 1 job"):
        next(scan("x.mp3", jobs=0))
    with pytest.raises(UsageError, match="did you mean 'default'"):
        next(scan("x.mp3", bundle="defualt"))
    with pytest.raises(UsageError, match="prior above 0"):
        next(scan("x.mp3", prior=-1))


def test_a_damaged_bundle_is_an_error(tmp_path):
    (tmp_path / "bundle.json").write_text("{}")
    with pytest.raises(BundleError):
        next(scan("x.mp3", bundle=tmp_path))


def test_scan_paths_gives_one_score_or_a_list(wav, tmp_path):
    path = wav("music/a.wav")
    one = scan_paths(path)
    assert isinstance(one, unsung.Score) and one.error is None
    assert isinstance(scan_paths(tmp_path / "no.mp3"), unsung.Score)
    assert [s.path for s in scan_paths(path.parent)] == [str(path)]
    assert [s.path for s in scan_paths([path])] == [str(path)]
    other = wav("music/b.wav", seed=1)
    assert [s.path for s in scan_paths([other, path], jobs=2)] == [str(other), str(path)]
    assert unsung.scan(path) == one


def test_rows_carry_pictures_through_processes(wav):
    settings = Settings(picture=True)
    rows = list(scan_rows([wav("a.wav"), wav("b.wav", seed=1)], settings, jobs=2))
    assert all(row.picture is not None for row in rows)
    assert {row.index for row in rows} == {0, 1}
    assert replace(settings, picture=False) != settings


def test_worker_processes_are_bounded_also_without_a_limit(wav, monkeypatch):
    from unsung.scanning import pipeline

    asked = {}

    def run(items, jobs, init, stamp, **options):
        asked.update(limits=init["limits"], time_s=options["time_s"])
        yield from ()

    monkeypatch.setattr(pipeline.pool, "run", run)
    list(scan_rows([wav()], Settings(), jobs=2))
    assert asked["time_s"] == asked["limits"].time_s == TIME_S
    assert asked["limits"].memory_bytes == MEMORY_BYTES
    list(scan_rows([wav()], Settings(), jobs=1, limits=Limits(memory_bytes=1 << 31)))
    assert asked["limits"].memory_bytes == 1 << 31


def test_a_worker_within_its_memory_scores_as_ever(wav):
    path = wav()
    alone = scan_paths(path)
    rows = list(scan_rows([path], Settings(), jobs=1, limits=Limits(memory_bytes=1 << 28)))
    assert rows[0].score.error is None
    assert rows[0].score.logit == pytest.approx(alone.logit, abs=1e-4)
