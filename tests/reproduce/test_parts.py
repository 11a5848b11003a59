# SPDX-License-Identifier: MIT
"""Part files of cluster jobs through kills, a second run and a full disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import unsung
from unsung.errors import UsageError
from unsung.reproduce import score_all
from unsung.reproduce.parts import Appender, WriteFailed, part_files, parts_folder
from unsung.reproduce.plan import read_scores
from unsung.reproduce.slurm import score_part
from unsung.reproduce.worker import score_job

SOURCE = Path(unsung.__file__).parent.parent


def test_slices_leave_out_what_is_known_and_go_on_after_a_kill(ready, tmp_path):
    plan, detectors = ready
    scores = tmp_path / "scores.jsonl"
    part = parts_folder(scores) / "part-0-000.jsonl"
    assert score_part(plan.jobs[:2], detectors, part, scores, 1) == 6
    content = part.read_bytes()
    part.write_bytes(content[:-20])  # killed in the middle of the last line
    assert score_part(plan.jobs[:2], detectors, part, scores, 1) == 1
    assert len(part.read_bytes().splitlines()) == 6
    scores.write_bytes(part.read_bytes())
    assert score_part(plan.jobs, detectors, parts_folder(scores) / "x", scores, 1) == 6


def test_parts_of_a_killed_run_are_taken_over_and_nothing_is_made_twice(ready, tmp_path):
    plan, detectors = ready
    scores = tmp_path / "scores.jsonl"
    for index in range(2):
        part = parts_folder(scores) / f"part-0-00{index}.jsonl"
        score_part(plan.jobs[index::2][:1], detectors, part, scores, 1)
    kept = {key for part in part_files(scores) for key in read_scores(part)}
    made = []

    def crew(missing, used):
        for job in missing:
            made.extend(cell.key for cell in job.cells)
            yield from score_job(job, used)

    rows = score_all(plan, detectors, scores, crew=crew)
    assert len(kept) == 6 and kept.isdisjoint(made) and rows.keys() == plan.keys
    lines = [json.loads(line)["key"] for line in scores.read_text().splitlines()]
    assert len(lines) == len(set(lines)) == 12
    assert part_files(scores) == []


def test_a_part_that_a_job_still_writes_stops_a_second_run(ready, tmp_path):
    pytest.importorskip("fcntl")
    plan, detectors = ready
    scores = tmp_path / "scores.jsonl"
    part = parts_folder(scores) / "part-0-000.jsonl"
    with Appender(part), pytest.raises(UsageError, match="still writes to it"):
        score_all(plan, detectors, scores)
    assert part.exists()


def test_a_full_disk_keeps_what_was_written(toml, table, tmp_path):
    resource = pytest.importorskip("resource")
    music, study, out = table(), toml(), tmp_path / "out"
    words = [sys.executable, "-m", "unsung", "reproduce", study, "--data", f"music={music}"]
    words += ["--out", out, "--jobs", 1, "--quiet"]
    options = {"env": {**os.environ, "PYTHONPATH": str(SOURCE)}, "cwd": tmp_path}

    def small() -> None:  # a file may hold no more than this: what a full disk does to a write
        resource.setrlimit(resource.RLIMIT_FSIZE, (3500, 3500))

    found = subprocess.run(
        list(map(str, words)),
        check=False,
        preexec_fn=small,
        capture_output=True,
        text=True,
        **options,
    )
    assert found.returncode == 1 and "cannot be written" in found.stderr
    assert "every score made so far is kept" in found.stderr and "Traceback" not in found.stderr
    done = read_scores(out / "scores.jsonl")
    assert 0 < len(done) < 12
    subprocess.run(list(map(str, words)), check=True, timeout=600, **options)
    assert len((out / "scores.jsonl").read_text().splitlines()) == 12


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(WriteFailed, match=r"cannot be written.*--out"):
        Appender(tmp_path / "file" / "scores.jsonl")
