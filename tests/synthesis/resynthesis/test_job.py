# SPDX-License-Identifier: MIT
from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch")

from unsung.audio.write import write
from unsung.errors import ManifestError, UnknownName, UnsungError, UsageError
from unsung.synthesis.resynthesis.zoo import Zoo
from unsung.synthesis.resynthesise import parse_systems, resynthesise
from unsung.types import Manifest

from .helpers import music


@pytest.fixture
def folder(tmp_path) -> Path:
    source = tmp_path / "music"
    (source / "deep").mkdir(parents=True)
    for seed, name in enumerate(("one.wav", "deep/one.wav", "two.flac")):
        write(source / name, music(0.6, 22050, 1 + seed % 2, seed))
    return source


def test_systems_are_read_as_written() -> None:
    assert parse_systems("lyra, zoo:64,zoo@17,encodec:48khz-24kbps,lyra") == (
        ("lyra", "6kbps"),
        ("zoo", "64"),
        ("zoo", "@17"),
        ("encodec", "48khz-24kbps"),
    )
    with pytest.raises(UnknownName, match="did you mean 'lyra'"):
        parse_systems("lyro")
    with pytest.raises(UnknownName, match="setting of lyra"):
        parse_systems("lyra:7kbps")
    with pytest.raises(UsageError, match=r"known:.*zoo"):
        parse_systems(" , ")


def test_copies_are_pairs_with_their_originals(folder, tmp_path) -> None:
    done = resynthesise(folder, "zoo:8,zoo@3", tmp_path / "out", originals=True)
    tracks = Manifest.load(tmp_path / "out" / "manifest.jsonl").tracks
    assert (done.tracks, done.copies, done.problems) == (3, 6, ())
    assert len(tracks) == 9
    assert len({track.id for track in tracks}) == 9
    by_id = {track.id: track for track in tracks}
    for track in tracks:
        original = by_id[track.pair_id]
        assert original.label == "human"
        assert (track.recording, track.group) == (original.recording, original.group)
        info = soundfile.info(track.path)
        assert (info.format, info.subtype, info.samplerate) == ("FLAC", "PCM_16", 22050)
        assert info.frames == round(0.6 * 22050)
        assert info.channels == track.channels
    copies = [track for track in tracks if track.label == "resynth"]
    assert {track.generator for track in copies if "zoo-0003" in track.id} == {"zoo-0003"}
    assert {track.family for track in copies} == {"zoo"}
    system = next(item for item in done.systems if item.name == "zoo:@3")
    assert system.snr_db > 10
    assert system.lag == 0
    assert system.times_real_time > 0
    facts = json.loads((tmp_path / "out" / "systems.json").read_text())
    assert [item["system"] for item in facts] == ["zoo", "zoo"]


def test_the_file_holds_what_the_system_makes(folder, tmp_path) -> None:
    resynthesise(folder / "one.wav", "zoo@4", tmp_path / "out", bits=24)
    track = Manifest.load(tmp_path / "out" / "manifest.jsonl").tracks[1]
    held = soundfile.read(track.path, dtype="float32", always_2d=True)[0].T
    made = Zoo("@4")(music(0.6, 22050, 1, 0)).samples
    assert soundfile.info(track.path).subtype == "PCM_24"
    assert np.abs(held - made).max() < 2**-22


def test_rows_of_a_manifest_keep_what_is_known(folder, tmp_path) -> None:
    table = tmp_path / "list.csv"
    with table.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow("id path label dataset licence recording group fold".split())  # noqa: SIM905
        writer.writerow(["a", "music/one.wav", "human", "mine", "CC0-1.0", "rec", "album", "2"])
        writer.writerow(["b", "music/two.flac", "ai", "mine", "", "", "", ""])
    done = resynthesise(table, "zoo@4", tmp_path / "out")
    original, copy = Manifest.load(tmp_path / "out" / "manifest.jsonl").tracks
    assert done.left_out == 1
    assert (original.id, original.path) == ("a", str(tmp_path / "music/one.wav"))
    assert (copy.id, copy.pair_id, copy.label, copy.generator) == (
        "a@zoo-0004", "a", "resynth", "zoo-0004",
    )  # fmt: skip
    inherited = (copy.dataset, copy.licence, copy.recording, copy.group, copy.split)
    assert inherited == ("mine", "CC0-1.0", "rec", "album", "2")
    table.write_text("path,label\nmusic/one.wav,ai\n")
    with pytest.raises(ManifestError, match="labelled human"):
        resynthesise(table, "zoo@4", tmp_path / "none")


def test_one_bad_file_costs_a_problem_and_nothing_else(folder, tmp_path) -> None:
    (folder / "broken.mp3").write_bytes(b"not sound at all")
    rows = []
    done = resynthesise(folder, "zoo@4", tmp_path / "out", on_row=rows.append)
    assert done.copies == 3
    assert [(track, system) for track, system, _ in done.problems] == [("broken.mp3", "zoo:@4")]
    assert len(rows) == 4
    assert "broken.mp3" not in (tmp_path / "out" / "manifest.jsonl").read_text()
    write(folder / "broken.mp3", music(0.6, 22050))
    again = resynthesise(folder, "zoo@4", tmp_path / "out")
    assert (again.copies, again.resumed, again.problems) == (4, 3, ())


def test_a_finished_run_does_nothing_again_and_more_systems_add(folder, tmp_path) -> None:
    out = tmp_path / "out"
    resynthesise(folder, "zoo@4", out)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.flac")}
    rows = []
    done = resynthesise(folder, "zoo@4,zoo@2", out, originals=True, on_row=rows.append)
    assert {row["system"] for row in rows} == {"zoo:@2", "original"}
    assert done.copies == 6
    assert all(path.stat().st_mtime_ns == before for path, before in times.items())
    with pytest.raises(UsageError, match="other options"):
        resynthesise(folder, "zoo@4", out, seed=1)


def test_a_line_cut_by_a_kill_and_a_lost_file_are_made_again(folder, tmp_path) -> None:
    out = tmp_path / "out"
    resynthesise(folder, "zoo@4", out)
    whole = (out / "manifest.jsonl").read_bytes()
    log = out / "rows.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-1]) + lines[-1][:40])
    Path(json.loads(lines[1])["copy"]["path"]).unlink()
    done = resynthesise(folder, "zoo@4", out)
    assert done.resumed == 1
    assert (out / "manifest.jsonl").read_bytes() == whole


@pytest.mark.slow
def test_two_processes_make_what_one_makes_even_after_a_kill(folder, tmp_path) -> None:
    for seed in range(3, 9):
        write(folder / f"{seed}.wav", music(4.0, 22050, 2, seed))
    resynthesise(folder, "zoo:8,griffin_phase", tmp_path / "one")
    script = tmp_path / "run.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\n"
        "from unsung.synthesis.resynthesise import resynthesise\n"
        "if __name__ == '__main__':\n"
        "    resynthesise(sys.argv[1], 'zoo:8,griffin_phase', Path(sys.argv[2]), jobs=2)\n"
    )
    command = [sys.executable, str(script), str(folder), str(tmp_path / "two")]
    process = subprocess.Popen(command, start_new_session=True)
    log = tmp_path / "two" / "rows.jsonl"
    for _ in range(600):
        if log.is_file() and len(log.read_bytes().splitlines()) > 3:
            break
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    held = len(log.read_bytes().splitlines()) - 1
    assert 0 < held < 18
    subprocess.run(command, check=True)
    one, two = (
        {t.id: t.sha256 for t in Manifest.load(tmp_path / run / "manifest.jsonl")}
        for run in ("one", "two")
    )
    assert len(one) == 9 * 3
    assert one == two


def test_one_rate_for_all_takes_the_band_away(folder, tmp_path) -> None:
    resynthesise(folder / "one.wav", "zoo@4", tmp_path / "out", originals=True, rate_hz=16000)
    tracks = Manifest.load(tmp_path / "out" / "manifest.jsonl").tracks
    assert {soundfile.info(track.path).samplerate for track in tracks} == {16000}


def test_what_is_missing_shows_before_any_work(folder, tmp_path) -> None:
    with pytest.raises(UnsungError, match="soundstream_encoder"):
        resynthesise(folder, "lyra", tmp_path / "out", weights={"lyra": tmp_path})
    with pytest.raises(UsageError, match="not among the systems"):
        resynthesise(folder, "zoo@4", tmp_path / "out", weights={"lyra": tmp_path})
    with pytest.raises(UsageError, match="16 or 24 bits"):
        resynthesise(folder, "zoo@4", tmp_path / "out", bits=8)
    with pytest.raises(UsageError, match="nothing"):
        resynthesise(tmp_path / "nothing", "zoo@4", tmp_path / "out")


def test_the_command_teaches_and_reports(folder, tmp_path) -> None:
    import typer
    from typer.testing import CliRunner

    from unsung.cli._synth_resynthesise import resynthesise as command

    app = typer.Typer()
    app.command()(command)
    runner = CliRunner()
    listed = runner.invoke(app, ["--list"])
    assert listed.exit_code == 0
    assert "encodec" in listed.output
    assert "zoo" in listed.output
    out = str(tmp_path / "out")
    made = runner.invoke(app, [str(folder), "--with", "zoo@4", "-o", out, "--quiet"])
    assert made.exit_code == 0, made.output
    assert "3 copies of 3 tracks" in made.output
    (folder / "bad.wav").write_bytes(b"bad")
    failed = runner.invoke(app, [str(folder), "--with", "zoo@4", "-o", out, "--json"])
    assert failed.exit_code == 1
    assert json.loads(failed.stdout.splitlines()[-1])["problems"][0][0] == "bad.wav"
    wrong = runner.invoke(app, [str(folder), "--with", "zoo@4"])
    assert isinstance(wrong.exception, UsageError)
    assert "--output" in str(wrong.exception)
