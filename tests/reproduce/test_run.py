# SPDX-License-Identifier: MIT
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import unsung
from unsung.audio.read import read_middle
from unsung.errors import UsageError
from unsung.reproduce import load, make_plan, pool, reproduce, score_all
from unsung.reproduce.detectors import open_detectors
from unsung.reproduce.plan import read_scores
from unsung.reproduce.pool import here
from unsung.reproduce.select import choose, open_manifests
from unsung.reproduce.worker import score_job

SOURCE = Path(unsung.__file__).parent.parent


def prepared(path: Path, table: Path, *settings: str):
    study = load(path, settings)
    detectors = open_detectors(study.experiment.detectors, {})
    tracks = choose(study, list(open_manifests(study, {"music": str(table)}).values()))
    return make_plan(study, tracks, detectors), detectors


def untimed(rows: dict[str, dict]) -> dict[str, dict]:
    """Return rows without the seconds that making them took."""
    times = ("attack_s", "score_s")
    return {key: {k: v for k, v in row.items() if k not in times} for key, row in rows.items()}


def test_a_cell_for_each_track_condition_and_seed(toml, table):
    plan, _ = prepared(toml(), table(), "seeds=[0, 1]")
    # clean and gain draw nothing: one seed; white noise has two
    assert plan.n_cells == 4 * (1 + 1 + 2) == len(plan.keys)


def test_each_track_is_decoded_once_and_clean_equals_a_direct_score(toml, table, monkeypatch):
    plan, detectors = prepared(toml(), table())
    times: Counter[str] = Counter()

    def counted(path, middle_s):
        times[str(path)] += 1
        return read_middle(path, middle_s)

    monkeypatch.setattr("unsung.reproduce.worker.read_middle", counted)
    rows = [row for job in plan.jobs for row in score_job(job, detectors)]
    assert set(times.values()) == {1} and len(rows) == plan.n_cells
    job = plan.jobs[0]
    clip = read_middle(Path(job.track.path), 10.0)
    analyzer = detectors[0].bundles[""].analyzer(clip.sample_rate_hz)
    analyzer.push(clip.mono())
    assert rows[0]["logit"] == pytest.approx(analyzer.finish().logit, abs=1e-5)


def test_the_middle_is_cut_out(table):
    path = table(seconds=5.0).parent / "human-0.wav"
    clip, whole = read_middle(path, 2.0), read_middle(path, None)
    assert clip.duration_s == pytest.approx(2.0)
    start = round(1.5 * clip.sample_rate_hz)
    assert (clip.samples == whole.samples[:, start : start + clip.samples.shape[1]]).all()


def test_a_bad_track_and_a_failing_attack_leave_the_rest(toml, table, tmp_path, monkeypatch):
    from unsung.attacks.gain import Gain

    def fail(*_: object) -> None:
        raise ValueError("no such gain")

    monkeypatch.setattr(Gain, "_apply", fail)
    study = load(toml())
    data = {"music": str(table(broken=True))}
    results = reproduce(study, tmp_path / "out", data=data, replicates=20)
    rows = read_scores(tmp_path / "out" / "scores.jsonl").values()
    kinds = Counter(row["error"]["type"] for row in rows if row["error"])
    assert kinds == {"NotAudio": 3, "ValueError": 4}
    assert {row.condition for row in results} == {"clean", "white_noise@0.01"}
    page = (tmp_path / "out" / "index.html").read_text()
    assert "no such gain" in page and str(tmp_path) not in page


def test_processes_give_the_same_scores_as_none(toml, table, tmp_path):
    plan, detectors = prepared(toml(), table())
    alone = score_all(plan, detectors, tmp_path / "a.jsonl")
    together = score_all(plan, detectors, tmp_path / "b.jsonl", crew=here(2))
    assert untimed(alone) == untimed(together)
    assert all(row["score_s"] > 0 for row in together.values())


def test_done_cells_are_not_made_again(toml, table, tmp_path, monkeypatch):
    plan, detectors = prepared(toml(), table())
    path = tmp_path / "scores.jsonl"
    first = score_all(plan, detectors, path)
    before = path.read_bytes()
    lines = before.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]) + lines[-2][:30])  # killed in the middle of a line
    again = score_all(plan, detectors, path)
    assert untimed(again) == untimed(first)
    assert path.read_bytes().splitlines()[:-2] == before.splitlines()[:-2]
    monkeypatch.setattr(pool, "score_job", None)
    assert score_all(plan, detectors, path) == again


def test_a_new_condition_makes_only_its_own_cells(toml, table, tmp_path):
    path, music = tmp_path / "scores.jsonl", table()
    plan, detectors = prepared(toml(), music)
    score_all(plan, detectors, path)
    seen = []
    larger, _ = prepared(toml('attacks = ["white_noise", "fade", "gain@6"]'), music)
    score_all(larger, detectors, path, on_progress=seen.append)
    assert (seen[0].skipped, seen[-1].done, seen[-1].total) == (12, 16, 16)


def test_a_damaged_line_and_a_second_run_are_errors(toml, table, tmp_path):
    plan, detectors = prepared(toml(), table())
    path = tmp_path / "scores.jsonl"
    path.write_text('{"no": "key"}\n')
    with pytest.raises(UsageError, match="line 1: no score"):
        score_all(plan, detectors, path)
    fcntl = pytest.importorskip("fcntl")
    path.write_text("")
    with path.open("ab") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another run"):
            score_all(plan, detectors, path)


def test_a_process_that_dies_costs_one_track_and_is_tried_again(toml, table, tmp_path):
    plan, detectors = prepared(toml(), table())
    path = tmp_path / "scores.jsonl"
    killed = []

    def kill_one(progress) -> None:
        import multiprocessing

        if progress.done == 1 and not killed:
            killed.extend(multiprocessing.active_children()[:1])
            for process in killed:
                os.kill(process.pid, signal.SIGKILL)

    rows = score_all(plan, detectors, path, crew=here(2), on_progress=kill_one)
    assert rows.keys() == plan.keys
    lost = [row for row in rows.values() if row["error"]]
    assert len({row["track"] for row in lost}) <= 1
    assert all(row["error"]["type"] == "WorkerDied" for row in lost)
    again = score_all(plan, detectors, path, crew=here(2))
    assert again.keys() == plan.keys and not any(row["error"] for row in again.values())


@pytest.mark.parametrize("jobs", [1, 2])
def test_kill_nine_in_the_middle_loses_nothing(toml, table, tmp_path, jobs):
    music = table(human=4, ai=4)
    study = toml('attacks = ["pitch_shift@2", "mp3@64", "reverb", "vibrato", "eq", "gain@3"]')
    out = tmp_path / "out"
    words = [sys.executable, "-m", "unsung", "reproduce", study, "--data", f"music={music}"]
    words += ["--out", out, "--jobs", jobs, "--quiet"]
    options = {"env": {**os.environ, "PYTHONPATH": str(SOURCE)}, "cwd": tmp_path}
    process = subprocess.Popen(list(map(str, words)), **options)
    scores = out / "scores.jsonl"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not (scores.exists() and scores.stat().st_size > 2000):
        time.sleep(0.01)
    process.kill()
    process.wait()
    partial = scores.read_bytes()
    done = partial.count(b"\n")
    assert 0 < done < 8 * 7
    subprocess.run(list(map(str, words)), check=True, timeout=600, **options)
    assert scores.read_bytes().startswith(partial[: partial.rfind(b"\n") + 1])
    keys = [json.loads(line)["key"] for line in scores.read_text().splitlines()]
    assert len(keys) == len(set(keys)) == 8 * 7
    assert (out / "index.html").exists()


def test_crossfit_scores_each_fold_by_its_own_bundle(toml, table, tmp_path):
    import shutil

    packaged = SOURCE / "unsung" / "bundles" / "default"
    for fold in ("0", "1"):
        shutil.copytree(packaged, tmp_path / "folds" / f"fold-{fold}")
    study = load(toml())
    data = {"crossfit": str(tmp_path / "folds")}
    (detector,) = open_detectors(("crossfit:default",), data)
    manifest = open_manifests(study, {"music": str(table())})["music"]
    assert {detector.of(track).path.name for track in manifest} == {"fold-0", "fold-1"}
    shutil.rmtree(tmp_path / "folds" / "fold-1")
    (detector,) = open_detectors(("crossfit:default",), data)
    with pytest.raises(UsageError, match="no bundle for fold '1'"):
        [detector.of(track) for track in manifest]
    with pytest.raises(UsageError, match="--data crossfit=FOLDER"):
        open_detectors(("crossfit:default",), {})


def test_tracks_of_several_sample_rates_mix(toml, table):
    plan, detectors = prepared(toml('attacks = ["mix@0", "low_pass@7000"]'), table())
    rates = {read_middle(Path(job.track.path), 1.0).sample_rate_hz for job in plan.jobs}
    rows = [row for job in plan.jobs for row in score_job(job, detectors)]
    assert len(rates) == 3 and not any(row["error"] for row in rows)


def test_a_score_that_is_no_number_is_an_error_row_and_says_whose(toml, table, monkeypatch):
    from unsung.runtime.bundle import Bundle, load_bundle

    plan, detectors = prepared(toml('attacks = ["gain@6"]'), table())
    monkeypatch.setattr(Bundle, "logits", lambda *_: np.array([np.nan], np.float32))
    rows = list(score_job(plan.jobs[0], detectors))
    assert {row["error"]["type"] for row in rows} == {"NotFinite"}
    assert all(f"{load_bundle('default').name} gave nan" in row["error"]["message"] for row in rows)


def test_nothing_but_failures_is_an_error_that_points_to_them(toml, table, tmp_path, monkeypatch):
    monkeypatch.setattr("unsung.reproduce.worker.read_middle", lambda *_: 1 / 0)
    with pytest.raises(UsageError, match="got none; see the errors"):
        reproduce(load(toml()), tmp_path / "out", data={"music": str(table())})


def test_a_folder_that_cannot_be_made_is_said_before_any_work(toml, table, tmp_path, monkeypatch):
    from unsung.reproduce.parts import WriteFailed

    (tmp_path / "file").write_text("x")
    monkeypatch.setattr(pool, "score_job", None)
    with pytest.raises(WriteFailed, match=r"cannot be written.*--out"):
        reproduce(load(toml()), tmp_path / "file" / "out", data={"music": str(table())})


@pytest.mark.parametrize("chain", ["pitch_shift@99", "mp3@fast", "gain@3++mp3"])
def test_a_bad_strength_shows_when_the_file_is_read(toml, chain):
    with pytest.raises(UsageError, match="expected"):
        load(toml(f'attacks = ["{chain}"]'))


def test_time_of_earlier_runs_is_kept_and_a_run_without_work_adds_none(toml, table, tmp_path):
    out, data = tmp_path / "out", {"music": str(table())}
    reproduce(load(toml()), out, data=data, replicates=5)
    first = json.loads((out / "experiment.json").read_text())
    page = (out / "index.html").read_bytes()
    reproduce(load(toml()), out, data=data, replicates=5)
    assert json.loads((out / "experiment.json").read_text()) == first
    assert first["wall_s"] > 0 and (out / "index.html").read_bytes() == page
