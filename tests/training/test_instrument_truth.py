# SPDX-License-Identifier: MIT
"""Test sounds with known truth: masks lie where physics says, relevance is counted right."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unsung.detectors.instrument_cnn import INSTRUMENTS
from unsung.training import instrument_channels, instrument_questions, instrument_relevance
from unsung.training.instrument_pictures import PictureCNN
from unsung.training.instrument_relevance import Walker, edges, lift, share, summary
from unsung.training.instrument_truth import (
    HELD_S,
    ONSETS_S,
    RATE_HZ,
    TOP_HZ,
    Studio,
    mask_of,
)

E4_HZ = 440.0 * 2 ** (-5 / 12)


@pytest.fixture(scope="module")
def studio():
    """A studio whose instruments are made of sines, so that no SoundFont is needed."""
    made = Studio(200, 5.0, Path("none.sf2"))
    time_s = np.arange(round(HELD_S * RATE_HZ)) / RATE_HZ
    for number, name in enumerate(INSTRUMENTS):
        for pitch in (60, 64, 67, 72):
            f0 = 440.0 * 2 ** ((pitch - 69) / 12)
            partials = [np.sin(2 * np.pi * k * f0 * time_s) / k ** (0.3 + number / 8)
                        for k in range(1, 9)]  # fmt: skip
            struck = np.exp(-time_s / (0.2 if number % 2 else 5.0))
            made._notes[name, pitch] = (0.2 * sum(partials) * struck).astype(np.float32)
    return made


@pytest.fixture(scope="module")
def walker():
    torch.manual_seed(0)
    return Walker(PictureCNN(layers=4, window_s=5.0, side=200).eval())


def test_a_notes_energy_lies_on_its_harmonics(studio):
    probe = studio.probe("violin", 64, studio.note("violin", 64))
    power = 10.0 ** (4 * (probe.image - 1))  # the picture spans 80 dB from −1 to 1
    assert share(power, probe.harmonics, probe.low) > 0.95
    assert share(power, probe.note, np.ones_like(probe.note)) > 0.95
    assert len(probe.lines) == int(TOP_HZ / E4_HZ)
    assert share(np.ones_like(power), probe.harmonics, probe.low) < 0.45


def test_the_attack_is_the_first_tenth_of_a_second_of_each_note(studio):
    probe = studio.probe("violin", 64, studio.note("violin", 64))
    columns = studio.columns_s[probe.attack[0]]
    assert np.all(np.min(np.abs(columns[:, None] - ONSETS_S), axis=1) <= 0.101)
    assert probe.attack[0].sum() == pytest.approx(3 * 0.15 * 200 / 5, abs=3)


def test_a_notched_partial_is_gone_and_the_others_stay(studio):
    whole = studio.probe("violin", 64, studio.note("violin", 64))
    cut = studio.without("violin", 64, 3)
    middle = np.abs(studio.columns_s - 1.0).argmin()

    def level(probe, number):
        rows = probe.lines[number - 1][:, middle]
        return float(probe.image[rows, middle].max())

    assert level(whole, 3) - level(cut, 3) > 0.5  # more than 20 dB
    for number in (1, 2, 4):
        assert level(cut, number) == pytest.approx(level(whole, number), abs=0.05)


def test_vibrato_moves_the_lines_and_the_mask_with_them(studio):
    image, cells = studio.additive(E4_HZ, 100.0)
    still, straight = studio.additive(E4_HZ, 0.0)
    power = 10.0 ** (4 * (image - 1))
    region = np.outer(studio.rows_hz <= TOP_HZ, cells.any(0))
    assert share(power, cells, region) > share(power, straight, region) + 0.1
    plain = 10.0 ** (4 * (still - 1))
    assert share(plain, straight, region) > 0.9


def test_nothing_lies_at_an_absent_fundamental(studio):
    image, line = studio.absent(E4_HZ)
    power = 10.0 ** (4 * (image - 1))
    assert share(power, line, np.outer(studio.rows_hz <= TOP_HZ, line.any(0))) < 0.01


def test_a_swap_begins_as_one_and_ends_as_the_other(studio):
    probe = studio.swapped("celesta", "violin", 64, 0.3)
    one = studio.probe("celesta", 64, studio.note("celesta", 64))
    column = np.abs(studio.columns_s - (ONSETS_S[0] + 0.15)).argmin()
    rows = one.image[:, column] > 0
    here, alone = probe.image[rows, column], one.image[rows, column]
    assert np.ptp(here - alone) < 0.1  # the same spectrum, up to its level


def test_masks_of_several_notes_are_their_union(studio):
    one, other = (0.5, 1.5, 60), (2.0, 3.0, 67)
    both = mask_of(studio, [one, other])
    assert np.array_equal(both, mask_of(studio, [one]) | mask_of(studio, [other]))
    assert not both[:, studio.columns_s > 3.1].any()


def test_share_counts_positive_cells_of_the_region_only():
    heat = np.array([[1.0, -5.0], [2.0, 7.0]])
    inner = np.array([[False, True], [True, False]])
    outer = np.array([[True, True], [True, False]])
    assert share(heat, inner, outer) == pytest.approx(2 / 3)
    assert share(-np.abs(heat), inner, outer) == 0.0
    assert lift(0.5, 0.25) == 2.0 and lift(0.5, 0.0) == 0.0


def test_a_mean_lies_in_its_interval():
    found = summary([1.0, 2.0, 3.0, 4.0])
    assert found["low"] < found["value"] == 2.5 < found["high"] and found["n"] == 4
    assert np.isnan(summary([])["value"])


def test_relevance_of_a_linear_like_path_is_conserved(studio, walker):
    """EpsilonPlus hands the logit on: all of it arrives but what biases take."""
    probe = studio.probe("violin", 64, studio.note("violin", 64))
    heat = walker.relevance(probe.image, 3, "gradient_input")
    assert heat.shape == probe.image.shape
    walk = walker.walk(probe.image, 3, "epsilon_plus", record=["conv4"])
    passed = float(walk.relevances["network.conv4"].sum())
    logit = float(walker.logits([probe.image])[0, 3])
    bias = float(walker.network.fc.bias[3])
    assert passed == pytest.approx(logit - bias, rel=0.05, abs=0.02)


def test_shuffled_weights_are_the_same_values_elsewhere(walker):
    other = walker.shuffled()
    mine, theirs = walker.network.fc.weight, other.network.fc.weight
    assert not torch.equal(mine, theirs)
    assert torch.equal(mine.flatten().sort().values, theirs.flatten().sort().values)


def test_edges_know_the_picture_only():
    image = np.zeros((10, 10), np.float32)
    image[4:6] = 1
    assert edges(image)[3].min() > 0 and not edges(image)[0].any()


@pytest.mark.slow
def test_all_questions_are_answered(studio, walker, monkeypatch):
    monkeypatch.setattr(instrument_questions, "_mixed", lambda *_: {"clips": 0})
    found = instrument_questions.questions(walker, studio)
    assert set(found) == {"partials", "absent", "swaps", "vibrato", "counts", "similar",
                          "different", "channels"}  # fmt: skip
    alone = instrument_relevance.single_notes(walker, studio)
    assert alone["n"] == 48 and set(alone["by_instrument"]) == set(INSTRUMENTS)
    assert alone["harmonics"]["energy"]["value"] > 1


def test_channels_compare_with_chance(studio, walker, monkeypatch):
    monkeypatch.setattr(instrument_channels, "INSTRUMENTS", INSTRUMENTS[:2])
    monkeypatch.setattr(instrument_channels, "SUSTAINED", INSTRUMENTS[:2])
    found = instrument_channels.channels(walker, studio)
    assert found["channels"] == 128 and found["layer"] == "conv4"
    assert found["vibrato"]["notes"] == 4
    assert found["attack"]["best_lift"] >= found["attack"]["median"]
