# SPDX-License-Identifier: MIT
"""The composite action: its description is complete, and its shell step does what it says."""

import os
import re
import subprocess
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")
FOLDER = Path(__file__).resolve().parents[2] / "integrations" / "github-action"
ACTION = yaml.safe_load((FOLDER / "action.yml").read_text())
EXAMPLE = yaml.safe_load((FOLDER / "example-workflow.yml").read_text())
USE = "OWNER/unsung/integrations/github-action@main"


def test_every_input_is_described_has_a_default_and_is_used():
    text = (FOLDER / "action.yml").read_text()
    for name, facts in ACTION["inputs"].items():
        assert set(facts) == {"description", "default"}, name
        assert f"inputs.{name}" in text, f"{name} is never used"
    for name in re.findall(r"inputs\.([a-z-]+)", text):
        assert name in ACTION["inputs"]


def test_inputs_never_stand_inside_a_script():
    """GitHub pastes expressions into the text of a script: a file name would become a command."""
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"], step["name"]
        assert step["shell"] == "bash"


def test_the_example_gives_inputs_that_exist_and_asks_for_no_rights():
    steps = EXAMPLE["jobs"]["scan"]["steps"]
    (ours,) = [step for step in steps if step.get("uses") == USE]
    assert set(ours["with"]) <= set(ACTION["inputs"])
    assert EXAMPLE["permissions"] == {"contents": "read"}


def scan_step(inputs, folder, around):
    """Run the step `Scan` as a runner would: expressions put in, `bash -eo pipefail`."""
    (step,) = [step for step in ACTION["runs"]["steps"] if step.get("id") == "scan"]
    given = {name: facts["default"] for name, facts in ACTION["inputs"].items()} | inputs

    def value(match):
        kind, name = match.group(1).split(".")
        return str(FOLDER) if kind == "github" else given[name]

    env = {key: re.sub(r"\$\{\{ ([\w.-]+) \}\}", value, text) for key, text in step["env"].items()}
    assert not any("${{" in text for text in env.values())
    files = {"GITHUB_OUTPUT": folder / "output", "GITHUB_STEP_SUMMARY": folder / "summary"}
    for path in files.values():
        path.write_text("")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=folder, env={**around, **env, **{k: str(p) for k, p in files.items()}},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done, files["GITHUB_OUTPUT"].read_text(), files["GITHUB_STEP_SUMMARY"].read_text()


STUB = """#!/usr/bin/env python3
import json, sys
row = {"verdict": "ai", "reason": "", "logit": 2.0, "false_alarm_rate": 0.01, "detector": "d@1",
       "sha256": "0" * 64, "error": None}
for path in sys.argv[sys.argv.index("--") + 1:]:
    print(json.dumps({**row, "path": path, "verdict": "human" if "good" in path else "ai"}))
"""


@pytest.fixture
def stubbed(tmp_path, sounds):
    """Surroundings whose `unsung` answers at once: the script is tested, not the scan."""
    around = {**os.environ, "PATH": sounds.programs(tmp_path / "programs")}
    (tmp_path / "programs" / "unsung").write_text(STUB)
    return around


def test_findings_are_printed_counted_and_fail_the_job(tmp_path, stubbed):
    inputs = {"paths": "\n  \nbad one.wav\ngood.wav\n"}
    done, output, summary = scan_step(inputs, tmp_path, stubbed)
    assert done.returncode == 1, done.stderr
    assert output == "findings=1\n"
    assert "bad one.wav: ai" in done.stdout
    assert "1 to look at" in summary
    assert "evidence, not proof" in summary


def test_no_findings_pass(tmp_path, stubbed):
    done, output, _ = scan_step({"paths": "good.wav"}, tmp_path, stubbed)
    assert done.returncode == 0, done.stderr
    assert output == "findings=0\n"


def test_a_path_is_no_command_and_wrong_usage_is_no_finding(tmp_path, stubbed):
    inputs = {"paths": "good$(touch hacked).wav\ngood; touch hacked"}
    done, _, _ = scan_step(inputs, tmp_path, stubbed)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "hacked").exists()
    done, output, _ = scan_step({"fail-on": "robots"}, tmp_path, stubbed)
    assert done.returncode == 2
    assert output == ""


@pytest.mark.slow
def test_a_real_scan_writes_the_report(tmp_path, pair, sounds):
    around = sounds.surroundings(tmp_path / "programs")
    done, output, _ = scan_step({"paths": str(pair[1])}, tmp_path, around)
    assert done.returncode == 1, done.stderr
    assert output == "findings=1\n"
    assert (tmp_path / "unsung-report" / "index.html").is_file()


@pytest.mark.parametrize(
    "name",
    ["bad\n::error file=x::forged", "::error::forged", "##[error]forged", "bad\r::stop::", "```"],
)
def test_no_file_name_commands_the_runner(tmp_path, stubbed, name):
    program = tmp_path / "programs" / "unsung"
    program.write_text(STUB.replace('"path": path', f'"path": {name!r}'))
    done, output, summary = scan_step({"paths": "x.wav\n"}, tmp_path, stubbed)
    assert (done.returncode, output) == (1, "findings=1\n"), done.stderr
    lines = done.stdout.split("\n")
    (start,) = [n for n, line in enumerate(lines) if line.startswith("::stop-commands::")]
    (end,) = [n for n, line in enumerate(lines) if line == f"::{lines[start][17:]}::"]
    assert start < end and len(lines[start]) > 40
    outside = [*lines[:start], *lines[end + 1 :]]
    assert not any(name[:3] in line for line in outside)
    named = [line for line in summary.split("\n") if name[:3] in line]
    assert len(named) == 1 and named[0].startswith("    ")
