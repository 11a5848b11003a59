# SPDX-License-Identifier: MIT
from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from unsung.core.records import Journal
from unsung.data import read_manifest
from unsung.errors import ManifestError, UnknownName, UsageError
from unsung.synthesis.generate import generate_dataset, take_prompts
from unsung.synthesis.generators.base import Generator, GeneratorError, Info, NotReady
from unsung.synthesis.prompts import Plan, Prompt, auto_prompts
from unsung.types import Clip

RATE = 8000


class Tone(Generator):
    """Noise by seed; fails as its prompt says."""

    info = Info("Tone", "Test", "CC0-1.0", "", "nothing", default_s=0.5, longest_s=9.0)

    def __init__(self, *, model: str = "tone-1", gain: float = 0.1) -> None:
        super().__init__(model=model, gain=gain)
        self.calls: list[str] = []

    def generate(self, prompt: Prompt, seed: int, duration_s: float) -> Clip:
        self.calls.append(prompt.id)
        if prompt.style == "raise":
            raise GeneratorError("it failed")
        if prompt.style == "bug":
            raise ZeroDivisionError("a bug")
        if prompt.style == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        if prompt.style == "gone":
            raise NotReady("its program is gone")
        sound = np.random.default_rng(seed).standard_normal((2, round(duration_s * RATE)))
        if prompt.style in ("nan", "silent", "empty"):
            sound *= {"nan": np.nan, "silent": 0, "empty": 1}[prompt.style]
            sound = sound[:, : 0 if prompt.style == "empty" else None]
        return Clip((self.settings["gain"] * sound).astype("f4"), RATE)


def prompts(*styles):
    return [Prompt(f"p{i}", "full", style, seed=i) for i, style in enumerate(styles)]


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_dataset_is_complete(tmp_path):
    seen = []
    done = generate_dataset(Tone(), prompts("a", "b"), tmp_path, progress=seen.append)
    assert (done.made, done.kept, done.failed) == (2, 0, 0)
    assert done.audio_s == pytest.approx(1.0)
    manifest = read_manifest(tmp_path / "manifest.jsonl")
    for track, prompt in zip(manifest, prompts("a", "b"), strict=True):
        path = Path(track.path)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == track.sha256
        assert (track.label, track.use, track.generator) == ("ai", "full", "tone-1")
        assert (track.family, track.licence, track.codec) == ("Test", "CC0-1.0", "flac")
        assert (track.duration_s, track.sample_rate_hz, track.channels) == (0.5, RATE, 2)
        sound, rate = soundfile.read(path, always_2d=True)
        assert (sound.shape, rate) == ((RATE // 2, 2), RATE)
        expected = Tone().generate(prompt, prompt.seed, 0.5).samples
        np.testing.assert_allclose(sound.T, expected, atol=2**-23)
    assert [r["id"] for r in rows(tmp_path / "prompts.jsonl")] == ["p0", "p1"]
    first = rows(tmp_path / "provenance.jsonl")[0]
    assert (first["seed"], first["provenance"]["model"]) == (0, "tone-1")
    assert first["prompt"]["style"] == "a"
    assert not rows(tmp_path / "problems.jsonl")
    assert [s.made for s in seen] == [1, 2] and seen[-1].left_s == 0
    assert not list((tmp_path / "audio").glob(".*"))


def test_loud_sound_is_turned_down_not_cut(tmp_path):
    generate_dataset(Tone(gain=2.0), prompts("a"), tmp_path)
    (row,) = rows(tmp_path / "provenance.jsonl")
    sound = soundfile.read(tmp_path / row["path"])[0].T
    expected = Tone(gain=2.0).generate(prompts("a")[0], 0, 0.5).samples * row["gain"]
    assert row["gain"] < 0.5
    np.testing.assert_allclose(sound, expected, atol=2**-22)


def test_one_failure_never_stops_the_rest(tmp_path):
    wanted = prompts("a", "raise", "nan", "silent", "empty", "bug", "b")
    done = generate_dataset(Tone(), wanted, tmp_path)
    assert (done.made, done.failed) == (2, 5)
    problems = {r["id"]: r for r in rows(tmp_path / "problems.jsonl")}
    kinds = [problems[f"p{i}"]["error"] for i in range(1, 6)]
    assert kinds == [
        "GeneratorError",
        "NotFinite",
        "SilentAudio",
        "EmptyAudio",
        "ZeroDivisionError",
    ]
    assert problems["p1"]["message"] == "it failed"
    assert len(read_manifest(tmp_path / "manifest.jsonl")) == 2


def test_run_again_makes_only_what_is_missing(tmp_path):
    wanted = prompts("a", "raise", "b")
    generate_dataset(Tone(), wanted, tmp_path)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "audio").iterdir()}
    again = Tone()
    done = generate_dataset(again, [*wanted, Prompt("new", "full", "c", seed=9)], tmp_path)
    assert again.calls == ["p1", "new"]  # what failed is tried again
    assert (done.made, done.kept, done.failed) == (1, 2, 1)
    assert all(p.stat().st_mtime_ns == t for p, t in before.items())
    assert len(read_manifest(tmp_path / "manifest.jsonl")) == 3


def test_lost_file_is_made_again(tmp_path):
    generate_dataset(Tone(), prompts("a", "b"), tmp_path)
    (tmp_path / "audio" / "p0.flac").unlink()
    again = Tone()
    generate_dataset(again, prompts("a", "b"), tmp_path)
    assert again.calls == ["p0"]
    assert len(read_manifest(tmp_path / "manifest.jsonl")) == 2


def test_half_a_row_of_a_kill_is_dropped(tmp_path):
    generate_dataset(Tone(), prompts("a"), tmp_path)
    with (tmp_path / "provenance.jsonl").open("ab") as file:
        file.write(b'{"id": "p1", "pa')
    generate_dataset(Tone(), prompts("a", "b"), tmp_path)
    assert [r["id"] for r in rows(tmp_path / "provenance.jsonl")] == ["p0", "p1"]


@pytest.mark.parametrize(("style", "error"), [("full", OSError), ("gone", NotReady)])
def test_full_disk_and_lost_program_stop_but_lose_nothing(tmp_path, style, error):
    with pytest.raises(error):
        generate_dataset(Tone(), prompts("a", style, "b"), tmp_path)
    assert len(read_manifest(tmp_path / "manifest.jsonl")) == 1
    again = Tone()
    generate_dataset(again, prompts("a")[:1], tmp_path)
    assert again.calls == []


def test_another_job_is_refused(tmp_path):
    generate_dataset(Tone(), prompts("a"), tmp_path)
    with pytest.raises(UsageError, match=r"another job \(gain differ\)"):
        generate_dataset(Tone(gain=0.2), prompts("a"), tmp_path)
    with pytest.raises(UsageError, match=r"another job \(duration_s differ\)"):
        generate_dataset(Tone(), prompts("a"), tmp_path, duration_s=1.0)
    with pytest.raises(UsageError, match="prompt 'p0' was another one"):
        generate_dataset(Tone(), prompts("z"), tmp_path)


def test_two_jobs_at_once_are_kept_apart(tmp_path):
    with (
        Journal(tmp_path / "provenance.jsonl"),
        pytest.raises(UsageError, match="writing this file"),
    ):
        generate_dataset(Tone(), prompts("a"), tmp_path)


def test_damaged_journal_is_named(tmp_path):
    path = tmp_path / "j.jsonl"
    path.write_text('{"a": 1}\nnonsense\n')
    with pytest.raises(ManifestError, match="line 2"):
        Journal(path, error=ManifestError)
    path.write_text("[1]\n")
    with pytest.raises(ManifestError, match="something else"):
        Journal(path, error=ManifestError)
    path.write_bytes(b"RIFFdata")
    with pytest.raises(ManifestError, match="something else"):
        Journal(path, error=ManifestError)
    assert path.read_bytes() == b"RIFFdata"


def test_ids_cannot_leave_the_folder(tmp_path):
    names = ["../../evil", "a/b", ".hidden", "x" * 300, "naïve ö", "a_b"]
    wanted = [Prompt(name, "full", "a", seed=i) for i, name in enumerate(names)]
    generate_dataset(Tone(), wanted, tmp_path / "out")
    files = list((tmp_path / "out" / "audio").iterdir())
    assert len(files) == len(names)
    assert not [p for p in tmp_path.iterdir() if p.name != "out"]


def test_made_from_a_real_song_stays_in_its_group(tmp_path):
    wanted = [Prompt(i, "half", "a", seed=1, source="s1") for i in ("x", "y")]
    generate_dataset(Tone(), [*wanted, *prompts("a")], tmp_path)
    groups = {t.id: t.group for t in read_manifest(tmp_path / "manifest.jsonl")}
    assert groups == {"tone-1-x": "song-s1", "tone-1-y": "song-s1", "tone-1-p0": "prompt-p0"}


def test_take_prompts(tmp_path):
    tone = Tone()
    assert take_prompts("auto", 3, 5, tone) == auto_prompts(3, Plan(sings=False, seed=5))
    assert len(take_prompts("auto", None, 0, tone)) == 10
    (tmp_path / "p.txt").write_text("a\nb\nc\n")
    assert len(take_prompts(str(tmp_path / "p.txt"), 2, 0, tone)) == 2
    assert len(take_prompts(str(tmp_path / "p.txt"), None, 0, tone)) == 3
    with pytest.raises(ManifestError, match="expected 9 prompts, found 3"):
        take_prompts(str(tmp_path / "p.txt"), 9, 0, tone)
    with pytest.raises(ManifestError, match="cannot be read"):
        take_prompts(str(tmp_path / "none.jsonl"), 1, 0, tone)


@pytest.mark.parametrize("length_s", [0.0, 10.0])
def test_impossible_length_is_refused_before_anything_is_written(tmp_path, length_s):
    with pytest.raises(UsageError, match="up to 9 s"):
        generate_dataset(Tone(), prompts("a"), tmp_path / "out", duration_s=length_s)
    assert not (tmp_path / "out").exists()


def test_unknown_setting_suggests():
    from unsung.synthesis.generators.base import build

    with pytest.raises(UnknownName, match="did you mean 'guidance_scale'"):
        build("musicgen", {"guidance_scael": "3"})
    with pytest.raises(UsageError, match="expected float for the setting guidance_scale"):
        build("musicgen", {"guidance_scale": "much"})


@pytest.mark.slow  # starts Python several times; the half-row test is its fast twin
@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_kill_minus_nine_at_any_time_loses_and_doubles_nothing(tmp_path):
    """Kill a real process again and again until the job is done; every clip is made once."""
    script = tmp_path / "job.py"
    script.write_text(
        textwrap.dedent(f"""
        import sys, time
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        import test_generate as t
        class Slow(t.Tone):
            def generate(self, prompt, seed, duration_s):
                time.sleep(0.02)
                return super().generate(prompt, seed, duration_s)
        print("ready", flush=True)
        t.generate_dataset(Slow(), t.prompts(*"abcdefghijklmnopqrst"), Path(sys.argv[1]))
        """)
    )
    out, kills = tmp_path / "out", 0
    for delay_s in (0.1, 0.13, 0.17, 30, 30):
        process = subprocess.Popen([sys.executable, script, out], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(delay_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        process.stdout.close()
        if process.returncode == 0:
            break
    assert process.returncode == 0 and kills >= 1
    ids = [r["id"] for r in rows(out / "provenance.jsonl")]
    assert sorted(ids) == sorted(f"p{i}" for i in range(20))  # each once
    for track in read_manifest(out / "manifest.jsonl"):
        assert hashlib.sha256(Path(track.path).read_bytes()).hexdigest() == track.sha256


def test_time_left_is_estimated(tmp_path):
    states = []

    class Slow(Tone):
        def generate(self, prompt, seed, duration_s):
            time.sleep(0.03)
            return super().generate(prompt, seed, duration_s)

    generate_dataset(Slow(), prompts(*"abcd"), tmp_path, progress=states.append)
    assert states[0].left_s >= 3 * 0.03
    assert states[0].left_s > states[-1].left_s == 0
