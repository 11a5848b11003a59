# SPDX-License-Identifier: MIT
from __future__ import annotations

import numpy as np
import pytest

from unsung.errors import UsageError
from unsung.synthesis.decoder import (
    Decoder,
    Wear,
    encode,
    lapped_kernel,
    predicted_peaks_hz,
    resynthesise,
    transposed_convolution,
)
from unsung.types import Clip

RATE = 44100
NO_WEAR = Wear(0, 0, 0)


def noise(seconds: float = 4.0, channels: int = 1) -> Clip:
    samples = np.random.default_rng(0).standard_normal((channels, round(seconds * RATE)))
    return Clip(0.01 * samples.astype(np.float32), RATE)


@pytest.mark.parametrize("stride", [2, 4, 5, 8])
def test_kernels_are_orthogonal_also_with_their_neighbours_in_time(stride: int) -> None:
    kernel = lapped_kernel(stride)
    assert np.allclose(kernel @ kernel.T, np.eye(stride))
    assert np.allclose(kernel[:, stride:] @ kernel[:, :stride].T, 0, atol=1e-12)


def test_transposed_convolution_is_zero_stuffing_and_filtering() -> None:
    rng = np.random.default_rng(1)
    x, kernels = rng.standard_normal((2, 4, 30)), rng.standard_normal((2, 4, 8))
    for group, row in enumerate(transposed_convolution(x, kernels, 4)):
        slow = np.zeros(30 * 4 + 7)
        for channel in range(4):
            stuffed = np.zeros(30 * 4)
            stuffed[::4] = x[group, channel]
            slow += np.convolve(stuffed, kernels[group, channel])
        assert np.allclose(row, slow[: 30 * 4])


@pytest.mark.parametrize("strides", [(8, 8, 4, 2), (8, 5, 4, 2), (8, 8, 8), (2,)])
def test_without_wear_the_music_comes_back(strides: tuple[int, ...]) -> None:
    clip = noise(0.5, channels=2)
    out = resynthesise(clip, strides, wear=NO_WEAR)
    assert out.samples.shape == clip.samples.shape
    assert np.abs(out.samples - clip.samples).max() < 1e-7


def test_latents_are_slow_and_hold_all_the_energy() -> None:
    x = noise(1.0).samples[0, : 512 * 80].astype(np.float64)
    x[:2048] = x[-2048:] = 0
    latent = encode(x, (8, 8, 4, 2))
    assert latent.shape == (512, 80)
    assert (latent**2).sum() == pytest.approx((x**2).sum())


@pytest.mark.parametrize(
    ("strides", "base_hz", "count"),
    [((8, 8, 4, 2), 86.1328125, 256), ((8, 5, 4, 2), 137.8125, 160), ((2,), 22050.0, 1)],
)
def test_predicted_peaks(strides: tuple[int, ...], base_hz: float, count: int) -> None:
    peaks = predicted_peaks_hz(strides, RATE)
    assert len(peaks) == count and peaks[-1] <= RATE / 2
    assert np.allclose(peaks, base_hz * np.arange(1, count + 1))


def heights_db(samples: np.ndarray, at_hz: np.ndarray) -> np.ndarray:
    """Return how far the averaged spectrum stands above the median of its surroundings."""
    size = 16384
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: size // 2]
    power = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) ** 2
    level = 10 * np.log10(power.mean(axis=0) + 1e-12)
    bins = np.rint(at_hz * size / RATE).astype(int)
    return np.array([level[b - 1 : b + 2].max() - np.median(level[b - 12 : b + 13]) for b in bins])


@pytest.mark.parametrize("strides", [(8, 8, 4, 2), (8, 5, 4, 2), (8, 8, 8)])
def test_peaks_stand_where_theory_says(strides: tuple[int, ...]) -> None:
    clip = Clip(noise(8.0).samples * np.float32(0.1), RATE)
    peaks = predicted_peaks_hz(strides, RATE)
    peaks = peaks[(peaks > 1000) & (peaks < 20000)]
    between = peaks[:-1] + 0.37 * np.diff(peaks)
    worn = resynthesise(clip, strides, seed=2).samples[0]
    # N channels of power bias² make N/2 lines; half of those (two Gaussian shares each) exceed
    # 2·bias²·ln 2. A Hann bin is 1.5 bins wide and sees that much of the noise.
    line = 2 * Wear().bias ** 2 * np.log(2)
    bin_noise = clip.samples.var() * 1.5 * (RATE / 16384) / (RATE / 2)
    expected_db = 10 * np.log10(1 + line / bin_noise)
    assert np.median(heights_db(worn, peaks)) == pytest.approx(expected_db, abs=1.5)
    assert expected_db > 8
    assert np.median(heights_db(worn, between)) < 2.5
    assert np.median(heights_db(clip.samples[0], peaks)) < 2.5


def test_bias_alone_makes_the_lines_and_nothing_else() -> None:
    """Zeros in, a comb out: every line of a silent input lies on a predicted frequency."""
    silence = Clip(np.zeros((1, 512 * 200), np.float32), RATE)
    out = resynthesise(silence, wear=Wear(0, 1e-4, 0)).samples[0, 512 * 8 : 512 * 136]
    power = np.abs(np.fft.rfft(out.astype(np.float64))) ** 2
    on = power[::128].sum()  # 128 periods of the slowest rate
    assert on / power.sum() > 1 - 1e-6


def test_decoder_is_deterministic_and_each_seed_is_another() -> None:
    clip = noise(0.5)
    one, same, other = (resynthesise(clip, seed=s).samples for s in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_channels_share_one_decoder() -> None:
    clip = noise(0.5)
    twice = Clip(np.repeat(clip.samples, 2, axis=0), RATE)
    out = resynthesise(twice).samples
    assert np.array_equal(out[0], out[1])


def test_bad_strides_are_named() -> None:
    for strides in ((), (8, 1), (0,)):
        with pytest.raises(UsageError, match="strides of 2 or more"):
            Decoder(strides)
    with pytest.raises(UsageError, match="strides of 2 or more"):
        predicted_peaks_hz((1,), RATE)
