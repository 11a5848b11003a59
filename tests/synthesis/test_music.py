# SPDX-License-Identifier: MIT
"""Scores, instruments and the demo folder: pitch, decay, level, and the same sound each time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from unsung.errors import UnknownName
from unsung.synthesis.demo import make_demo
from unsung.synthesis.render import PEAK_DB, render, room
from unsung.synthesis.score import PIECES, Note, Piece, compose, note_hz
from unsung.synthesis.timbres import TIMBRES, bell, decaying_partials, pad, piano, plucked

RATE = 44100
PITCHED = ["piano", "guitar", "bell", "pad", "bass"]


def play(part: str, hz: float, duration_s: float = 1.0, seed: int = 0) -> np.ndarray:
    return TIMBRES[part](hz, duration_s, 0.7, RATE, np.random.default_rng(seed))


def fundamental_hz(sound: np.ndarray, near_hz: float) -> float:
    part = sound[2000 : RATE - 2000]
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 19))
    hz = np.fft.rfftfreq(1 << 19, 1 / RATE)
    window = (hz > near_hz * 0.94) & (hz < near_hz * 1.06)
    return float(hz[window][power[window].argmax()])


@pytest.mark.parametrize("midi", [45, 57, 64, 76])
@pytest.mark.parametrize("part", PITCHED)
def test_instruments_are_in_tune(part: str, midi: int) -> None:
    hz = note_hz(midi)
    cents = 1200 * np.log2(fundamental_hz(play(part, hz), hz) / hz)
    assert abs(cents) < (9 if part == "pad" else 4)


@pytest.mark.parametrize("part", ["piano", "guitar", "bell", "bass"])
def test_struck_and_plucked_sounds_die_away(part: str) -> None:
    sound = play(part, 220, 3.0)
    levels = [sound[i : i + RATE // 4].std() for i in range(2000, 3 * RATE - RATE // 4, RATE // 2)]
    assert all(late < early for early, late in pairwise(levels))
    assert levels[-1] < 0.35 * levels[0]


@pytest.mark.parametrize("part", sorted(TIMBRES))
def test_no_clicks_at_the_ends(part: str) -> None:
    sound = play(part, 220)
    assert np.isfinite(sound).all() and 0.02 < np.abs(sound).max() < 6
    assert abs(sound[-1]) < 1e-3 * np.abs(sound).max()


def test_harder_is_brighter() -> None:
    def centre(velocity: float) -> float:
        sound = piano(220, 1.0, velocity, RATE, np.random.default_rng(0))
        power = np.abs(np.fft.rfft(sound)) ** 2
        return float(np.average(np.fft.rfftfreq(len(sound), 1 / RATE), weights=power))

    assert centre(0.9) > 1.1 * centre(0.3)


def test_piano_strings_are_stiff() -> None:
    sound = play("piano", 220)
    tenth = fundamental_hz(sound, 2200 * 1.011)
    assert 1.004 < tenth / 2200 < 1.03  # sqrt(1 + B·100) with B = 2.5e-4


def test_low_rates_do_not_alias() -> None:
    for timbre in (piano, plucked, pad, bell):
        sound = timbre(1000, 0.3, 0.7, 16000, np.random.default_rng(0))
        assert np.isfinite(sound).all() and len(sound) >= 0.3 * 16000


def test_partials_equal_the_slow_sum() -> None:
    hz, decay, loud = np.array([200.0, 333.3]), np.array([0.5, 0.1]), np.array([1.0, 0.5])
    t = np.arange(round(0.3 * RATE)) / RATE
    slow = sum(
        a * np.exp(-t / d) * np.sin(2 * np.pi * f * t)
        for f, d, a in zip(hz, decay, loud, strict=True)
    )
    assert np.allclose(decaying_partials(hz, decay, loud, 0.3, RATE), slow, atol=1e-9)


@pytest.mark.parametrize("name", PIECES)
def test_scores(name: str) -> None:
    piece = compose(name, 1)
    assert piece == compose(name, 1) and piece != compose(name, 2)
    assert 24 <= piece.duration_s <= 29 and len(piece.notes) > 60
    assert len({note.part for note in piece.notes}) >= 3
    for note in piece.notes:
        assert note.part in TIMBRES and 24 <= note.midi <= 96
        assert note.start_s >= 0 and note.duration_s > 0 and 0 < note.velocity <= 1
    assert Piece.from_dict(piece.to_dict()) == piece


def test_unknown_piece_is_suggested() -> None:
    with pytest.raises(UnknownName, match="did you mean 'guitar'"):
        compose("gitar")


def test_room_decays_and_differs_left_and_right() -> None:
    response = room(RATE, 0.9)
    assert np.square(response).sum(axis=1) == pytest.approx([1, 1])
    assert abs(np.corrcoef(response)[0, 1]) < 0.6
    assert response[:, -4000:].std() < 0.02 * response[:, 1000:5000].std()


def test_render_levels_and_floor() -> None:
    piece = Piece("one", (Note("piano", 57, 0.5, 1.0, 0.7),))
    one, same, other = (render(piece, seed).samples for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    assert one.shape[0] == 2 and one.dtype == np.float32
    assert 20 * np.log10(np.abs(one).max()) == pytest.approx(PEAK_DB, abs=0.1)
    before = 20 * np.log10(one[:, : RATE // 2].std())
    assert -84 < before < -70  # the noise floor, and nothing else, before the first note


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo")
    make_demo(path, seed=0)
    return path


def test_demo_files(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {"README.txt"} | {f"{n}{e}.flac" for n in PIECES for e in ("", "-decoded")}
    words = (folder / "README.txt").read_text(encoding="utf-8")
    assert "strides 8 x 8 x 4 x 2, lines every 86.13 Hz" in words and "seed 0" in words


@pytest.mark.parametrize("name", PIECES)
def test_demo_sound(folder: Path, name: str) -> None:
    played, rate = soundfile.read(folder / f"{name}.flac")
    decoded, _ = soundfile.read(folder / f"{name}-decoded.flac")
    assert rate == RATE and played.shape == decoded.shape and played.shape[1] == 2
    assert 25 <= len(played) / rate <= 30
    for sound in (played, decoded):
        assert np.abs(sound).max() < 0.95 and np.abs(sound.mean(axis=0)).max() < 1e-3
        assert -24 < 20 * np.log10(sound.std()) < -12
    error = decoded - played
    assert 10 * np.log10(np.square(played).sum() / np.square(error).sum()) > 30
    assert abs(np.corrcoef(played.T)[0, 1]) < 0.98  # stereo
