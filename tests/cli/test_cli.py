# SPDX-License-Identifier: MIT
from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

import unsung
from unsung.cli import app
from unsung.cli._console import printable, score_line
from unsung.types import Failure, Provenance, Score

SOURCE = Path(unsung.__file__).parent.parent
RUNNER = CliRunner()
VERBS = ("scan", "list", "bundle", "evaluate", "calibrate", "demo", "attack", "stress")


def run(*words: object):
    return RUNNER.invoke(app, [str(word) for word in words])


def shell(*words: object, **options):
    """Run the real command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "unsung", *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        timeout=60,
        check=False,
        **options,
    )


@pytest.fixture
def song(tmp_path):
    def write(name="song.wav", seconds=4.0, seed=0):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = np.random.default_rng(seed).standard_normal(round(22050 * seconds)) * 0.1
        soundfile.write(path, samples, 22050)
        return path

    return write


def test_help_and_version():
    result = run("--help")
    assert result.exit_code == 0
    assert all(verb in result.output for verb in VERBS)
    assert run("--version").output.startswith("unsung ")
    for verb in VERBS:
        assert run(verb, "--help").exit_code == 0, verb


def test_nothing_heavy_is_imported_for_help():
    code = (
        "import sys; import unsung, unsung.cli; "
        "heavy = {'numpy', 'torch', 'onnxruntime', 'scipy', 'soundfile', 'av', 'jinja2'}; "
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_public_names_are_these():
    expected = [
        *("AudioError", "Bundle", "BundleError", "Clip", "Evidence", "Failure", "Manifest"),
        *("MissingExtra", "Peak", "Picture", "Provenance", "Result", "Score", "Track"),
        *("UnsungError", "UsageError", "__version__", "load_bundle", "scan"),
    ]
    assert unsung.__all__ == expected and len(expected) <= 20
    for name in expected:
        assert getattr(unsung, name) is not None
    assert set(expected) <= set(dir(unsung))
    with pytest.raises(AttributeError, match="no attribute 'scna'"):
        _ = unsung.scna


def test_scan_prints_a_line_a_track(song):
    path = song()
    result = run("scan", path)
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    assert str(path) in line and "logit" in line and "% AI (" in line and "0:04" in line
    assert "1 track: " in result.stderr and "prior 50 %" in result.stderr
    assert run("scan", path, "--quiet").stderr == ""


def test_json_is_scores_and_nothing_else(song, tmp_path):
    song("m/a.wav")
    result = run("scan", tmp_path / "m", tmp_path / "no.wav", "--json")
    assert result.exit_code == 1
    good, bad = (unsung.Score.from_dict(json.loads(line)) for line in result.stdout.splitlines())
    assert good.error is None and bad.error.type == "UnreadableAudio"


def test_csv_parquet_and_report_together(song, tmp_path):
    pyarrow = pytest.importorskip("pyarrow.parquet")
    path, table, pages = song(), tmp_path / "t.parquet", tmp_path / "pages"
    result = run("scan", path, "--csv", "--parquet", table, "--report", pages)
    assert result.exit_code == 0, result.output
    (row,) = csv.DictReader(io.StringIO(result.stdout))
    assert row["path"] == str(path)
    assert pyarrow.read_table(table).num_rows == 1
    assert (pages / "index.html").is_file() and len(list(pages.glob("*.html"))) == 2
    assert str(pages / "index.html") in result.stderr


def test_a_folder_of_broken_files_loses_nothing(song, tmp_path):
    for number in range(3):
        song(f"m/good{number}.wav", seed=number)
    (tmp_path / "m" / "empty.mp3").write_bytes(b"")
    (tmp_path / "m" / "zip.mp3").write_bytes(b"PK\x03\x04" + bytes(100))
    (tmp_path / "m" / "text.flac").write_text("not a sound")
    cut = song("m/cut.wav", seed=9)
    cut.write_bytes(cut.read_bytes()[:-9000])
    for jobs in (1, 2):
        done = shell("scan", tmp_path / "m", "--json", "--jobs", jobs)
        assert done.returncode == 1
        rows = {Path(r["path"]).name: r for r in map(json.loads, done.stdout.splitlines())}
        assert sum(row["error"] is None for row in rows.values()) == 3 and len(rows) == 7
        assert rows["cut.wav"]["error"]["type"] == "TruncatedAudio"
        assert rows["cut.wav"]["verdict"] is not None
        assert b"Traceback" not in done.stderr
        assert b", 3 failed; 1 damaged, heard in part;" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["scan"], "Missing argument"),
        (["scan", "x", "--nope"], "No such option"),
        (["scan", "x", "--false-alarm-rate", "3"], "expected a false-alarm rate"),
        (["scan", "x", "--prior", "0"], "expected a prior"),
        (["scan", "x", "--jobs", "0"], "--jobs"),
        (["scan", "x", "--detector", "defalt"], "did you mean 'default'"),
        (["scan", "x", "--json", "--csv"], "choose one"),
        (["scan", "x", "--calibration", "no.json"], "expected a calibration file"),
        (["list", "atacks"], "did you mean 'attacks'"),
        (["bundle", "info", "nope"], "no bundle named"),
        (["evaluate", "nope.csv"], "cannot be read"),
        (["evaluate", "nope.csv", "--higher-is", "up"], "--higher-is"),
        (["calibrate", "x"], "Missing option"),
        (["nonsense"], "No such command"),
    ],
)
def test_wrong_usage_is_exit_code_2(words, says, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    result = run(*words)
    assert result.exit_code == 2
    assert says in result.output and "Traceback" not in result.output


def test_debug_shows_the_traceback():
    assert shell("--debug", "scan", "x", "--prior", "0").stderr.count(b"Traceback") == 1
    plain = shell("scan", "x", "--prior", "0")
    assert plain.stderr.startswith(b"error: expected a prior") and plain.returncode == 2


def test_a_fault_of_ours_is_one_line_too(song, monkeypatch):
    monkeypatch.setattr("unsung.cli._run.scan_rows", lambda *_, **__: 1 / 0)
    result = run("scan", song())
    assert result.exit_code == 1 and "unexpected ZeroDivisionError" in result.output


def test_a_report_where_nothing_can_be_written(song, tmp_path):
    (tmp_path / "file").write_text("x")
    result = run("scan", song(), "--report", tmp_path / "file" / "pages")
    assert result.exit_code == 1 and "error: " in result.output and "Traceback" not in result.output


def test_a_closed_pipe_is_quiet(song, tmp_path):
    for number in range(8):
        song(f"m/{number}.wav", seed=number)
    command = f"{sys.executable} -m unsung scan {tmp_path / 'm'} --json | head -c 10"
    done = subprocess.run(
        command,
        shell=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == b'{"path": "' and done.stderr == b""


def test_standard_input(song):
    path = song()
    for jobs in (1, 2):
        done = shell("scan", "-", "--json", "--jobs", jobs, input=path.read_bytes())
        row = json.loads(done.stdout)
        assert done.returncode == 0 and row["path"] == "-" and row["logit"] is not None
    empty = shell("scan", "-", input=b"")
    assert empty.returncode == 1 and b"EmptyAudio" in empty.stdout


def test_resume_skips_and_counts(song, tmp_path):
    path, log = song(), tmp_path / "s.jsonl"
    assert run("scan", path, "--resume", log).exit_code == 0
    again = run("scan", path, "--resume", log)
    assert again.exit_code == 0 and again.stdout == "" and "1 skipped" in again.stderr


def test_list(monkeypatch):
    kinds = {entry["kind"] for entry in json.loads(run("list", "--json").stdout)}
    assert {"frontends", "bundles"} <= kinds
    names = [entry["name"] for entry in json.loads(run("list", "frontends", "--json").stdout)]
    assert "residual_spectrum" in names
    text = run("list", "frontends").stdout
    assert text.startswith("frontends\n") and "residual_spectrum  Time-averaged" in text


def test_bundle_info():
    text = run("bundle", "info").stdout
    assert "sha256: " in text and "human_logits: " in text
    values = json.loads(run("bundle", "info", "default", "--json").stdout)
    assert len(values["sha256"]) == 64 and len(values["thresholds"]) == 3 and values["card"]


def test_evaluate_prints_a_table_and_writes_results(tmp_path):
    rows = [f"{n}.mp3,{'ai' if n % 2 else 'human'},{n % 2 + n / 100}" for n in range(60)]
    table, out = tmp_path / "s.csv", tmp_path / "r.jsonl"
    table.write_text("\n".join(["path,label,score", *rows, "x.mp3,mixed,1"]) + "\n")
    result = run("evaluate", table, "-o", out)
    assert result.exit_code == 0, result.output
    assert "| auc | 1.000 [1.000, 1.000] | 60 | 60 |" in result.stdout
    assert "left out: 1 (label 'mixed')" in result.stderr
    assert json.loads(out.read_text().splitlines()[0])["metric"] == "auc"
    assert run("evaluate", table, "--json").stdout == out.read_text()


def test_calibrate_then_scan(song, tmp_path):
    for number in range(20):
        song(f"m/{number}.wav", seed=number)
    file = tmp_path / "mine.json"
    result = run("calibrate", tmp_path / "m", "-o", file, "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert "20 human recordings, 0 left out" in result.stdout
    assert "99 needed" in result.stdout
    words = ("scan", tmp_path / "m" / "1.wav", "--calibration", file, "--json")
    row = json.loads(run(*words, "--false-alarm-rate", 0.05).stdout)
    assert "thresholds: mine, n = 20" in row["calibration"] and row["verdict"] != "ai"
    wrong = run(*words, "--false-alarm-rate", 0.02)
    assert wrong.exit_code == 2 and "use one of them" in wrong.output


def test_calibrate_on_nothing_usable(tmp_path):
    result = run("calibrate", tmp_path / "no.wav", "-o", tmp_path / "x.json")
    assert result.exit_code == 1 and not (tmp_path / "x.json").exists()


def test_calibrate_names_what_failed(song, tmp_path):
    song("m/a.wav")
    (tmp_path / "m" / "text.flac").write_text("hello")
    result = run("calibrate", tmp_path / "m", "-o", tmp_path / "x.json", "--jobs", 1)
    assert result.exit_code == 1 and "1 human recordings, 1 left out" in result.stdout
    assert "text.flac · NotAudio" in result.stderr
    assert (tmp_path / "x.json").is_file()  # the others count all the same


def test_demo_on_a_song(song, tmp_path):
    result = run("demo", song(), "-o", tmp_path / "demo")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "demo" / "report" / "index.html").is_file()


@pytest.mark.slow
def test_demo_makes_its_own_sound(tmp_path):
    result = run("demo", "-o", tmp_path)
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) >= 4
    assert (tmp_path / "report" / "index.html").is_file()


def test_a_line_holds_what_a_user_needs():
    score = Score(
        "a.mp3",
        duration_s=185.0,
        logit=3.21,
        probability=0.97,
        prior=0.5,
        calibration="set: n = 3",
        verdict="ai",
        covered_s=30.0,
        provenance=(Provenance("tool", "TSSE", "maker"), Provenance("encoder", "x", "LAME")),
    )
    assert score_line(score) == (
        "AI         97 % AI (set)  logit +3.21  3:05 (heard 0:30)  a.mp3"
        " · the file says: TSSE=maker"
    )
    assert "\x1b[" in score_line(score, colour=True)
    failed = Score("a.mp3", error=Failure("NotAudio", "a.mp3: a page; give sound"))
    assert score_line(failed) == "error      a.mp3 · NotAudio: a page; give sound"
    bare = Score("a.mp3", logit=1.0, probability=0.9, verdict="ai")
    assert "90" not in score_line(bare)  # never a probability without its calibration


def test_the_counts_of_a_summary_add_up(song, tmp_path):
    whole = song("m/whole.wav")
    (tmp_path / "m" / "text.flac").write_text("hello")
    data = whole.read_bytes()
    (tmp_path / "m" / "cut.wav").write_bytes(data[: len(data) // 2])
    done = run("scan", str(tmp_path / "m"))
    assert done.exit_code == 1
    summary = next(line for line in done.stderr.splitlines() if line.startswith("3 tracks: "))
    assert ", 1 failed; 1 damaged, heard in part;" in summary
    counts = [int(n) for n in re.findall(r"(\d+) (?:AI|human|undecided|failed)", summary)]
    assert len(counts) == 4 and sum(counts) == 3


def test_names_cannot_move_the_cursor():
    assert printable("a\x1b[2J\nb\udce9") == "a\\x1b[2J\\nb\\udce9"
    assert "\x1b" not in score_line(Score("\x1b[31m.mp3", error=Failure("X", "\x1b[31m: no")))


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_shows_progress_and_a_pipe_does_not(song, tmp_path):
    import pty

    for number in range(3):
        song(f"m/{number}.wav", seed=number)
    code = "import unsung.cli._console as c; c._QUIET_S = 0.0; from unsung.cli import app; app()"
    command = [sys.executable, "-c", code, "scan", str(tmp_path / "m"), "--json"]
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    leader, follower = pty.openpty()
    try:
        done = subprocess.run(
            command, env=env, stdout=subprocess.PIPE, stderr=follower, timeout=60, check=False
        )
        shown = os.read(leader, 1 << 16).decode()
    finally:
        os.close(leader)
        os.close(follower)
    assert len([json.loads(line) for line in done.stdout.splitlines()]) == 3
    assert "tracks/s" in shown and "x real time" in shown and "3 tracks: " in shown
    piped = subprocess.run(command, env=env, capture_output=True, timeout=60, check=False)
    assert b"tracks/s" not in piped.stderr and b"\x1b" not in piped.stderr


@pytest.mark.skipif(not hasattr(signal, "SIGINT"), reason="needs signals")
def test_ctrl_c_keeps_what_is_done(song, tmp_path):
    for number in range(60):
        song(f"m/{number}.wav", seed=number)
    log = tmp_path / "s.jsonl"
    command = [sys.executable, "-m", "unsung", "scan", str(tmp_path / "m"), "--jobs", "2"]
    process = subprocess.Popen(
        [*command, "--resume", str(log)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (log.exists() and log.read_bytes().count(b"\n") > 2):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, shown = process.communicate(timeout=120)
    if process.returncode == 0:
        pytest.skip("the scan was faster than the signal")
    assert process.returncode == 130 and b"Traceback" not in shown
    rows = log.read_bytes()
    assert rows.endswith(b"\n") and all(json.loads(line) for line in rows.splitlines())
