# SPDX-License-Identifier: MIT
from __future__ import annotations

import numpy as np
import pytest

from unsung.attacks import parse
from unsung.attacks.gain import Gain
from unsung.attacks.white_noise import WhiteNoise
from unsung.errors import UnknownName, UsageError
from unsung.types import Clip


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("gain@-6", [("gain", -6.0)]),
        ("gain@+6", [("gain", 6.0)]),
        ("gain@+6+crop@.5", [("gain", 6.0), ("crop", 0.5)]),
        (" low_pass@4e+3 + gain ", [("low_pass", 4000.0), ("gain", Gain.default)]),
    ],
)
def test_parse(text: str, steps: list[tuple[str, float]]) -> None:
    chain = parse(text)
    assert [(step.name, step.strength) for step in chain.steps] == steps
    assert parse(str(chain)).steps[0].strength == steps[0][1]


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("pitch_shfit@1", UnknownName, "no attack named 'pitch_shfit'; did you mean 'pitch_shift'"),
        ("gain@", UsageError, "expected a number of dB after .@., got .."),
        ("gain@loud", UsageError, "expected a number of dB after '@', got 'loud'"),
        ("gain@1000", UsageError, "expected a strength from -90 to 60 dB"),
        ("", UsageError, "name@strength"),
        ("@3", UsageError, "name@strength"),
        ("gain@3+", UsageError, "expected a number"),
    ],
)
def test_errors_help(text: str, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        parse(text)


def test_steps_run_in_order_with_streams_of_their_own(stereo: Clip) -> None:
    chain = parse("white_noise@0.01+white_noise@0.01")
    noise = chain(stereo, seed=5).samples - stereo.samples
    first = WhiteNoise()(stereo, 0.01, seed=5).samples - stereo.samples
    second = noise - first
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02
    assert np.array_equal(chain(stereo, 5).samples, chain(stereo, 5).samples)
    assert not np.array_equal(chain(stereo, 5).samples, chain(stereo, 6).samples)


def test_time_scale_multiplies(stereo: Clip) -> None:
    chain = parse("crop@0.5+speed@2+gain@3")
    assert chain.time_scale == 0.25 and chain.seeded
    assert abs(chain(stereo).samples.shape[1] - stereo.samples.shape[1] / 4) <= 1
    assert not parse("gain@3").seeded
