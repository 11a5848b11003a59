# SPDX-License-Identifier: MIT
"""The page and the card say what was measured, and whether the published figure is reached."""

import pytest

from unsung.training.instrument_page import GOAL, card, page


def row(name, value, low, high):
    each = {"value": value, "low": low, "high": high, "each": [value, value]}
    return {
        "name": name, "soundfont": "A.sf2", "seed": 0, "n": 20, "chosen": each, "at_zero": each,
        "positives": [9.0, 11.0], "precision": [0.9, 0.8], "recall": [0.7, 0.6],
        "by_count": {"1": each},
    }  # fmt: skip


def found(value, low, high):
    epoch = {"epoch": 1, "step": 9, "train_loss": 0.5, "valid_loss": 0.4, "macro_f1": 0.8}
    return {
        "outputs": ["violin", "viola"], "options": {"side": 200}, "n_train": 100,
        "presented": 300, "batch": 16, "stages": [{"side": 200, "n_train": 100, "epochs": [epoch]}],
        "results": [row("validation", 0.99, 0.98, 1.0), row("new", value, low, high)],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (0.95, 0.93, 0.97, "lies above the published"),
        (0.93, 0.90, 0.95, "reaches the published"),
        (0.91, 0.89, 0.94, "is below the published"),
        (0.80, 0.78, 0.82, "is missed on new"),
    ],
)
def test_the_verdict_follows_the_test_and_not_the_validation(value, low, high, words):
    text = page(found(value, low, high), "unsung synth instruments")
    assert words in text and str(GOAL) in text
    assert f"{value:.3f} [{low:.3f}, {high:.3f}]" in text
    assert "| viola |" in text and "unsung synth instruments" in text


def test_the_card_names_the_training_data_and_its_limits():
    made = card(found(0.95, 0.93, 0.97))
    lines = " ".join(made["lines"])
    assert "100 clips" in lines and "A.sf2" in lines and "0.950 [0.930, 0.970]" in lines
    assert "guesses" in made["recordings"]
