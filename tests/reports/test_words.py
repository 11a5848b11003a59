# SPDX-License-Identifier: MIT
import math

import pytest

from unsung import errors
from unsung.core.text import clock
from unsung.reports.words import (
    ERROR_ADVICE,
    advice,
    hertz,
    number,
    odds,
    percent,
    state,
)
from unsung.runtime.decide import probability as posterior

from .helpers import score


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-1234.5, "\u22121\u202f234.50"),
        (0.001, "0.00"),
        (-0.001, "0.00"),
        (None, "–"),
        (math.nan, "–"),
        (3.417, "+3.42"),
    ],
)
def test_number(value, text):
    assert number(value, signed=True) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.01, "1 %"),
        (0.001, "0.1 %"),
        (0.9526, "95.3 %"),
        (0.99999, "> 99.9 %"),
        (1e-9, "< 0.1 %"),
        (0.9999999, "> 99.9 %"),
        (None, "–"),
    ],
)
def test_percent_never_claims_certainty(share, text):
    assert percent(share).replace("\u202f", " ") == text


def test_percent_keeps_the_digits_asked_for():
    assert percent(0.04, 1) == "4.0\u202f%"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.99, "0:59"), (600, "10:00"), (3661, "1:01:01")]
)
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_hertz():
    assert (hertz(11025.4), hertz(43.07)) == ("11\u202f025\u202fHz", "43.1\u202fHz")


@pytest.mark.parametrize("prior", [0.01, 0.1, 0.5, 0.9])
def test_posterior_is_bayes_rule(prior):
    ratio = math.exp(2.0)
    assert posterior(2.0, prior) == pytest.approx(prior * ratio / (prior * ratio + 1 - prior))
    assert posterior(0.0, prior) == pytest.approx(prior)
    assert 0.0 < posterior(-700.0, prior) < 1e-200


def test_odds_name_the_side():
    assert "20 times likelier for AI-generated" in odds(3.0)
    assert "20 times likelier for human" in odds(-3.0)
    assert "as likely" in odds(0.0)
    assert "more than 1000" in odds(800.0)


def test_every_audio_error_has_advice():
    kinds = {c.__name__ for c in errors.AudioError.__subclasses__()}
    assert kinds <= set(ERROR_ADVICE)
    assert "report it" in advice("SomethingElse")


@pytest.mark.parametrize("verdict", ["ai", "human", "undecided"])
def test_statement_names_rate_set_and_limits(verdict):
    said = state(score(verdict), "validation-a", "conformal over 500 human recordings", 500)
    assert said.key == verdict
    assert "at most 1\u202f%" in said.rate and "validation-a" in said.rate and "500" in said.rate
    assert said.caution


def test_without_guarantee_the_rate_is_only_about():
    said = state(score(), "validation-a", "", 500)
    assert "about 1\u202f%" in said.rate and "no guarantee" in said.rate
