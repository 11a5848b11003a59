# SPDX-License-Identifier: MIT
import numpy as np
import pytest

from unsung.audio.signals import noise, silence, tone
from unsung.errors import SilentAudio, UsageError
from unsung.synthesis.instruments.melody import Note, Part
from unsung.synthesis.instruments.mixtures import (
    add_parts,
    draw_instruments,
    heard_notes,
    level_db,
    normalise,
)
from unsung.synthesis.instruments.table import PROGRAMS, find_programs

RATE = 16000


def test_draws_are_different_instruments_and_all_come_up():
    rng = np.random.default_rng(0)
    pool = find_programs(["strings", "brass"])
    draws = [draw_instruments(pool, 3, rng) for _ in range(200)]
    assert all(len(set(draw)) == 3 for draw in draws)
    assert {entry for draw in draws for entry in draw} == set(pool)


def test_similar_draws_are_of_one_family():
    rng = np.random.default_rng(0)
    draws = [draw_instruments(PROGRAMS, 3, rng, similar=True) for _ in range(300)]
    assert all(len({entry.family for entry in draw}) == 1 for draw in draws)
    assert len({draw[0].family for draw in draws}) == 16
    with pytest.raises(UsageError, match="expected a family with at least 2"):
        draw_instruments(find_programs(["violin", "trumpet"]), 2, rng, similar=True)
    with pytest.raises(UsageError, match="to draw 3 from, got 2"):
        draw_instruments(find_programs(["violin", "trumpet"]), 3, rng)


def test_level_counts_only_what_sounds():
    sine = tone(500, 1.0, RATE, level=0.5)
    assert level_db(sine[None], RATE) == pytest.approx(-9.03, abs=0.01)
    padded = np.concatenate([sine, silence(9.0, RATE)])
    assert level_db(padded[None], RATE) == pytest.approx(-9.03, abs=0.01)
    assert level_db(silence(1.0, RATE)[None], RATE) == float("-inf")


def test_parts_are_added_at_the_levels_asked_for():
    stems = [tone(hz, 1.0, RATE, level)[None] for hz, level in ((500, 0.5), (900, 0.005))]
    mix, shares = add_parts(stems, RATE, [0.0, -6.0])
    # Powers 1 and 1/4 of 5/4.
    assert shares == pytest.approx([10 * np.log10(0.8), 10 * np.log10(0.2)], abs=0.05)
    lines = np.abs(np.fft.rfft(mix[0]))[[500, 900]]
    assert 20 * np.log10(lines[0] / lines[1]) == pytest.approx(6.0, abs=0.05)
    _, natural = add_parts(stems, RATE, None)
    assert natural[1] == pytest.approx(-40, abs=0.1)


def test_a_silent_part_is_refused():
    with pytest.raises(SilentAudio, match="part 2 of 2"):
        add_parts([noise(0, 1.0, RATE)[None], silence(1.0, RATE)[None]], RATE, None)
    sound = tone(500, 1.0, RATE)[None]
    with pytest.raises(SilentAudio, match="cancel"):
        add_parts([sound, -sound], RATE, None)
    with pytest.raises(SilentAudio, match="got silence"):
        normalise(silence(1.0, RATE)[None], RATE)


def test_normalising_reaches_the_level_or_stops_at_the_peak():
    steady = normalise(tone(500, 1.0, RATE, 0.001)[None], RATE)
    assert level_db(steady, RATE) == pytest.approx(-20, abs=0.01)
    spiky = 0.001 * noise(0, 1.0, RATE)[None]
    spiky[0, 100] = 1.0
    assert 20 * np.log10(np.abs(normalise(spiky, RATE)).max()) == pytest.approx(-1, abs=0.01)


def test_silent_notes_are_found():
    sound = np.concatenate([tone(500, 1.0, RATE), silence(1.0, RATE)])[None]
    heard, unheard = Note(0.1, 0.9, 60, 80), Note(1.2, 1.8, 108, 80)
    assert heard_notes(Part(0, (heard, unheard)), sound, RATE) == Part(0, (heard,))
