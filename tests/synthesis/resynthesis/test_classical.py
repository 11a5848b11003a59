# SPDX-License-Identifier: MIT
from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from unsung.audio.signals import click
from unsung.errors import MissingExtra, UnsungError, UsageError
from unsung.frontends.log_mel import hz_to_mel
from unsung.synthesis.resynthesis._peaks import comb_auc, residual
from unsung.synthesis.resynthesis._phase import Stft, faded, griffin_lim
from unsung.synthesis.resynthesis._quality import measure
from unsung.synthesis.resynthesis.griffin_lim_mel import _STFT, GriffinLimMel, _matrices
from unsung.synthesis.resynthesis.griffin_phase import GriffinPhase
from unsung.synthesis.resynthesis.world import World
from unsung.types import Clip

from .helpers import music


def test_stft_gives_the_sound_back() -> None:
    x = music(0.5).samples[0]
    stft = Stft(1024, 256, 1024)
    assert np.abs(stft.inverse(stft.forward(x), len(x)) - x)[:-1024].max() < 1e-5


def test_forward_is_centred_and_padded_like_torch() -> None:
    torch = pytest.importorskip("torch")
    x, stft = music(0.2).samples[0], Stft(2048, 128, 512)
    window = torch.hann_window(512)
    slow = torch.stft(torch.from_numpy(x), 2048, 128, 512, window, return_complex=True).numpy().T
    made = stft.forward(x)
    assert np.allclose(np.abs(made)[10:-10], np.abs(slow)[10:-10], atol=1e-3)


def test_griffin_lim_comes_closer_with_more_rounds() -> None:
    x, stft = music(0.6).samples[0], Stft(1024, 256, 1024)
    wanted = np.abs(stft.forward(x))

    def error(rounds: int) -> float:
        made = griffin_lim(wanted, stft, len(x), rounds, np.random.default_rng(0))
        return float(np.linalg.norm(np.abs(stft.forward(made)) - wanted) / np.linalg.norm(wanted))

    assert error(32) < 0.6 * error(1)


def test_pieces_fade_into_each_other_without_a_trace() -> None:
    x = music(1.0).samples[0]
    assert np.allclose(faded(x, lambda part: part, 7000, 500), x, atol=1e-6)


def test_mel_matrices_are_deezers() -> None:
    bank, inverse = _matrices(256)
    assert bank.shape == (256, 8821)
    assert (_STFT.n_fft, _STFT.hop, _STFT.win) == (17640, 441, 4410)
    peaks_hz = bank.argmax(axis=1) * 2.5
    steps = np.diff(hz_to_mel(peaks_hz, "htk"))
    assert np.allclose(steps, hz_to_mel(np.array(22050.0), "htk") / 257, atol=4.5)  # 2.5-Hz bins
    assert np.allclose(bank @ inverse, np.eye(256), atol=1e-3)


@pytest.mark.parametrize("system", [GriffinLimMel("256"), GriffinPhase(), GriffinPhase("4096")])
def test_a_click_stays_where_it_was(system) -> None:
    sound = click(0.5, 1.0) + 1e-4 * np.random.default_rng(0).standard_normal(44100).astype("f4")
    made = system(Clip(sound[None], 44100)).samples[0]
    energy = np.convolve(made**2, np.ones(441), "same")
    assert abs(int(energy.argmax()) - 22050) < 1000


def test_magnitudes_are_kept_and_the_seed_draws_the_phase() -> None:
    clip = music(1.0)
    one, same, other = (GriffinPhase(seed=seed)(clip) for seed in (0, 0, 1))
    assert np.array_equal(one.samples, same.samples)
    assert not np.array_equal(one.samples, other.samples)
    assert measure(clip, one).distance_db < 4


def test_quality_measures_what_was_done() -> None:
    clip = music(1.0)
    late = Clip(np.roll(clip.samples, 37, axis=1), 44100)
    assert measure(clip, late).lag == 37
    louder = Clip(clip.samples * 2, 44100)
    found = measure(clip, louder)
    assert found.snr_db == pytest.approx(0, abs=0.01)
    assert 2 < found.distance_db <= 6.03  # 6.02 dB but for bins below the floor
    assert measure(clip, clip).distance_db == 0
    with pytest.raises(UsageError, match="one rate and shape"):
        measure(clip, music(0.5))


def test_peaks_are_told_from_noise() -> None:
    rng, t = np.random.default_rng(0), np.arange(44100 * 4) / 44100
    sound = 0.1 * rng.standard_normal(len(t))
    lines = sum(0.003 * np.sin(2 * np.pi * 250 * k * t + k) for k in range(1, 80))
    for x, low, high in ((sound, 0.4, 0.6), (sound + lines, 0.95, 1.01)):
        assert low < comb_auc(*residual(x.astype("f4"), 44100), 250.0) < high
    assert comb_auc(*residual((sound + lines).astype("f4"), 44100), 250.0, 0.5) < 0.6
    with pytest.raises(UsageError, match="got none"):
        comb_auc(*residual(sound.astype("f4"), 44100), 30000.0)


@pytest.mark.filterwarnings("ignore")
def test_world_is_there_or_says_what_it_needs() -> None:
    if importlib.util.find_spec("pyworld") is None:
        with pytest.raises(MissingExtra, match="pyworld"):
            World()(music(0.5))
        pytest.skip("pyworld is not installed: WORLD itself was not run")
    try:
        made = World()(music(1.0, 24000, 2))
    except UnsungError as error:
        pytest.skip(f"WORLD itself was not run: {error}")
    assert made.samples.shape == (2, 24000)
    assert np.isfinite(made.samples).all()


@pytest.mark.filterwarnings("ignore")
def test_world_keeps_a_pitch_and_its_time() -> None:
    try:
        World()(music(0.3, 24000))
    except UnsungError as error:
        pytest.skip(f"WORLD itself was not run: {error}")
    t = np.arange(24000) / 24000
    voice = sum(np.sin(2 * np.pi * 200 * k * t) / k for k in range(1, 12)) * (t > 0.5) * 0.1
    made = World()(Clip(voice[None].astype("f4"), 24000)).samples[0]
    assert np.sqrt(np.mean(made[13000:] ** 2)) > 10 * np.sqrt(np.mean(made[:11000] ** 2))
    peak = np.abs(np.fft.rfft(made[14000:23600] * np.hanning(9600))).argmax() * 2.5
    assert peak % 200 < 6 or peak % 200 > 194
