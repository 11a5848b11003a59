# SPDX-License-Identifier: MIT
from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import unsung
from unsung.errors import UsageError
from unsung.scanning import Settings, read_scores, scan, scan_rows

SOURCE = Path(unsung.__file__).parent.parent


@pytest.fixture
def log(tmp_path):
    return tmp_path / "scores.jsonl"


def test_what_is_held_is_skipped(wav, log):
    paths = [wav(f"{number}.wav", seed=number) for number in range(3)]
    first = list(scan(paths, resume=log))
    assert list(read_scores(log)) == first
    assert list(scan(paths, resume=log)) == []
    assert [s.path for s in scan([*paths, wav("new.wav", seed=9)], resume=log, jobs=2)] == [
        str(paths[0].with_name("new.wav"))
    ]
    assert len(log.read_text().splitlines()) == 4


def test_other_settings_scan_again(wav, log):
    path = wav()
    list(scan(path, resume=log))
    for other in ({"false_alarm_rate": 0.05}, {"prior": 0.1}, {"fast": True}):
        assert len(list(scan(path, resume=log, **other))) == 1, other
        assert list(scan(path, resume=log, **other)) == []


def test_a_changed_file_is_scanned_again(wav, log):
    path = wav(seed=1)
    list(scan(path, resume=log))
    wav(seed=2)
    assert len(list(scan(path, resume=log))) == 1
    assert len(log.read_text().splitlines()) == 1


def test_what_the_machine_failed_at_is_tried_again(wav, log, tmp_path):
    late = tmp_path / "late.wav"
    assert next(scan(late, resume=log)).error is not None
    shutil.copy(wav(), late)
    assert next(scan(late, resume=log)).error is None
    assert list(scan(late, resume=log)) == []
    assert len(log.read_text().splitlines()) == 1


@pytest.fixture
def old(broken, tmp_path):
    """All broken files and a whole one, at rest for long."""
    folder = tmp_path / "broken"
    shutil.copy(tmp_path / "whole.wav", folder)
    for path in folder.iterdir():
        if path.exists():
            os.utime(path, (1_700_000_000,) * 2)
    return folder


def kinds(rows):
    return {Path(row.score.path).name: row.score.error and row.score.error.type for row in rows}


def test_broken_files_have_one_row_and_are_left_out(old, broken, log):
    first = list(scan_rows(old, Settings(), resume=log, jobs=1))
    assert kinds(first) == {**broken, "whole.wav": None}
    content = log.read_bytes()
    for _ in range(3):
        again = list(scan_rows(old, Settings(), resume=log, jobs=1))
        assert kinds(again) == kinds(first)
        anew = kinds(row for row in again if not row.skipped)
        assert anew == {"dangling.wav": "UnreadableAudio"}  # no bytes that could be known again
        assert log.read_bytes() == content
    retried = list(scan_rows(old, Settings(), resume=log, jobs=1, retry_failed=True))
    del broken["cut.wav"]  # its rest was heard: it has a verdict
    assert kinds(row for row in retried if not row.skipped) == broken
    assert log.read_bytes() == content


def test_a_broken_file_that_changed_is_tried_again(old, wav, log):
    list(scan_rows(old, Settings(), resume=log, jobs=1))
    count = len(log.read_text().splitlines())
    shutil.copy(wav("new.wav", seed=7), old / "zip.mp3")
    os.utime(old / "zip.mp3", (1_700_000_001,) * 2)
    again = list(scan_rows(old, Settings(), resume=log, jobs=1))
    assert kinds(row for row in again if not row.skipped)["zip.mp3"] is None
    assert len(log.read_text().splitlines()) == count


def test_a_kill_before_the_old_rows_are_dropped_is_mended_by_the_next_start(wav, log):
    paths = [wav(f"{number}.wav", seed=number) for number in range(3)]
    list(scan(paths, resume=log))
    lines = log.read_bytes().splitlines(keepends=True)
    older = lines[1].replace(b'"verdict"', b'"older": 1, "verdict"')
    log.write_bytes(
        b"".join([lines[0], older, b"#### disk error ####\n", *lines[1:], lines[2][:9]])
    )
    log.with_name(log.name + ".part").write_bytes(b"half of it")
    assert list(scan(paths, resume=log)) == []
    assert log.read_bytes() == lines[0] + b"#### disk error ####\n" + lines[1] + lines[2]
    assert [path.name for path in log.parent.glob("*.part")] == []


def test_rows_of_other_settings_stay(wav, log):
    path = wav()
    for options in ({}, {"prior": 0.1}, {}, {"prior": 0.1}):
        list(scan(path, resume=log, **options))
    assert [json.loads(line)["prior"] for line in log.read_text().splitlines()] == [0.5, 0.1]


def test_a_link_stays_a_link_and_its_file_keeps_its_mode(wav, log, tmp_path):
    path = wav(seed=1)
    list(scan(path, resume=log))
    log.chmod(0o640)
    link = tmp_path / "link.jsonl"
    link.symlink_to(log)
    wav(seed=2)
    list(scan(path, resume=link))
    assert link.is_symlink() and len(log.read_text().splitlines()) == 1
    assert log.stat().st_mode & 0o777 == 0o640


def test_where_there_is_no_room_for_a_second_copy_the_file_stays(wav, log, monkeypatch):
    path = wav(seed=1)
    list(scan(path, resume=log))
    wav(seed=2)
    log.with_name(log.name + ".part").mkdir()
    list(scan(path, resume=log))
    assert len(log.read_text().splitlines()) == 2


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_moved_file_is_copied_not_decoded(wav, log, monkeypatch, jobs):
    path = wav("a.wav")
    (first,) = scan(path, resume=log)
    moved = path.rename(path.with_name("b.wav"))
    monkeypatch.setattr("unsung.scanning.one._listen", None)  # decoding would fail (jobs=1)
    (second,) = scan(moved, resume=log, jobs=jobs)
    assert second.path == str(moved) and second.logit == first.logit
    assert [s.path for s in read_scores(log)] == [str(path), str(moved)]
    assert list(scan(moved, resume=log, jobs=jobs)) == []


@pytest.mark.parametrize("keep", [1, 9, 30, 200])
def test_half_a_line_is_dropped(wav, log, keep):
    paths = [wav(f"{number}.wav", seed=number) for number in range(2)]
    list(scan(paths, resume=log))
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(lines[0] + lines[1][:keep])
    assert [s.path for s in scan(paths, resume=log)] == [str(paths[1])]
    assert [s.path for s in read_scores(log)] == [str(path) for path in paths]


def test_half_a_first_line_is_dropped(wav, log):
    log.write_bytes(b'{"path": "so')
    assert len(list(scan(wav(), resume=log))) == 1
    assert len(list(read_scores(log))) == 1


def test_a_whole_line_without_its_end_is_kept(wav, log):
    path = wav()
    list(scan(path, resume=log))
    log.write_bytes(log.read_bytes().rstrip(b"\n"))
    assert list(scan(path, resume=log)) == []
    assert len(list(scan(wav("b.wav", seed=3), resume=log))) == 1
    assert len(list(read_scores(log))) == 2


def test_a_damaged_middle_line_costs_only_its_row(wav, log):
    paths = [wav(f"{number}.wav", seed=number) for number in range(2)]
    list(scan(paths, resume=log))
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(lines[0] + b"#### disk error ####\n" + lines[1])
    assert list(scan(paths, resume=log)) == []


@pytest.mark.parametrize("content", [b"RIFF\x00\x01binary", b"some notes\nof mine\n", b"[1, 2]\n"])
def test_another_file_is_never_touched(wav, log, content):
    log.write_bytes(content)
    with pytest.raises(UsageError, match="something else"):
        list(scan(wav(), resume=log))
    assert log.read_bytes() == content


def test_a_file_that_cannot_be_written(wav, tmp_path):
    with pytest.raises(UsageError, match="cannot be written"):
        list(scan(wav(), resume=tmp_path / "no" / "scores.jsonl"))


def test_an_interrupted_scan_keeps_its_rows(wav, log):
    rows = scan([wav(f"{n}.wav", seed=n) for n in range(4)], resume=log)
    done = [next(rows), next(rows)]
    rows.close()
    assert list(read_scores(log)) == done


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_resume_after_kill_9(wav, log, tmp_path, jobs):
    for number in range(40):
        wav(f"music/{number:02d}.wav", seconds=4.0, seed=number)
    command = [sys.executable, "-m", "unsung", "scan", str(tmp_path / "music"), "--quiet"]
    command += ["--resume", str(log), "--jobs", jobs]
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if log.exists() and log.read_bytes().count(b"\n") >= 5:
            break
        time.sleep(0.005)
    process.kill()
    process.wait()
    held = log.read_bytes().count(b"\n")
    assert held >= 5
    done = subprocess.run(
        [*command, "--json"], env=env, capture_output=True, timeout=300, check=False
    )
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 40 - held
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert sorted(Path(row["path"]).name for row in rows) == [f"{n:02d}.wav" for n in range(40)]
