# SPDX-License-Identifier: MIT
"""Planted evidence: patches where they should be, and true explanations above the controls."""

import numpy as np
import pytest
from tests.explainers.subjects import ToneDetector, clip, subject

from unsung.audio import signals
from unsung.explainers._check import DETECTOR, check_explainers, measure
from unsung.explainers._planted import Planted, plant
from unsung.types import Clip

RATE = 16000


def test_a_patch_changes_its_place_and_nothing_else():
    sound = Clip(signals.noise(0, 6.0, RATE, 0.05)[None], RATE, 30.0)
    found = plant(sound, seed=1)
    assert found.clip.samples.shape == sound.samples.shape
    assert 30.0 <= found.start_s < found.end_s <= 36.0
    difference = (found.clip.samples - sound.samples)[0]
    inside = slice(round((found.start_s - 30) * RATE), round((found.end_s - 30) * RATE))
    outside = difference.copy()
    outside[max(0, inside.start - RATE // 2) : inside.stop + RATE // 2] = 0
    assert np.square(difference[inside]).sum() > 100 * np.square(outside).sum()
    spectrum = np.abs(np.fft.rfft(difference)) ** 2
    hz = np.fft.rfftfreq(len(difference), 1 / RATE)
    band = (hz > found.low_hz - 20) & (hz < found.high_hz + 20)
    assert spectrum[band].sum() > 100 * spectrum[~band].sum()
    again = plant(sound, seed=1)
    assert (again.clip.samples == found.clip.samples).all()
    assert plant(sound, seed=2).start_s != found.start_s


def test_a_region_is_the_patch():
    found = Planted(clip(), 1000.0, 2000.0, 3.0, 4.0)
    mask = found.region(np.array([500.0, 1500.0, 2500.0]), np.array([2.5, 3.5]))
    assert mask.tolist() == [[False, False], [False, True], [False, False]]


def planted_tones():
    """Clips whose only evidence is a tone at 2 kHz in the second half."""
    return [Planted(clip(4.0, seed=s), 1750.0, 2250.0, 2.0, 4.0) for s in range(3)]


def rows_of(name):
    def before(sound):
        return subject(ToneDetector(), sound, window_s=4.0)

    return {row.metric: row for row in measure(name, planted_tones(), before, "tone")}


def test_gradients_beat_the_controls_on_planted_tones():
    found = {name: rows_of(name) for name in ("gradient_input", "random", "edge_detector")}
    true, noise, edges = found.values()
    assert true["pointing"].value == 1.0
    assert true["mass"].value > 3 * noise["mass"].value
    assert abs(noise["auc"].value - 0.5) < 0.15
    assert true["mass"].low <= true["mass"].value <= true["mass"].high
    assert true["deletion"].value < noise["deletion"].value
    assert true["insertion"].value > noise["insertion"].value
    assert edges["random weights"].value == pytest.approx(1.0)  # edges know no weights
    assert true["random weights"].value < 0.9
    assert noise["stability"].value >= 0 and true["seconds"].value > 0


def test_what_does_not_fit_costs_its_own_row_only():
    (row,) = measure(
        "exact_linear", planted_tones(), lambda c: subject(ToneDetector(), c, 4.0), "tone"
    )
    assert row.value is None and "expected a linear detector" in row.error


@pytest.mark.slow
def test_the_packaged_detector_is_checked_on_its_own_music():
    rows = check_explainers(names=["exact_linear"], seconds=10.0)
    values = {(row.explainer, row.metric): row.value for row in rows}
    assert {e for e, _ in values} == {DETECTOR, "exact_linear", "random", "edge_detector"}
    assert values["exact_linear", "conservation"] < 1e-3
    assert values["exact_linear", "deletion"] < values["random", "deletion"]
    assert values["exact_linear", "insertion"] > values["random", "insertion"]
