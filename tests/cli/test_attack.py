# SPDX-License-Identifier: MIT
from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from unsung.cli import app

RUNNER = CliRunner()


def run(*words: object):
    return RUNNER.invoke(app, [str(word) for word in words])


@pytest.fixture
def song(tmp_path):
    t = np.arange(3 * 22050) / 22050
    sound = 0.3 * np.sin(2 * np.pi * 440 * t)[:, None] * [1, 0.5]
    sound += 0.01 * np.random.default_rng(0).standard_normal(sound.shape)
    soundfile.write(tmp_path / "song.wav", sound, 22050)
    return tmp_path / "song.wav"


def test_says_what_was_done(song, tmp_path):
    out = tmp_path / "out.wav"
    done = run("attack", song, "--with", "noise_snr", "--strength", 20, "-o", out)
    assert done.exit_code == 0, done.output
    assert "noise_snr@20 (seed 0)" in done.output
    assert "0:03 -> 0:03" in done.output
    assert "SNR:     20.0 dB" in done.output
    assert soundfile.info(out).frames == 3 * 22050


def test_pitch_shift_up(song, tmp_path):
    out = tmp_path / "out.wav"
    assert run("attack", song, "--with", "pitch_shift", "--strength", 2, "-o", out).exit_code == 0
    left = soundfile.read(out)[0][2000:-2000, 0]
    peak_hz = np.abs(np.fft.rfft(left * np.hanning(len(left)))).argmax() * 22050 / len(left)
    assert peak_hz == pytest.approx(440 * 2 ** (2 / 12), abs=0.5)


@pytest.mark.parametrize("name", ["out.flac", "out.ogg", "out.opus", "out.mp3"])
def test_chain_writes_by_extension(song, tmp_path, name):
    out = tmp_path / name
    done = run("attack", song, "--with", "mp3@64+speed@1.5", "--seed", 3, "-o", out)
    assert done.exit_code == 0, done.output
    assert "mp3@64+speed@1.5 (seed 3)" in done.output and "time was moved" in done.output
    assert soundfile.info(out).duration == pytest.approx(2.0, abs=0.1)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["song.wav", name])


def test_preset_partner_and_json(song, tmp_path):
    out = tmp_path / "out.wav"
    assert "vorbis@160" in run("attack", song, "--with", "spotify", "-o", out).output
    words = ("attack", song, "--with", "mix", "--partner", song, "--json", "-o", out)
    record = json.loads(run(*words, "--strength", 0).output)
    assert record["chain"] == "mix@0" and record["snr_db"] == pytest.approx(0, abs=0.01)
    same = run("attack", song, "--with", "gain@0", "-o", out, "--json")
    assert json.loads(same.output)["snr_db"] is None
    assert "unchanged" in run("attack", song, "--with", "gain@0", "-o", out).output


def test_same_seed_same_file(song, tmp_path):
    files = [tmp_path / f"{i}.wav" for i in range(3)]
    for path, seed in zip(files, (1, 1, 2), strict=True):
        run("attack", song, "--with", "crowd_noise", "--seed", seed, "-o", path)
    one, two, other = (soundfile.read(path)[0] for path in files)
    assert np.array_equal(one, two) and not np.array_equal(one, other)


def test_cut_peaks_are_told(song, tmp_path):
    words = ("attack", song, "--with", "gain@20", "-o")
    assert "peaks reach" in run(*words, tmp_path / "out.flac").output
    assert "peaks reach" not in run(*words, tmp_path / "out.wav").output


def test_list():
    done = run("attack", "--list")
    assert done.exit_code == 0
    for word in ("settings :delay_s=0.02", "amr_nb", "room", "playback"):
        assert word in done.output, word
    for word in ("pitch_shift", "semitones", "youtube", "needs --partner", "Python only"):
        assert word in done.output, word


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "expected SONG, got none"),
        (["{song}"], "expected --with, got none"),
        (["{song}", "--with", "gain"], "expected --output, got none"),
        (["{song}", "--with", "gian", "-o", "{out}"], "did you mean 'gain'"),
        (["{song}", "--with", "echo:delay=1@1", "-o", "{out}"], "did you mean 'delay_s'"),
        (["{song}", "--with", "mp3:rate_hz=1@64", "-o", "{out}"], "whole rate from 4000"),
        (["{song}", "--with", "youtub", "-o", "{out}"], "did you mean 'youtube'"),
        (["{song}", "--with", "gain", "--strength", "900", "-o", "{out}"], "from -90 to 60 dB"),
        (["{song}", "--with", "gain@3", "--strength", "9", "-o", "{out}"], "for one attack"),
        (["{song}", "--with", "radio", "--strength", "9", "-o", "{out}"], "after a preset"),
        (["{song}", "--with", "gain", "-o", "{song}"], "is the input itself"),
        (["{song}", "--with", "gain", "-o", "{out}.xyz"], "no sound file extension named '.xyz'"),
        (["{song}", "--with", "pgd", "-o", "{out}"], "build it in Python"),
        (["{song}", "--with", "mix", "-o", "{out}"], "--partner FILE"),
    ],
)
def test_wrong_usage_is_exit_2(song, tmp_path, words, message):
    out = tmp_path / "out.wav"
    before = song.read_bytes()
    done = run("attack", *(word.format(song=song, out=out) for word in words))
    assert done.exit_code == 2, done.output
    assert message in " ".join(done.output.split())
    assert song.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["song.wav"]


def test_unreadable_input_is_exit_1(tmp_path):
    done = run("attack", tmp_path / "none.mp3", "--with", "gain", "-o", tmp_path / "out.wav")
    assert done.exit_code == 1 and "none.mp3" in done.output
    (tmp_path / "text.mp3").write_text("not sound" * 50)
    done = run("attack", tmp_path / "text.mp3", "--with", "gain", "-o", tmp_path / "out.wav")
    assert done.exit_code == 1 and "text.mp3" in done.output


def test_missing_folder_is_made(song, tmp_path):
    done = run("attack", song, "--with", "gain", "-o", tmp_path / "none" / "out.wav")
    assert done.exit_code == 0 and (tmp_path / "none" / "out.wav").exists()


def test_settings_go_with_a_strength_of_its_own(song, tmp_path):
    out = tmp_path / "out.wav"
    words = ("attack", song, "--with", "echo:delay_s=0.05", "--strength", 1, "-o", out)
    done = run(*words)
    assert done.exit_code == 0, done.output
    assert "did:     echo:delay_s=0.05@1 (seed 0)" in done.output


def test_standard_input(song, tmp_path):
    words = ["attack", "-", "--with", "gain@-6", "-o", str(tmp_path / "out.wav")]
    done = RUNNER.invoke(app, words, input=song.read_bytes())
    assert done.exit_code == 0, done.output
