# SPDX-License-Identifier: MIT
import itertools
import time

import numpy as np
import pytest

from unsung.errors import MissingExtra, MissingTool, UsageError
from unsung.synthesis.instruments import render
from unsung.synthesis.instruments.melody import Note, Part
from unsung.synthesis.instruments.render import find_soundfont, render_parts
from unsung.synthesis.instruments.table import program
from unsung.synthesis.instruments.verify import check_pitch

PIANO, VIOLIN, TRUMPET, FLUTE = 0, 40, 56, 73


def note(number, pitch=60, start_s=0.0, end_s=1.0, velocity=96):
    return Part(number, (Note(start_s, end_s, pitch, velocity),))


def spectrum(sound):
    mean = np.abs(np.fft.rfft(sound.mean(axis=0)[:44100]))
    return mean / np.linalg.norm(mean)


@pytest.mark.parametrize("effects", [False, True])
def test_same_notes_same_samples(soundfont, effects):
    parts = (note(PIANO), note(VIOLIN, 67))
    one, two = (render_parts(parts, soundfont, 1.5, effects=effects) for _ in range(2))
    assert one.shape == (2, 66150) and one.dtype == np.float32
    assert np.array_equal(one, two) and np.abs(one).max() > 0.01


def test_every_channel_gets_its_own_program(soundfont):
    """A known fault elsewhere: the program is selected on channel 0 only."""
    numbers = (PIANO, VIOLIN, TRUMPET, FLUTE, 16, 24)
    alone = [render_parts((note(number),), soundfont, 1.2) for number in numbers]
    for one, two in itertools.combinations(alone, 2):
        assert spectrum(one) @ spectrum(two) < 0.99
    # On the last of six channels (the others play nothing), the same sound as alone.
    for number, sound in zip(numbers, alone, strict=True):
        silent = tuple(Part(other, ()) for other in numbers if other != number)
        last = render_parts((*silent, note(number)), soundfont, 1.2)
        assert spectrum(last) @ spectrum(sound) > 0.999


def test_parts_add_up(soundfont):
    one, two = (note(PIANO), note(VIOLIN, 67))
    both = render_parts((one, two), soundfont, 1.2)
    alone = [render_parts((part,), soundfont, 1.2) for part in (one, two)]
    assert np.allclose(both, alone[0] + alone[1], atol=1e-5)


@pytest.mark.parametrize("number", [PIANO, 24, TRUMPET, 68, 71])
@pytest.mark.parametrize("pitch", [60, 72])
def test_the_pitch_is_the_label(soundfont, number, pitch):
    found = check_pitch(program(number), pitch, soundfont)
    assert found.octave == 0 and abs(found.error_cents) < 15


def test_a_note_starts_when_it_is_said_to(soundfont):
    sound = render_parts((note(PIANO, start_s=0.5),), soundfont, 1.0)
    loud = np.abs(sound).max(axis=0)
    onset_s = int(np.argmax(loud > 0.02 * loud.max())) / 44100
    assert onset_s == pytest.approx(0.5, abs=0.01)
    assert not loud[: round(0.499 * 44100)].any()


def test_an_organ_stops_when_released(soundfont):
    sound = render_parts((note(16, end_s=0.5),), soundfont, 2.0).astype(float)
    held, after = sound[:, 4410:22050], sound[:, 66150:]
    assert np.sqrt(np.mean(after**2)) < 1e-3 * np.sqrt(np.mean(held**2))


def test_what_still_sounds_at_the_end_is_faded(soundfont):
    sound = render_parts((note(16, end_s=5.0),), soundfont, 1.0)
    assert np.abs(sound[:, -2205:-1800]).max() > 0.01 > 100 * np.abs(sound[:, -3:]).max()


def test_louder_velocity_is_louder_and_nothing_is_clipped(soundfont):
    soft, loud = (
        np.sqrt(np.mean(render_parts((note(PIANO, velocity=v),), soundfont, 1.0) ** 2))
        for v in (30, 120)
    )
    assert loud > 2 * soft
    chord = tuple(note(VIOLIN, pitch, velocity=127) for pitch in range(50, 65))
    sound = render_parts(chord, soundfont, 1.0)
    assert (np.abs(sound) == np.abs(sound).max()).sum() < 5  # no flat tops


def test_rates_keep_pitch_and_length(soundfont):
    sound = render_parts((note(71, 69),), soundfont, 1.0, 22050)
    assert sound.shape == (2, 22050)
    peak = np.argmax(np.abs(np.fft.rfft(sound.mean(axis=0)[: 22050 // 2])))
    assert min(abs(peak * 2 / 440 - k) for k in (1, 2, 3)) < 0.02
    with pytest.raises(UsageError, match="8000 to 96000 Hz"):
        render_parts((note(0),), soundfont, 1.0, 4000)
    with pytest.raises(UsageError, match="duration above 0"):
        render_parts((note(0),), soundfont, 0.0)


def test_rendering_does_not_wait_for_real_time(soundfont):
    started = time.perf_counter()
    render_parts((note(PIANO, end_s=20.0),), soundfont, 30.0)
    assert time.perf_counter() - started < 15


def test_soundfont_is_the_given_the_variable_or_the_system(tmp_path, monkeypatch):
    own = tmp_path / "own.sf2"
    own.write_bytes(b"RIFF\0\0\0\0sfbk")
    monkeypatch.setenv("UNSUNG_SOUNDFONT", str(own))
    assert find_soundfont() == own
    with pytest.raises(UsageError, match="there is no such file"):
        find_soundfont(tmp_path / "none.sf2")
    own.write_bytes(b"RIFF\0\0\0\0WAVE")
    with pytest.raises(UsageError, match="expected a SoundFont 2 file"):
        find_soundfont()
    monkeypatch.delenv("UNSUNG_SOUNDFONT")
    folder = tmp_path / "sf2"
    folder.mkdir()
    monkeypatch.setattr(render, "_FOLDERS", (folder,))
    with pytest.raises(MissingTool, match="apt-get install fluidsynth timgm6mb-soundfont"):
        find_soundfont()
    for name in ("aaa.sf2", "TimGM6mb.sf2"):
        (folder / name).write_bytes(b"")
    assert find_soundfont().name == "TimGM6mb.sf2"


def test_a_damaged_soundfont_is_named(soundfont, tmp_path):
    bad = tmp_path / "bad.sf2"
    bad.write_bytes(b"RIFF\0\0\0\0sfbk" + bytes(100))
    with pytest.raises(UsageError, match="FluidSynth could not load it"):
        render_parts((note(0),), bad, 1.0)


@pytest.mark.parametrize(
    ("raised", "error", "match"),
    [
        (ModuleNotFoundError("no fluidsynth"), MissingExtra, r"'\.\[synthesis\]'"),
        (ImportError("no library"), MissingTool, "the FluidSynth library"),
    ],
)
def test_what_is_missing_is_named(monkeypatch, tmp_path, raised, error, match):
    render._library.cache_clear()
    monkeypatch.setattr("builtins.__import__", _refusing(raised))
    with pytest.raises(error, match=match):
        render_parts((note(0),), tmp_path / "any.sf2", 1.0)
    render._library.cache_clear()


def _refusing(raised):
    original = __import__

    def importer(name, *rest, **named):
        if name == "fluidsynth":
            raise raised
        return original(name, *rest, **named)

    return importer
