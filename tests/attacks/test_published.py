# SPDX-License-Identifier: MIT
"""Every condition of the two published batteries has a chain here that does what was run there."""

from __future__ import annotations

import numpy as np
import pytest

from unsung import registry
from unsung.attacks import (
    BATTERIES,
    DEEZER,
    WIMU,
    Attack,
    ChainLadder,
    battery,
    code_sha256,
    conditions,
    parse,
)
from unsung.attacks._published import WIMU_LADDERS
from unsung.errors import UnknownName, UsageError
from unsung.types import Clip

from .conftest import music

# The 97 result files of wimu-sonics, written out family by family.
MASKS = [10, 20, 40, 60, 80, 100, 200, 400, 600, 800, 1000, 2000, 4000, 6000, 8000, 10000]
FILES = [
    *("EQ", "compress_ogg", "no_augment"),
    *(f"aliasing_{hz}" for hz in (6000, 7000, 7500, 7750)),
    *(f"bit_crush_{bits}" for bits in (2, 4, 6, 8, 10)),
    *(f"high_pass_{hz}hz" for hz in (500, 2000, 4000)),
    *(f"low_pass_{hz}hz" for hz in (4000, 5000, 6000, 7000, 7500, 7750)),
    *(f"mask_{hz}hz" for hz in (*MASKS, 15000, 20000)),
    *(f"mp3_compression{dash}{kbps}" for dash in ("", "_") for kbps in (16, 24, 32, 40, 64)),
    *(f"pitch_shift_{s}sm" for s in (-8, -6, -4, -2, -1, 1, 2, 4, 6, 8)),
    *(f"reverb_05decay_{ms}delay" for ms in (10, 25, 50)),
    *(f"reverb_1decay_{ms}delay" for ms in (10, 20, 50)),
    *(f"speed_{percent}percent" for percent in (50, 75, 90, 105, 110, 120, 150, 200, 300)),
    *(f"time_mask_{percent}percent" for percent in (15, 30, 50)),
    *(f"vibrato_{hz}_{depth}" for hz in (4, 8, 16) for depth in ("0005", "001")),
    *(f"volume_{db}db" for db in (-24, -18, -12, -6, 6, 12, 18, 24)),
    *(f"white_noise_{level}" for level in ("0.005", "0.01", "0.02", "0.05", "0.1", "0.2")),
]
EIGHT = {"pitch", "stretch", "eq", "reverb", "noise", "mp3", "aac", "opus"}


def test_every_published_condition_has_a_chain() -> None:
    assert len(FILES) == len(set(FILES)) == 97
    assert set(WIMU) == set(FILES)
    assert set(DEEZER) == EIGHT


@pytest.mark.parametrize("text", [*WIMU.values(), *(t for ts in DEEZER.values() for t in ts)])
def test_chains_are_text_that_reads_back(text: str) -> None:
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("EQ", "eq:same_gain=1:rate_hz=16000@6"),
        ("high_pass_2000hz", "high_pass:rate_hz=16000@1000"),  # as run, not as labelled
        ("high_pass_500hz", "high_pass:rate_hz=16000@100"),
        ("mask_20000hz", "band_stop:rate_hz=16000@15000"),
        ("reverb_05decay_25delay", "echo:delay_s=0.025:full_scale=1:rate_hz=16000@0.5"),
        ("reverb_1decay_50delay", "echo:delay_s=0.05:full_scale=1:rate_hz=16000@1"),
        ("vibrato_16_0005", "vibrato:depth_s=0.0005:rate_hz=16000@16"),
        ("speed_75percent", "time_stretch:rate_hz=16000@0.75"),
        ("mp3_compression_16", "mp3:rate_hz=16000@16"),
        ("mp3_compression16", "mp3:rate_hz=16000@16"),
        ("compress_ogg", "vorbis:nominal=1:rate_hz=16000@112"),
        ("volume_-24db", "gain:rate_hz=16000@-24"),
    ],
)
def test_conditions_are_what_was_run(name: str, step: str) -> None:
    assert WIMU[name] == f"mono_mix@1+{step}"


def test_the_band_is_the_published_one() -> None:
    """All of wimu-sonics was heard mono at 16 kHz: above 8 kHz nothing may be left."""
    clip = music(44100, 2.0)
    for name in ("EQ", "no_augment", "mask_10000hz", "vibrato_4_001"):
        out = parse(WIMU[name])(clip, 0)
        assert np.allclose(out.samples[0], out.samples[1], atol=1e-5), name
        power = np.abs(np.fft.rfft(out.samples[0])) ** 2
        hz = np.fft.rfftfreq(out.samples.shape[1], 1 / 44100)
        assert power[hz > 8300].sum() < 1e-5 * power.sum(), name


def test_an_outer_mask_at_16_khz_removes_the_band_up_to_the_top() -> None:
    rng = np.random.default_rng(0)
    clip = Clip(0.1 * rng.standard_normal((1, 16000 * 4)).astype(np.float32), 16000)
    low, high = (_level(parse(WIMU["mask_15000hz"])(clip), *band) for band in BANDS)
    clean_low, clean_high = (_level(clip, *band) for band in BANDS)
    assert high < 0.5 * clean_high and low == pytest.approx(clean_low, rel=0.12)


BANDS = ((200, 4000), (7600, 7980))


def _level(clip: Clip, low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(clip.samples[0])) ** 2
    hz = np.fft.rfftfreq(clip.samples.shape[1], 1 / clip.sample_rate_hz)
    return float(np.sqrt(power[(hz >= low_hz) & (hz < high_hz)].sum()))


def test_deezers_parameters() -> None:
    assert DEEZER["pitch"] == tuple(f"pitch_shift@{s}" for s in (-1, 1, -2, 2))
    assert {float(t.partition("@")[2]) for t in DEEZER["stretch"]} == {0.8, 0.9, 1.1, 1.2}
    assert DEEZER["noise"] == ("white_noise@0.01",)
    assert [DEEZER[c] for c in ("mp3", "aac", "opus")] == [("mp3@64",), ("aac@64",), ("opus@64",)]


def test_ladders_rise() -> None:
    for ladder in WIMU_LADDERS:
        strengths = [strength for strength, _, _ in ladder.rungs]
        assert len(set(strengths)) == len(strengths)
        assert sum(len(names) for _, names, _ in ladder.rungs) >= 1


@pytest.mark.parametrize("name", BATTERIES)
def test_batteries_are_lists_of_chains(name: str) -> None:
    texts = conditions(name)
    assert len(texts) == len(set(texts)) > 0
    assert all(str(parse(text)) == text for text in texts)
    assert len(battery(name)) <= len(texts)


def test_what_the_batteries_hold() -> None:
    default = battery("default")
    assert all(isinstance(item, Attack) for item in default.values())
    assert {"pitch_shift", "room", "amr_nb", "gsm"} <= set(default)
    assert not {"pgd", "black_box", "mix"} & set(default)
    assert len(conditions("wimu-sonics")) == len(set(WIMU.values())) == 91
    assert set(conditions("deezer")) == {t for ts in DEEZER.values() for t in ts}
    parts = {text for name in BATTERIES[:-1] for text in conditions(name)}
    assert set(conditions("all")) == parts
    with pytest.raises(UnknownName, match="no battery named 'deezr'; did you mean 'deezer'"):
        battery("deezr")


def test_a_ladder_of_chains_has_its_rungs_only() -> None:
    ladder = ChainLadder("dB", {-6.0: "gain@-6", 6.0: "gain@6+mono_mix@0"})
    clip = music(16000, 0.5)
    assert np.allclose(ladder(clip, 6.0).samples, clip.samples * 10**0.3, rtol=1e-5)
    with pytest.raises(UsageError, match="expected one of -6, 6 dB, got 3"):
        ladder(clip, 3.0)
    with pytest.raises(UsageError, match="got nan"):
        ladder.check(float("nan"))


def test_code_hashes_differ_by_file_and_not_by_chance() -> None:
    one, two = (code_sha256(registry.get("attacks", name)()) for name in ("gain", "mp3"))
    assert one != two and len(one) == 64
    assert code_sha256(registry.get("attacks", "gain")()) == one
    ladders = [ChainLadder("x", {1.0: text}) for text in ("gain@1", "gain@2", "gain@1+mp3@64")]
    hashes = [code_sha256(ladder) for ladder in ladders]
    assert hashes[0] == hashes[1] != hashes[2]  # strengths are no code; they are keys of their own
