# SPDX-License-Identifier: MIT
"""Slurm jobs in submitit's local mode, Ray on a local cluster, part files through kills."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

import unsung
from unsung.errors import MissingExtra, MissingTool, UnknownName, UsageError
from unsung.reproduce import load, score_all
from unsung.reproduce.experiment import Slurm
from unsung.reproduce.on_ray import ray_crew
from unsung.reproduce.parts import Appender, part_files, parts_folder
from unsung.reproduce.slurm import SlurmCrew, score_part
from unsung.reproduce.worker import score_job

SOURCE = Path(unsung.__file__).parent.parent


def logits(rows):
    return {key: row["logit"] for key, row in rows.items()}


def test_jobs_through_submitit_give_the_same_scores(ready, tmp_path):
    pytest.importorskip("submitit")
    plan, detectors = ready
    scores = tmp_path / "run" / "scores.jsonl"
    crew = SlurmCrew(Slurm(jobs=2, cluster="local"), scores, poll_s=0.05)
    seen = []
    rows = score_all(plan, detectors, scores, crew=crew, wait=crew.wait, on_progress=seen.append)
    assert logits(rows) == logits(score_all(plan, detectors, tmp_path / "alone.jsonl"))
    assert seen[-1].done == 12 and part_files(scores) == []
    assert not (parts_folder(scores) / "jobs.json").exists()
    logs = list((scores.parent / "logs").glob("*.out"))
    assert len(logs) == 2
    assert score_all(plan, detectors, scores, crew=crew, wait=crew.wait) == rows
    assert len(list((scores.parent / "logs").glob("*.out"))) == 2  # no job for what is done


@pytest.mark.slow
def test_a_job_that_dies_is_submitted_again(ready, tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    plan, detectors = ready
    scores = tmp_path / "run" / "scores.jsonl"
    crew = SlurmCrew(Slurm(jobs=1, cluster="local"), scores, poll_s=0.02)
    jobs, submit = [], crew._submit
    monkeypatch.setattr(crew, "_submit", lambda *words: jobs.append(submit(*words)) or jobs[-1])

    def kill(progress) -> None:
        if progress.done == 1 and len(jobs) == 1:
            children = Path(f"/proc/{jobs[0][0]._process.pid}/task").glob("*/children")
            for pid in " ".join(path.read_text() for path in children).split():
                os.kill(int(pid), signal.SIGKILL)

    rows = score_all(plan, detectors, scores, crew=crew, on_progress=kill)
    assert rows.keys() == plan.keys and not any(row["error"] for row in rows.values())
    lines = [json.loads(line)["key"] for line in scores.read_text().splitlines()]
    assert len(lines) == len(set(lines)) == 12


def test_jobs_that_always_die_leave_rows_that_a_later_run_tries_again(ready, tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    plan, detectors = ready
    scores = tmp_path / "scores.jsonl"
    crew = SlurmCrew(Slurm(attempts=2, cluster="local"), scores, poll_s=0.02)
    rounds = []
    monkeypatch.setattr(crew, "_round", lambda *words: rounds.append(words) or iter(()))
    rows = score_all(plan, detectors, scores, crew=crew)
    assert len(rounds) == 2
    assert {row["error"]["type"] for row in rows.values()} == {"WorkerDied"}
    assert "see the logs in logs/" in next(iter(rows.values()))["error"]["message"]
    assert not any(row["error"] for row in score_all(plan, detectors, scores).values())


def test_a_later_run_waits_for_jobs_that_still_work(ready, tmp_path):
    pytest.importorskip("submitit")
    pytest.importorskip("fcntl")
    plan, detectors = ready
    scores = tmp_path / "scores.jsonl"
    crew = SlurmCrew(Slurm(jobs=1, cluster="local"), scores, poll_s=0.02)
    part = parts_folder(scores) / "part-0-000.jsonl"
    score_part(plan.jobs[:1], detectors, part, scores, 1)
    left = {"cluster": "local", "ids": ["1"], "parts": [part.name]}
    (parts_folder(scores) / "jobs.json").write_text(json.dumps(left))
    held = Appender(part)
    waiting = threading.Thread(target=crew.wait)
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    with held:
        pass
    waiting.join(5)
    assert not waiting.is_alive()


@pytest.mark.slow
def test_a_killed_parent_finds_what_its_jobs_made(toml, table, tmp_path):
    pytest.importorskip("submitit")
    music = table(human=3, ai=3)
    study = toml('attacks = ["pitch_shift@2", "mp3@64", "reverb", "gain@3"]')
    out = tmp_path / "out"
    words = [sys.executable, "-m", "unsung", "reproduce", study, "--data", f"music={music}"]
    words += ["--out", out, "--quiet", "--slurm", "--set", "slurm.cluster=local"]
    words += ["--set", "slurm.jobs=1"]
    options = {"env": {**os.environ, "PYTHONPATH": str(SOURCE)}, "cwd": tmp_path}
    process = subprocess.Popen(list(map(str, words)), **options)
    scores = out / "scores.jsonl"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not (scores.exists() and scores.stat().st_size > 500):
        time.sleep(0.01)
    process.kill()
    process.wait()
    subprocess.run(list(map(str, words)), check=True, timeout=600, **options)
    keys = [json.loads(line)["key"] for line in scores.read_text().splitlines()]
    assert len(keys) == len(set(keys)) == 6 * 5
    assert (out / "index.html").exists() and part_files(scores) == []
    record = json.loads((out / "experiment.json").read_text())
    assert record["study"]["slurm"]["cluster"] == "slurm"  # how it was run changes no score


def test_what_slurm_is_asked_for_stands_in_the_submission(ready, tmp_path, monkeypatch):
    submitit = pytest.importorskip("submitit")
    _, detectors = ready
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sbatch", "srun", "sacct"):
        (folder / name).write_text("#!/bin/sh\necho Submitted batch job 4321\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    settings = Slurm(
        jobs=2, parallel=1, partition="cpu", time_min=7, memory_gb=2, cpus=3, account="lab"
    )
    crew = SlurmCrew(settings, tmp_path / "scores.jsonl")
    jobs = crew._submit(["part-0-000.jsonl", "part-0-001.jsonl"], [[], []], detectors)
    assert all(isinstance(job, submitit.SlurmJob) for job in jobs)
    script = next((tmp_path / "logs").rglob("*.sh"))  # submitit keeps a copy for each job
    text = script.read_text()
    for words in (
        "--partition=cpu", "--time=7", "--mem=2GB", "--cpus-per-task=3", "--account=lab",
        "--array=0-1%1", "--job-name=unsung-reproduce",
    ):  # fmt: skip
        assert words in text, text
    left = json.loads((parts_folder(tmp_path / "scores.jsonl") / "jobs.json").read_text())
    assert left["cluster"] == "slurm" and left["ids"] == ["4321_0", "4321_1"]


def test_without_slurm_or_submitit_the_message_says_what_is_missing(tmp_path, monkeypatch):
    if shutil.which("sbatch"):
        pytest.skip("this machine has Slurm")
    pytest.importorskip("submitit")
    with pytest.raises(MissingTool, match=r"slurm.cluster=local.*sbatch of Slurm"):
        SlurmCrew(Slurm(), tmp_path / "scores.jsonl")
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(MissingExtra, match=r"\[cluster\]"):
        SlurmCrew(Slurm(cluster="local"), tmp_path / "scores.jsonl")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"\[cluster\]"):
        ray_crew("local")


def test_wrong_slurm_settings_are_said(toml):
    assert load(toml(), ["slurm.partition=cpu", "slurm.jobs=3"]).slurm == Slurm(3, partition="cpu")
    for setting, message in {
        "slurm.jobs=0": "slurm.jobs: expected a whole number",
        "slurm.memory_gb=-1": "GB above 0",
    }.items():
        with pytest.raises(UsageError, match=message):
            load(toml(), [setting])
    with pytest.raises(UnknownName, match="did you mean 'partition'"):
        load(toml(), ["slurm.partitoin=cpu"])
    with pytest.raises(UnknownName, match="did you mean 'slurm'"):
        load(toml(), ["slurm.cluster=slrm"])


@pytest.mark.slow
def test_a_local_ray_cluster_gives_the_same_scores_and_survives_a_lost_process(
    ready, tmp_path, monkeypatch
):
    pytest.importorskip("ray")
    plan, detectors = ready
    marker = tmp_path / "killed"
    monkeypatch.setenv("PYTHONPATH", str(SOURCE))

    def fragile(job, detectors):
        if not marker.exists():
            marker.write_text("x")
            os.kill(os.getpid(), signal.SIGKILL)
        return list(score_job(job, detectors))

    monkeypatch.setattr("unsung.reproduce.on_ray.score_track", fragile)
    rows = score_all(plan, detectors, tmp_path / "ray.jsonl", crew=ray_crew("local", 2))
    assert marker.exists()  # a process was lost, and its track tried again
    assert logits(rows) == logits(score_all(plan, detectors, tmp_path / "alone.jsonl"))


def test_ray_rows_and_losses_through_a_stand_in(ready, tmp_path, monkeypatch):
    """The logic of the crew without a cluster: order, results, a task lost for good."""
    plan, detectors = ready
    stand_in = _Ray(lost=plan.jobs[1].track.id)
    monkeypatch.setitem(sys.modules, "ray", stand_in)
    rows = score_all(plan, detectors, tmp_path / "s.jsonl", crew=ray_crew("local"))
    lost = {row["track"] for row in rows.values() if row["error"]}
    assert lost == {plan.jobs[1].track.id} and rows.keys() == plan.keys
    assert stand_in.calls == ["init", "shutdown"] and stand_in.retries == 3
    with pytest.raises(UsageError, match="no Ray cluster answers there"):
        score_all(plan, detectors, tmp_path / "t.jsonl", crew=ray_crew("nowhere:1"))


class _Ray:
    class exceptions:  # noqa: N801 (the name that Ray has)
        class RayError(Exception):
            pass

    def __init__(self, lost: str) -> None:
        self._lost, self.calls, self.retries = lost, [], 0

    def init(self, address, **_):
        if address != "local":
            raise ConnectionError("refused")
        self.calls.append("init")

    def shutdown(self):
        self.calls.append("shutdown")

    def put(self, value):
        return value

    def remote(self, num_cpus, max_retries):
        self.retries = max_retries
        return lambda function: SimpleNamespace(remote=partial(_Task, function))

    def wait(self, running, num_returns):
        return running[-num_returns:], running[:-num_returns]

    def get(self, task):
        if task.job.track.id == self._lost:
            raise self.exceptions.RayError("lost")
        return task.function(task.job, task.detectors)


class _Task:
    def __init__(self, function, job, detectors) -> None:
        self.function, self.job, self.detectors = function, job, detectors
