# SPDX-License-Identifier: MIT
"""Combs: theory against the zoo's, planted combs found, noise and notes not."""

from __future__ import annotations

import numpy as np
import pytest

from unsung.audio import combs, signals
from unsung.errors import UsageError
from unsung.synthesis.decoder import predicted_peaks_hz
from unsung.synthesis.resynthesis._peaks import comb_auc, residual

STEP_HZ = 1.0
HZ = np.arange(0, 22050, STEP_HZ)


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(len(HZ))


def planted(spacing_hz: float, height: float, seed: int = 0, offset_hz: float = 0.0) -> np.ndarray:
    values = noise(seed)
    teeth = np.rint((np.arange(offset_hz, HZ[-1], spacing_hz)) / STEP_HZ).astype(int)
    values[teeth[teeth < len(HZ)]] += height
    return values


@pytest.mark.parametrize("strides", [(8, 5, 4, 2), (2, 8, 6, 5, 4), (512,)])
def test_lines_agree_with_the_zoo_and_name_the_last_stage(strides: tuple[int, ...]) -> None:
    found = combs.lines(44100, strides)
    np.testing.assert_allclose(found.hz, predicted_peaks_hz(strides, 44100))
    for hz, stage in zip(found.hz, found.stage, strict=True):
        spacings = [44100 / np.prod(strides[k:]) for k in range(len(strides))]
        on = [k for k, s in enumerate(spacings) if abs(hz / s - round(hz / s)) < 1e-6]
        assert stage == max(on)


@pytest.mark.parametrize("rate, strides", [(0, (2,)), (float("nan"), (2,)), (44100, ())])
def test_impossible_decoders_are_refused(rate: float, strides: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="expected"):
        combs.lines(rate, strides)


def test_table_of_decoders_is_sound() -> None:
    names = [decoder.name for decoder in combs.DECODERS]
    assert len(names) == len(set(names))
    for decoder in combs.DECODERS:
        assert decoder.source and decoder.spacing_hz == pytest.approx(
            decoder.sample_rate_hz / decoder.products[0]
        )
        assert decoder.name in {
            name for c in combs.candidates(decoder.spacing_hz) for name in c.decoders
        }


@pytest.mark.parametrize("spacing_hz", [21.5332, 50.0, 75.0, 86.1328, 93.75, 100.0, 344.53])
def test_planted_comb_is_found_within_a_bin(spacing_hz: float) -> None:
    found = combs.estimate(planted(spacing_hz, 1.5), HZ)
    assert found.found and found.spacing_hz is not None
    assert found.spacing_hz == pytest.approx(spacing_hz, rel=1e-4)
    assert found.strength > 0.65 and found.p_value < 1e-6
    assert found.offset_hz == 0.0
    assert found.candidates[0].decoders


def test_any_spacing_is_found_when_asked() -> None:
    values = planted(91.37, 1.5)
    assert not combs.estimate(values, HZ).found
    found = combs.estimate(values, HZ, anywhere=True, spacings_hz=(60.0, 200.0))
    assert found.spacing_hz == pytest.approx(91.37, rel=1e-4)


def test_candidates_of_a_slowed_decoder_are_none() -> None:
    assert combs.candidates(86.1328 * 0.937) == ()


def test_noise_has_no_comb() -> None:
    assert not any(combs.estimate(noise(seed), HZ).found for seed in range(30))


def test_offset_is_read() -> None:
    values = planted(50.0, 2.0, offset_hz=17.0)
    found = combs.estimate(values, HZ, only=(50.0,), limit=1.0)
    assert found.offset_hz == pytest.approx(17.0, abs=STEP_HZ)


def test_one_sub_band_alone_is_no_comb() -> None:
    """A drone fills the low frequencies with partials; a decoder's lines go on."""
    values = planted(50.0, 6.0)
    values[HZ > 3000] = noise(1)[HZ > 3000]
    assert not combs.estimate(values, HZ).found


def test_a_held_note_is_no_comb_and_a_decoders_lines_are() -> None:
    rate, t = 32000, np.arange(32000 * 6) / 32000
    partials = sum(np.sin(2 * np.pi * 100 * k * t + k * k) / k**2 for k in range(1, 40))
    note = (0.1 * partials + signals.noise(3, 6.0, rate, 1e-3)).astype(np.float32)
    hz, height = residual(note, rate)
    assert not combs.estimate(height, hz.astype(float)).found
    lined = (note + signals.comb(50.0, 6.0, rate, 3e-5)).astype(np.float32)
    hz, height = residual(lined, rate)
    found = combs.estimate(height, hz.astype(float))
    assert found.spacing_hz == pytest.approx(50.0, abs=0.05)
    assert "EnCodec 32 kHz (MusicGen, AudioGen)" in {
        name for candidate in found.candidates for name in candidate.decoders
    }


def test_a_melody_is_no_comb() -> None:
    rate, rng = 32000, np.random.default_rng(5)
    sound = []
    for _ in range(24):
        base = 440 * 2 ** (rng.integers(-12, 12) / 12)
        t = np.arange(rate // 4) / rate
        sound.append(sum(np.sin(2 * np.pi * base * k * t) / k for k in range(1, 30)))
    melody = (0.1 * np.concatenate(sound) + signals.noise(1, 6.0, rate, 1e-3)).astype(np.float32)
    hz, height = residual(melody, rate)
    assert not combs.estimate(height, hz.astype(float)).found


def test_auc_is_that_of_the_zoo() -> None:
    rate = 32000
    sound = (signals.noise(0, 4.0, rate, 1e-3) + signals.comb(100.0, 4.0, rate, 1e-5)).astype("f4")
    hz, height = residual(sound, rate)
    inside = (hz >= 500) & (hz <= 16000)
    twin = comb_auc(hz, height, 100.0)
    assert combs.auc(height[inside], hz[inside].astype(float), 100.0) == pytest.approx(twin)
    assert twin > 0.6


@pytest.mark.parametrize(
    "values, hz, match",
    [
        (np.zeros(5), np.arange(6.0), "both"),
        (np.zeros(3), np.array([0.0, 1.0, 4.0]), "evenly spaced"),
        (np.full(22050, np.nan), HZ, "finite"),
        (np.zeros(100), np.arange(100.0), "teeth"),
    ],
)
def test_bad_spectra_are_refused(values: np.ndarray, hz: np.ndarray, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        combs.estimate(values, hz)


def test_bad_spacings_are_refused() -> None:
    with pytest.raises(UsageError, match="four bins"):
        combs.auc(noise(0), HZ, 3.0)
    with pytest.raises(UsageError, match="four bins"):
        combs.estimate(noise(0), HZ, only=(2.0,))
    with pytest.raises(UsageError, match="quarter"):
        combs.estimate(noise(0), HZ, anywhere=True, spacings_hz=(50.0, 9000.0))
    with pytest.raises(UsageError, match="above 0 Hz"):
        combs.candidates(-1.0)
    with pytest.raises(UsageError, match="low < high"):
        combs.plausible_spacings(10.0, 5.0)


def test_records_survive_json() -> None:
    found = combs.estimate(planted(50.0, 2.0), HZ)
    assert combs.CombEstimate.from_dict(found.to_dict()) == found
