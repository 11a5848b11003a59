# SPDX-License-Identifier: MIT
"""docs/rest.md does what it says: its commands run, its table is the table."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from unsung.api.problems import STATUS
from unsung.api.settings import Limits

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/rest.md").read_text(encoding="utf-8")


def examples() -> list[tuple[str, list[str]]]:
    """Return commands with the lines that their output must hold."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def test_the_examples_run(live, song, tmp_path: Path):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed; the routes have their own tests")
    (tmp_path / "song.wav").write_bytes(song(1))
    (tmp_path / "notes.txt").write_text("not sound")
    job = ""
    assert len(examples()) >= 14
    for command, expected in examples():
        assert command.startswith("curl -s ")
        shell = command.replace("http://localhost:8000", live.url).replace("$ID", job)
        done = subprocess.run(
            shell, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (shell, done.stderr)
        for words in expected:
            assert words in done.stdout, (shell, done.stdout)
        if "/v1/jobs " in command + " " and "-F" in command:
            job = json.loads(done.stdout)["id"]
    assert (tmp_path / "report.html").read_text().lower().startswith("<!doctype html>")
    assert (tmp_path / "spectrogram.png").read_bytes()[:4] == b"\x89PNG"


def test_the_table_of_errors_is_the_table():
    told = {
        name: int(status)
        for status, names in re.findall(r"^\| (\d{3}) \| (.*) \|$", TEXT, re.M)
        for name in names.split(", ")
    }
    assert told == STATUS


def test_the_limits_are_the_defaults():
    told = dict(re.findall(r"^\| `--([\w-]+)` \| ([\d.]+) \|", TEXT, re.M))
    limits = Limits()
    assert told == {
        "max-mb": f"{limits.upload_mb:g}",
        "max-files": str(limits.files),
        "max-minutes": f"{limits.duration_s / 60:g}",
        "decode-seconds": f"{limits.decode_s:g}",
        "memory-mb": str(limits.worker_memory_mb),
        "job-minutes": f"{limits.job_ttl_s / 60:g}",
    }
    assert f"{limits.jobs} jobs" in TEXT
    assert f"{limits.upload_s:g} s and without a pause of {limits.stall_s:g} s" in TEXT
    assert f"cores, {limits.queue}" in TEXT


def test_deployment_files_use_options_that_exist():
    from typer.testing import CliRunner

    from unsung.cli import app

    known = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200"}).output
    for name in ("Containerfile", "unsung.service"):
        text = (ROOT / "deploy" / name).read_text(encoding="utf-8")
        started = [line for line in text.splitlines() if "serve" in line and "--host" in line]
        assert started, name
        for option in re.findall(r"(--[a-z-]+)", " ".join(started)):
            assert option in known, (name, option)


def test_the_container_runs_without_root_and_checks_its_health():
    text = (ROOT / "deploy/Containerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER \d+$", text, re.M)
    assert "HEALTHCHECK" in text
    assert "--read-only" in text
    assert text.index("USER 10001") < text.index("ENTRYPOINT")
    unit = (ROOT / "deploy/unsung.service").read_text(encoding="utf-8")
    for line in ("DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes",
                 "CapabilityBoundingSet=", "MemoryMax=6G"):  # fmt: skip
        assert line in unit.splitlines()
