# SPDX-License-Identifier: MIT
"""The check that pre-commit and CI call: its policy, its words, and pre-commit itself."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "integrations" / "pre_commit" / "unsung_scan.py"


def row(**changes):
    values = {
        "path": "a.wav", "verdict": "ai", "reason": "", "logit": 2.0, "false_alarm_rate": 0.01,
        "detector": "default-2@abc", "sha256": "ab" * 32, "error": None,
    }  # fmt: skip
    return {**values, **changes}


@pytest.fixture
def check(monkeypatch):
    spec = importlib.util.spec_from_file_location("unsung_scan", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module.shutil, "which", lambda name: f"/programs/{name}")
    return module


def answer(check, monkeypatch, rows, code=0):
    calls = []

    def run(call, **_):
        calls.append(call)
        text = "".join(json.dumps(one) + "\n" for one in rows)
        return subprocess.CompletedProcess(call, code, stdout=text)

    monkeypatch.setattr(check.subprocess, "run", run)
    return calls


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("ai", 1), ("undecided", 1), ("error", 1), ("ai,undecided,error", 3), ("", 0)],
)
def test_the_policy_decides_what_is_a_finding(check, monkeypatch, capsys, policy, expected):
    broken = row(path="c.wav", verdict=None, error={"type": "NotAudio", "message": "a page"})
    unsure = row(path="b.wav", verdict="undecided", reason="too short")
    answer(check, monkeypatch, [row(), unsure, broken, row(path="d.wav", verdict="human")])
    code = check.main(["--fail-on", policy, "a.wav"])
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == expected
    assert code == (1 if expected else 0)
    assert f"4 scanned, {expected} to look at" in printed.err


def test_a_finding_carries_rate_detector_and_hash(check, monkeypatch, capsys):
    answer(check, monkeypatch, [row()])
    assert check.main(["a.wav"]) == 1
    printed = capsys.readouterr()
    for part in ("a.wav: ai", "+2.00", "0.01", "default-2@abc", "ab" * 32):
        assert part in printed.out
    assert "evidence, not proof" in printed.err


def test_what_a_person_decided_about_passes(check, monkeypatch, tmp_path, capsys):
    reviewed = tmp_path / "reviewed.txt"
    reviewed.write_text(f"# ours\n{'AB' * 32}  our own choir, heard by Ada\n\n")
    answer(check, monkeypatch, [row()])
    assert check.main(["--reviewed", str(reviewed), "a.wav"]) == 0
    assert "1 looked at before" in capsys.readouterr().err
    reviewed.write_text(f"# {'ab' * 32}\n")
    assert check.main(["--reviewed", str(reviewed), "a.wav"]) == 1


def test_options_reach_the_scan_and_names_are_no_options(check, monkeypatch):
    calls = answer(check, monkeypatch, [])
    check.main(["--false-alarm-rate", "0.001", "--detector", "mine", "--report", "out",
                "--calibration", "c.json", "--", "--strange.wav"])  # fmt: skip
    (call,) = calls
    for pair in (("--false-alarm-rate", "0.001"), ("--detector", "mine"), ("--report", "out"),
                 ("--calibration", "c.json")):  # fmt: skip
        assert call[call.index(pair[0]) + 1] == pair[1]
    assert call[-2:] == ["--", "--strange.wav"]


@pytest.mark.parametrize(
    ("policy", "required"), [("ai", True), ("error,ai", True), ("error", False)]
)
def test_a_guard_against_ai_needs_a_threshold(check, monkeypatch, policy, required):
    calls = answer(check, monkeypatch, [])
    check.main(["--fail-on", policy, "a.wav"])
    assert ("--require-threshold" in calls[0]) is required


def test_a_damaged_file_is_both_its_verdict_and_an_error(check, monkeypatch, capsys):
    fault = {"type": "TruncatedAudio", "message": "cut"}
    answer(check, monkeypatch, [row(error=fault)])
    for policy, code in (("ai", 1), ("error", 1), ("undecided", 0)):
        assert check.main(["--fail-on", policy, "a.wav"]) == code
    answer(check, monkeypatch, [row(path="a\n::error::b.wav")])
    capsys.readouterr()
    check.main(["a.wav"])
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_wrong_usage_is_told(check, monkeypatch, capsys):
    assert check.main(["--fail-on", "robots", "a.wav"]) == 2
    assert "expected some of ai, undecided, error" in capsys.readouterr().err
    assert check.main(["--reviewed", "/no/such/file", "a.wav"]) == 2
    answer(check, monkeypatch, [], code=2)
    assert check.main(["a.wav"]) == 2
    assert "ended with 2" in capsys.readouterr().err
    monkeypatch.setattr(check.shutil, "which", lambda _: None)
    assert check.main(["a.wav"]) == 2
    assert "no program 'unsung'" in capsys.readouterr().err


def test_the_hook_names_a_program_that_can_run():
    yaml = pytest.importorskip("yaml")
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["id"] == "unsung-scan"
    for name in ("a.flac", "b/c.MP3", "d.aiff", "e.opus", "f.m4a", "g.wav"):
        assert re.search(hook["files"], name), name
    for name in ("a.txt", "flac", "notes.mp3.txt", "clip.mp4"):
        assert not re.search(hook["files"], name), name
    from unsung.audio.sources import EXTENSIONS

    listed = re.search(r"\((?!\?)([^)]+)\)", hook["files"]).group(1).split("|")
    assert {f".{name}" for name in listed} <= EXTENSIONS
    entry = ROOT / hook["entry"]
    assert entry == SCRIPT
    assert entry.stat().st_mode & 0o111, "pre-commit runs the file itself: it must be executable"
    assert entry.read_text().startswith("#!/usr/bin/env python3\n")


@pytest.mark.slow
def test_real_scan_of_real_files(pair, sounds, tmp_path):
    around = sounds.surroundings(tmp_path / "programs")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, pair)],
        env=around, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "decoded.flac: ai" in done.stdout
    assert "human.flac" not in done.stdout


@pytest.mark.slow
def test_pre_commit_stops_a_commit_and_lets_a_reviewed_file_through(pair, sounds, tmp_path):
    pytest.importorskip("pre_commit")
    around = sounds.surroundings(tmp_path / "programs")
    around |= {
        "PRE_COMMIT_HOME": str(tmp_path / "cache"),
        "HOME": str(tmp_path),
        "GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
    }

    def run(*call, folder, check=True):
        return subprocess.run(
            call, cwd=folder, env=around, capture_output=True, text=True, check=check
        )

    def git(*words, folder):
        return run(
            "git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words, folder=folder
        )

    hooks, library = tmp_path / "hooks", tmp_path / "library"
    (hooks / "integrations" / "pre_commit").mkdir(parents=True)
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", hooks)
    shutil.copy(SCRIPT, hooks / "integrations" / "pre_commit")
    library.mkdir()
    for folder in (hooks, library):
        git("init", "-q", folder=folder)
    git("add", "-A", folder=hooks)
    git("commit", "-q", "-m", "hooks", folder=hooks)
    head = git("rev-parse", "HEAD", folder=hooks).stdout.strip()
    shutil.copy(pair[1], library / "sample.flac")
    (library / "reviewed.txt").write_text("")
    (library / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {hooks}\n  rev: {head}\n  hooks:\n  - id: unsung-scan\n"
        "    args: [--reviewed, reviewed.txt]\n"
    )
    git("add", "-A", folder=library)
    call = (sys.executable, "-m", "pre_commit", "run")
    stopped = run(*call, folder=library, check=False)
    assert stopped.returncode == 1, stopped.stdout + stopped.stderr
    assert "sample.flac: ai" in stopped.stdout
    digest = stopped.stdout.split("sha256 ")[1].split()[0]
    (library / "reviewed.txt").write_text(f"{digest}  heard and kept\n")
    git("add", "-A", folder=library)
    passed = run(*call, folder=library, check=False)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "Passed" in passed.stdout
