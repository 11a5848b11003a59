# SPDX-License-Identifier: MIT
"""Decoders as an attack: aligned copies, lines where the member's strides put them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from unsung.attacks import base, battery, parse
from unsung.attacks.resynthesis import Resynthesis
from unsung.errors import UsageError
from unsung.scanning._choice import attack_names
from unsung.synthesis.resynthesis.zoo import draw_member
from unsung.types import Clip


def noise(seed: int = 0, seconds: float = 6.0, rate: int = 44100) -> Clip:
    sound = 0.1 * np.random.default_rng(seed).standard_normal((1, round(seconds * rate)))
    return Clip(sound.astype(np.float32), rate)


def test_a_half_mix_lies_halfway_to_the_copy() -> None:
    clip = noise(seconds=1.0)
    whole, half = (Resynthesis(member=3)(clip, share).samples for share in (1.0, 0.5))
    np.testing.assert_allclose(half, 0.5 * (clip.samples + whole), atol=1e-6)
    np.testing.assert_array_equal(Resynthesis(member=3)(clip, 0.0).samples, clip.samples)


def test_the_copy_is_in_step_with_the_original() -> None:
    clip = noise(seconds=2.0)
    copy = Resynthesis(member=0)(clip, 1.0).samples[0]
    spectrum = np.fft.rfft(copy) * np.fft.rfft(clip.samples[0]).conj()
    assert abs(int(np.argmax(np.fft.irfft(spectrum)))) <= 1


def test_clips_meet_different_members_and_the_same_clip_the_same() -> None:
    from unsung.attacks.resynthesis import _name
    from unsung.synthesis.resynthesis.zoo import Zoo

    names = [_name(noise(seed, 0.1).samples) for seed in range(6)]
    members = [Zoo("64").for_track(name).name for name in names]
    assert len(set(members)) > 3
    assert members == [Zoo("64").for_track(name).name for name in names]


def test_settings_are_read_from_text_and_checked() -> None:
    step = parse("resynthesis:member=17@0.5").steps[0]
    assert (step.attack.member, step.strength) == (17, 0.5)
    assert draw_member(17).name == "zoo-0017"
    with pytest.raises(UsageError, match="members of 1 or more"):
        Resynthesis(members=0)


def test_without_the_package_the_battery_leaves_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "resynthesis" in battery("default")
    monkeypatch.setattr(base, "find_spec", lambda _: None)
    assert "resynthesis" not in battery("default")
    ready, left_out = attack_names()
    assert "resynthesis" in left_out and "gain" in ready
