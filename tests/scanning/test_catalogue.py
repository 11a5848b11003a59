# SPDX-License-Identifier: MIT
"""A catalogue loses nothing and scores nothing twice, whatever ends the scan."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

import unsung
from unsung.errors import MissingExtra, UsageError
from unsung.scanning import Settings, scan_rows
from unsung.scanning import catalogue as catalogue_module
from unsung.scanning.catalogue import CatalogueFolder, Parts, scan_catalogue
from unsung.scanning.limits import Limits
from unsung.scanning.output import read_rows, read_scores

SOURCE = Path(unsung.__file__).parent.parent
HERE = Path(__file__).parent
DOCS = SOURCE.parent / "docs" / "catalogue.md"
BENCH = SOURCE.parent / "bench" / "catalogue.py"
RUN = """
import sys
sys.path[:0] = [{source!r}, {here!r}]
import catalogue_stub
from pathlib import Path
from unsung.scanning import Settings
from unsung.scanning.catalogue import scan_catalogue
for row in scan_catalogue([{folder!r}], Settings(), Path({out!r}), part_rows=7,
                          jobs={jobs}, load=catalogue_stub.load):
    pass
print("finished")
"""


@pytest.fixture
def stub(monkeypatch, tmp_path):
    """Let this process and its workers score text files."""
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.setattr("unsung.scanning.worker.score_local", None)
    import catalogue_stub

    monkeypatch.setattr("unsung.scanning.worker.score_local", catalogue_stub.score)
    monkeypatch.setenv("STUB_LOG", str(tmp_path / "scored.log"))
    return catalogue_stub


@pytest.fixture
def music(tmp_path):
    """Forty files, twelve of which are copies of others."""
    folder = tmp_path / "music"
    folder.mkdir()
    for number in range(40):
        content = number if number % 10 < 7 else number % 10
        path = folder / f"{number:02d}.wav"
        path.write_text(f"song {content}")
        os.utime(path, (1_700_000_000 + number,) * 2)
    return folder


def scored(tmp_path):
    log = tmp_path / "scored.log"
    return Counter(log.read_text().split()) if log.exists() else Counter()


def paths(file):
    return [json.loads(line)["path"] for line in file.read_text().splitlines()]


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_same_bytes_are_scored_once(stub, music, tmp_path, jobs, monkeypatch):
    monkeypatch.setenv("STUB_WAIT_S", "0.01")
    out = tmp_path / "out"
    rows = list(scan_catalogue([str(music)], Settings(), out, jobs=jobs, load=stub.load))
    assert len(rows) == 40 and len({row.score.path for row in rows}) == 40
    assert set(scored(tmp_path).values()) == {1} and len(scored(tmp_path)) == 31
    stored = {score.path: facts for score, facts in read_rows(out / "scores.jsonl")}
    copies = {path: facts.duplicate_of for path, facts in stored.items() if facts.duplicate_of}
    assert len(copies) == 40 - 31
    assert all(Path(p).read_text() == Path(first).read_text() for p, first in copies.items())
    by_path = {row.score.path: row.score.logit for row in rows}
    assert all(by_path[path] == by_path[first] for path, first in copies.items())


def test_a_second_scan_reads_no_file(stub, music, tmp_path, monkeypatch):
    options = {"jobs": 1, "load": stub.load}
    first = list(scan_catalogue([str(music)], Settings(), tmp_path / "out", **options))
    monkeypatch.setattr("unsung.scanning.worker.score_local", None)  # any look would fail
    again = list(scan_catalogue([str(music)], Settings(), tmp_path / "out", **options))
    assert all(row.skipped for row in again)
    assert [row.score for row in again] == [row.score for row in first]


def test_a_file_changed_under_the_same_size_is_scanned_again(stub, music, tmp_path):
    options = {"jobs": 1, "load": stub.load}
    list(scan_catalogue([str(music)], Settings(), tmp_path / "out", **options))
    (music / "03.wav").write_text("gnos 3")
    again = list(scan_catalogue([str(music)], Settings(), tmp_path / "out", **options))
    assert [Path(row.score.path).name for row in again if not row.skipped] == ["03.wav"]


def test_copies_of_a_broken_file_share_its_error(stub, tmp_path, monkeypatch):
    monkeypatch.setenv("STUB_WAIT_S", "0.05")
    for name in "abcdef":
        (tmp_path / f"{name}.wav").write_text("bad")
    rows = list(
        scan_catalogue([str(tmp_path)], Settings(), tmp_path / "out", jobs=3, load=stub.load)
    )
    assert len(rows) == 6
    for row in rows:
        assert row.score.error.message == f"{row.score.path}: no sound"
    assert paths(tmp_path / "out" / "scores.jsonl") == [row.score.path for row in rows]


def test_a_file_that_hangs_is_killed_and_the_others_go_on(stub, music, tmp_path):
    (music / "hang1.wav").write_text("hang")
    (music / "hang2.wav").write_text("hang")  # the same bytes: waits for the first, and hangs not
    (music / "die.wav").write_text("die")
    started = time.monotonic()
    rows = scan_catalogue(
        [str(music)],
        Settings(),
        tmp_path / "out",
        jobs=2,
        load=stub.load,
        limits=Limits(time_s=1.5),
    )
    scores = {Path(row.score.path).name: row.score for row in rows}
    assert time.monotonic() - started < 30 and len(scores) == 43
    failed = {name: score.error.type for name, score in scores.items() if score.error}
    assert failed == {"hang1.wav": "TimeLimit", "hang2.wav": "TimeLimit", "die.wav": "WorkerDied"}
    assert "1.5 s, the time limit" in scores["hang1.wav"].error.message
    assert scored(tmp_path)[scores["hang1.wav"].sha256] == 1


def test_bytes_that_cost_a_process_are_not_tried_again_in_the_same_scan(stub, tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    for name in ("hang1", "hang2", "hang3"):  # one process: each comes after the last was killed
        (folder / f"{name}.wav").write_text("hang")
    limits = Limits(time_s=1.0)
    out = tmp_path / "out"
    rows = list(
        scan_catalogue([str(folder)], Settings(), out, jobs=1, load=stub.load, limits=limits)
    )
    assert [row.score.error.type for row in rows] == ["TimeLimit"] * 3
    assert list(scored(tmp_path).values()) == [1]


def test_one_job_with_a_time_limit_is_a_process_too(stub, tmp_path):
    (tmp_path / "hang.wav").write_text("hang")
    limits = Limits(time_s=1.0)
    (row,) = scan_rows([tmp_path / "hang.wav"], Settings(), jobs=1, load=stub.load, limits=limits)
    assert row.score.error.type == "TimeLimit"


def test_a_file_over_the_size_limit_is_not_opened(stub, music, tmp_path):
    big = music / "big.wav"
    big.write_bytes(bytes(2000))
    rows = scan_rows(
        [str(music)], Settings(), jobs=1, load=stub.load, limits=Limits(size_bytes=1000)
    )
    failed = [row.score for row in rows if row.score.error]
    assert [score.path for score in failed] == [str(big)]
    assert failed[0].error.type == "FileTooLarge" and "--max-size" in failed[0].error.message


def test_wrong_limits():
    with pytest.raises(UsageError, match="time limit above 0"):
        Limits(time_s=-1)
    with pytest.raises(UsageError, match="at least 1 byte"):
        Limits(size_bytes=0)


def _killed_at_random(music, tmp_path, seed, jobs):
    """Kill the scan at random moments until one run gets through; return how often."""
    rng = random.Random(seed)
    out, log = tmp_path / "out", tmp_path / "scored.log"
    code = RUN.format(
        source=str(SOURCE), here=str(HERE), folder=str(music), out=str(out), jobs=jobs
    )
    env = {**os.environ, "STUB_LOG": str(log), "STUB_WAIT_S": "0.03"}
    kills = 0
    while True:
        before = len(log.read_text().split()) if log.exists() else 0
        wanted = before + rng.randint(1, 12)
        process = subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE)
        while process.poll() is None:
            if kills < 6 and log.exists() and len(log.read_text().split()) >= wanted:
                time.sleep(rng.uniform(0, 0.04))
                process.kill()
                break
            time.sleep(0.002)
        said, _ = process.communicate()
        if b"finished" in said:
            return kills
        assert process.returncode == -signal.SIGKILL
        kills += 1


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))]
)
def test_kill_9_at_random_points(music, tmp_path, seed):
    jobs = 1 + seed % 2
    kills = _killed_at_random(music, tmp_path, seed, jobs)
    assert kills >= 2
    found = paths(tmp_path / "out" / "scores.jsonl")
    assert sorted(found) == sorted(map(str, music.iterdir()))  # each once: nothing lost
    times = scored(tmp_path)
    assert len(times) == 31
    # Only what was in work, or finished and not yet written, at the moment of a kill is repeated.
    assert sum(times.values()) - 31 <= kills * 3 * jobs
    pyarrow = pytest.importorskip("pyarrow.parquet")
    parts = sorted((tmp_path / "out" / "parts").glob("*.parquet"))
    rows = [row["path"] for part in parts for row in pyarrow.read_table(part).to_pylist()]
    assert rows == found


@pytest.mark.parametrize("seed", range(8))
def test_power_loss_leaves_a_torn_or_zeroed_end(stub, music, tmp_path, seed):
    rng = random.Random(seed)
    out = tmp_path / "out"
    options = {"jobs": 1, "load": stub.load, "part_rows": 9}
    list(scan_catalogue([str(music)], Settings(), out, **options))
    for part in (out / "parts").iterdir():
        part.unlink()  # parts come from rows that were synced; these are as young as the cut
    lines = out / "scores.jsonl"
    whole = lines.read_bytes()
    cut = rng.randrange(len(whole))
    lines.write_bytes(whole[:cut] + bytes(rng.choice([0, 0, 17, 4096])))
    list(scan_catalogue([str(music)], Settings(), out, **options))
    assert sorted(paths(lines)) == sorted(map(str, music.iterdir()))
    assert {s.path: s.logit for s in read_scores(lines)} == {
        row["path"]: row["logit"] for row in map(json.loads, whole.splitlines())
    }


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.parametrize("limit", [1, 5000, 20_001])
def test_a_full_disk_loses_nothing(music, tmp_path, limit):
    out = tmp_path / "out"
    code = RUN.format(source=str(SOURCE), here=str(HERE), folder=str(music), out=str(out), jobs=1)
    full = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))\n"
    )
    done = subprocess.run([sys.executable, "-c", full + code], capture_output=True, check=False)
    assert done.returncode == 1 and b"StoreFull" in done.stderr
    assert b"make room and run the same command again" in done.stderr
    held = (out / "scores.jsonl").read_bytes()
    assert len(held) <= limit and (not held or held.endswith(b"\n"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert b"finished" in done.stdout, done.stderr
    assert (out / "scores.jsonl").read_bytes().startswith(held)
    assert sorted(paths(out / "scores.jsonl")) == sorted(map(str, music.iterdir()))


def test_two_scans_never_write_one_file(stub, music, tmp_path):
    options = {"jobs": 1, "load": stub.load}
    first = scan_catalogue([str(music)], Settings(), tmp_path / "out", **options)
    next(first)
    with pytest.raises(UsageError, match="writing this file"):
        next(scan_catalogue([str(music)], Settings(), tmp_path / "out", **options))
    first.close()
    assert len(list(scan_catalogue([str(music)], Settings(), tmp_path / "out", **options))) == 40


FLAT = """
import sys, os
sys.path[:0] = [{source!r}, {here!r}]
import catalogue_stub, psutil
from pathlib import Path
from unsung.audio.sources import Source
from unsung.scanning import Settings, scan_rows
def endless():
    for n in range({n}):
        yield Source(f"/no/such/folder/track-{{n}}.mp3", "file", str(n))
me, sizes = psutil.Process(), {{}}
rows = scan_rows(endless(), Settings(), jobs=1, resume=Path({out!r}), load=catalogue_stub.load)
for count, row in enumerate(rows, start=1):
    if count in ({n} // 5, {n}):
        sizes[count] = me.memory_info().rss
print(count, (sizes[{n}] - sizes[{n} // 5]) / 1e6)
"""


@pytest.mark.parametrize("n", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_memory_stays_flat(tmp_path, n):
    """The index takes 48 bytes a track and its merging as much for a moment; nothing else grows."""
    pytest.importorskip("psutil")
    code = FLAT.format(source=str(SOURCE), here=str(HERE), n=n, out=str(tmp_path / "s.jsonl"))
    env = {key: value for key, value in os.environ.items() if key != "STUB_LOG"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    count, grown_mb = done.stdout.split()
    assert int(count) == n
    assert float(grown_mb) < 6 + 0.8 * n * 150 / 1e6


def test_parts_grow_and_a_short_last_one_is_redone(stub, music, tmp_path):
    pyarrow = pytest.importorskip("pyarrow.parquet")
    out = CatalogueFolder(tmp_path / "out")
    options = {"jobs": 1, "load": stub.load, "part_rows": 15}
    list(scan_catalogue([str(music)], Settings(), out.folder, **options))
    sizes = [pyarrow.read_metadata(p).num_rows for p in sorted(out.parts.iterdir())]
    assert sizes == [15, 15, 10]
    (music / "new.wav").write_text("a new song")
    list(scan_catalogue([str(music)], Settings(), out.folder, **options))
    parts = sorted(out.parts.iterdir())
    assert [pyarrow.read_metadata(p).num_rows for p in parts] == [15, 15, 11]
    rows = [row for part in parts for row in pyarrow.read_table(part).to_pylist()]
    assert [row["path"] for row in rows] == paths(out.scores)
    assert set(rows[0]["metadata"]) == {
        *("artist", "title", "album", "album_artist", "label", "isrc", "date", "genre"),
    }


def test_an_interrupted_scan_has_its_parts(stub, music, tmp_path):
    pyarrow = pytest.importorskip("pyarrow.parquet")
    rows = scan_catalogue([str(music)], Settings(), tmp_path / "out", jobs=1, load=stub.load)
    for _ in range(5):
        next(rows)
    rows.close()
    (part,) = (tmp_path / "out" / "parts").iterdir()
    assert pyarrow.read_metadata(part).num_rows == 5


def test_parts_are_never_left_behind(tmp_path, monkeypatch):
    (tmp_path / "part-000001.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtra, match=r"\[tables\]"):
        Parts(tmp_path / "scores.jsonl", tmp_path).write()


def test_a_catalogue_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot be made"):
        next(scan_catalogue(["x"], Settings(), tmp_path / "file" / "out"))
    assert catalogue_module.PART_ROWS >= 10_000


def test_the_queries_of_the_page_run(stub, music, tmp_path, monkeypatch):
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    (music / "bad.wav").write_text("bad")
    list(scan_catalogue([str(music)], Settings(), tmp_path / "out", jobs=1, load=stub.load))
    monkeypatch.chdir(tmp_path)
    queries = re.findall(r"```sql\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert len(queries) >= 5
    base = duckdb.connect()
    found = [
        base.execute(statement).fetchall()
        for query in queries
        for statement in query.split(";")
        if statement.strip()
    ]
    assert (41,) in [row for rows in found for row in rows]  # the view holds every track once
    assert sum(bool(rows) for rows in found) >= 4


def test_the_costs_on_the_page_are_those_that_were_measured():
    spec = importlib.util.spec_from_file_location("bench_catalogue", BENCH)
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    found = json.loads((BENCH.parent.parent / "results" / "catalogue-speed.json").read_text())
    page = DOCS.read_text(encoding="utf-8")
    assert bench.with_costs(page, found["measured"]) == page
    far, assumed = bench.arithmetic(found["measured"]), bench.ASSUMED
    assert far == pytest.approx(found["hundred_million"])
    hours = 100e6 * assumed["track_s"] / 3600
    assert far["core_hours"] == pytest.approx(hours * found["measured"]["cpu_s_per_hour"] / 3600)
    assert far["usd"] == pytest.approx(far["core_hours"] * assumed["usd_per_core_hour"])
