# SPDX-License-Identifier: MIT
from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from unsung.errors import UsageError
from unsung.synthesis.decoder import lapped_kernel
from unsung.synthesis.resynthesis._peaks import comb_auc, residual
from unsung.synthesis.resynthesis._quality import measure
from unsung.synthesis.resynthesis._zoo_kernels import (
    fourier_kernel,
    interpolation_taps,
    interpolator,
    lapped,
    place,
)
from unsung.synthesis.resynthesis._zoo_member import RATES_HZ, STYLES, Member, draw_member
from unsung.synthesis.resynthesis.zoo import Zoo, train

from .helpers import music

torch = pytest.importorskip("torch")

from unsung.synthesis.resynthesis._zoo_network import Network, synthesise

EXACT = {"kernel": 0.0, "bias": 0.0, "curve": 0.0}


def member(strides, upsamplers, rate_hz=44100, **values):
    return Member(0, 5, "test", rate_hz, strides, upsamplers, **values)


def passed(one: Member, sound: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return Network(one)(torch.from_numpy(sound)).numpy()


def snr_db(before: np.ndarray, after: np.ndarray) -> float:
    return 10 * math.log10((before**2).sum() / ((after - before) ** 2).sum())


@pytest.mark.parametrize("window", ["sine", "vorbis", "kbd", "block"])
@pytest.mark.parametrize("stride", [2, 5, 8])
def test_lapped_kernels_are_a_tight_frame(stride: int, window: str) -> None:
    kernel = lapped(stride, window)
    assert np.allclose(kernel @ kernel.T, np.eye(stride))
    if window != "block":
        assert np.allclose(kernel[:, stride:] @ kernel[:, :stride].T, 0, atol=1e-12)
    if window == "sine":
        assert np.allclose(kernel, lapped_kernel(stride))


@pytest.mark.parametrize(("hop", "frame"), [(8, 16), (8, 32), (64, 256)])
def test_fourier_frames_added_up_give_the_sound_back(hop: int, frame: int) -> None:
    kernel = fourier_kernel(hop, frame)
    total = np.zeros((frame, frame))
    for shift in range(-frame + hop, frame, hop):  # neighbours of one frame
        moved = np.zeros_like(kernel)
        if shift >= 0:
            moved[:, shift:] = kernel[:, : frame - shift]
        else:
            moved[:, :shift] = kernel[:, -shift:]
        total += moved.T @ moved
    assert np.allclose(total, np.eye(frame), atol=1e-12)


@pytest.mark.parametrize("kind", ["nearest", "linear"])
def test_interpolation_leaves_no_line_of_a_constant_whatever_the_filter(kind: str) -> None:
    kernel = place(np.random.default_rng(0).standard_normal(40), interpolator(8, kind))
    kernel = np.pad(kernel, (0, -len(kernel) % 8))
    phases = kernel.reshape(-1, 8).sum(axis=0)  # what a constant becomes, phase by phase
    assert np.ptp(phases) < 1e-12
    worn = lapped(8, "sine")[1]
    assert np.ptp(worn.reshape(-1, 8).sum(axis=0)) > 0.1  # a transposed convolution's does not


@pytest.mark.parametrize(("kind", "most"), [("nearest", 0.1), ("linear", 0.17)])
def test_fitted_interpolation_comes_close_to_the_lapped_kernels(kind, most) -> None:
    taps = interpolation_taps(4, kind, "sine")
    made = np.stack([place(row, interpolator(4, kind)) for row in taps])
    goal = np.pad(lapped(4, "sine"), ((0, 0), (12, 12)))
    assert np.square(made - goal).sum() < most * np.square(goal).sum()


def test_synthesise_is_zero_stuffing_and_filtering() -> None:
    rng = np.random.default_rng(1)
    z, kernels = rng.standard_normal((1, 2, 3, 20)), rng.standard_normal((2, 3, 16))
    made = synthesise(torch.from_numpy(z), torch.from_numpy(kernels), 4, lead=1).numpy()[0]
    for group in range(2):
        slow = np.zeros(20 * 4 + 15)
        for channel in range(3):
            stuffed = np.zeros(80)
            stuffed[::4] = z[0, group, channel]
            slow += np.convolve(stuffed, kernels[group, channel])
        assert np.allclose(made[group], slow[4:84])


@pytest.mark.parametrize(
    ("strides", "upsamplers", "frame", "least_db"),
    [
        ((8, 5, 4, 2), ("transposed",) * 4, 0, 90),
        ((8, 4, 2), ("subpixel",) * 3, 0, 90),
        ((4, 64), ("transposed", "istft"), 128, 90),
        ((256,), ("istft",), 1024, 90),
        ((4, 4, 4), ("nearest",) * 3, 0, 8),
        ((4, 4, 4), ("linear",) * 3, 0, 8),
    ],
)
def test_without_wear_the_music_comes_back_aligned(strides, upsamplers, frame, least_db) -> None:
    sound = music(1.0).samples
    made = passed(member(strides, upsamplers, frame=frame, **EXACT), sound)
    assert made.shape == sound.shape
    assert snr_db(sound, made) > least_db


def test_rounding_of_latents_costs_what_it_says_at_every_level() -> None:
    one = member((8, 8, 4), ("transposed",) * 3, latent_db=25.0, **EXACT)
    for level in (1.0, 0.01):
        sound = level * music(1.0).samples
        assert snr_db(sound, passed(one, sound)) == pytest.approx(25, abs=2)


def test_a_constant_bias_stands_at_the_predicted_lines_only() -> None:
    one = member((8, 4, 2), ("transposed", "subpixel", "transposed"), 16000, kernel=0.3, bias=0.01)
    out = passed(dataclasses.replace(one, curve=0.0), np.zeros((1, 16000), np.float32))[0]
    power = np.abs(np.fft.rfft(out[:16000])) ** 2  # 1 Hz a bin
    lines = np.round(one.predicted_peaks_hz()).astype(int)
    assert lines[0] == 250
    # zero hertz, and the edges of the padded sound, hold the rest
    assert power[lines].sum() > 0.98 * power[1:].sum()


def test_interpolating_members_predict_no_lines_and_make_none() -> None:
    one = member((8, 4), ("nearest", "linear"), 16000, kernel=0.3, bias=0.01)
    assert one.predicted_peaks_hz().size == 0
    out = passed(dataclasses.replace(one, curve=0.0), np.zeros((1, 16000), np.float32))[0]
    middle = out[2000:-2000]
    assert np.ptp(middle) < 1e-4 * max(abs(float(middle.mean())), 1e-9) + 1e-7


def test_lines_begin_at_the_first_stage_that_makes_them() -> None:
    one = member((8, 5, 4), ("nearest", "transposed", "linear"), 16000)
    assert one.line_strides == (5, 4)
    assert one.predicted_peaks_hz()[0] == 800


def test_members_are_the_same_everywhere_and_cover_the_field() -> None:
    drawn = [draw_member(number) for number in range(256)]
    assert drawn[17] == draw_member(17)
    # a stored answer: changing the draw would give every published zoo another sound
    assert (drawn[17].sample_rate_hz, drawn[17].strides, drawn[17].style) == (
        22050,
        (8, 8, 4, 2),
        "subpixel",
    )
    assert {one.style for one in drawn} == set(STYLES)
    assert {one.sample_rate_hz for one in drawn} == set(RATES_HZ)
    assert all(64 <= one.hop <= 2048 for one in drawn)
    assert all(Member.from_dict(one.to_dict()) == one for one in drawn[:20])


def test_a_whole_zoo_gives_each_track_its_member_by_id_and_seed() -> None:
    zoo = Zoo("64")
    names = {track: zoo.for_track(track).name for track in map(str, range(60))}
    assert names == {track: Zoo("64").for_track(track).name for track in names}
    assert len(set(names.values())) > 20
    other = {track: Zoo("64", seed=1).for_track(track).name for track in names}
    assert other != names
    assert set(names.values()) <= {f"zoo-{number:04d}" for number in range(64)}
    clip = music(0.5, track_id="7")
    assert np.array_equal(zoo(clip).samples, Zoo(f"@{int(names['7'][4:])}")(clip).samples)


@pytest.mark.parametrize("text", ["0", "-3", "@", "many", "@x"])
def test_what_a_setting_may_be_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="zoo:64"):
        Zoo(text)


@pytest.mark.parametrize("number", range(10))
def test_copies_are_music_at_the_right_time(number: int) -> None:
    zoo, clip = Zoo(f"@{number}"), music(1.5, 48000, 2)
    quality = measure(clip, zoo(clip), zoo.sample_rate_hz / 2)
    assert quality.lag == 0
    assert quality.snr_db > 5
    assert quality.distance_db < 6


def test_refinement_adds_noise_that_hides_faint_sound_and_keeps_loud() -> None:
    from unsung.synthesis.resynthesis.zoo import _refine

    sound = music(1.0).samples
    made = _refine(sound, 3, np.random.default_rng(0))
    assert made.shape == sound.shape
    assert 20 < snr_db(sound, made) < 50


def test_lines_stand_where_the_strides_say_far_more_than_elsewhere() -> None:
    """On synthesised music: the chance that a predicted bin is higher, with its controls."""
    clips = [music(6.0, seed=seed) for seed in range(2)]
    made, before, shifted = [], [], []
    numbers = [n for n in range(16) if len(draw_member(n).predicted_peaks_hz())][:8]
    for number in numbers:
        zoo = Zoo(f"@{number}")
        spacing = float(zoo.predicted_peaks_hz()[0])
        band = (500.0, 0.45 * zoo.sample_rate_hz)
        if spacing < 25:
            continue
        for clip in clips:
            copy, original = (residual(c.samples[0], c.sample_rate_hz) for c in (zoo(clip), clip))
            made.append(comb_auc(*copy, spacing, 0.0, band))
            before.append(comb_auc(*original, spacing, 0.0, band))
            shifted.append(comb_auc(*copy, spacing, 0.5, band))
    assert len(made) >= 10
    assert np.mean(made) > 0.7
    assert np.mean(before) == pytest.approx(0.5, abs=0.06)
    assert np.mean(shifted) < 0.58
    assert np.mean(np.array(made) > np.array(before)) > 0.9


def test_interpolation_leaves_notches_where_zero_stuffing_leaves_lines() -> None:
    one = member((4, 4), ("transposed", "transposed"), 16000, **EXACT)
    soft = dataclasses.replace(one, upsamplers=("nearest", "nearest"))
    sound = 0.1 * np.random.default_rng(0).standard_normal((1, 16000 * 6)).astype(np.float32)
    aucs = [
        comb_auc(*residual(passed(m, sound)[0], 16000), 1000, 0.0, (500, 7600)) for m in (one, soft)
    ]
    assert aucs[0] == pytest.approx(0.5, abs=0.25)
    assert aucs[1] < 0.05


@pytest.fixture
def songs(tmp_path):
    from unsung.audio.write import write

    paths = []
    for seed in range(2):
        paths.append(tmp_path / f"{seed}.wav")
        write(paths[-1], music(3.0, 16000, seed=seed))
    return paths


def test_training_lowers_the_loss_resumes_and_is_repeatable(tmp_path, songs, monkeypatch) -> None:
    from unsung.synthesis.resynthesis import _zoo_train

    monkeypatch.setattr(_zoo_train, "_CHECKPOINT_STEPS", 4)
    monkeypatch.setattr(_zoo_train, "_BATCH", 1)
    whole = train(6, [*songs, tmp_path / "none.wav"], tmp_path / "a", steps=12)
    assert whole.last_loss < 0.97 * whole.first_loss

    calls = []
    loss = _zoo_train._loss

    def stop(*arguments):
        calls.append(1)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return loss(*arguments)

    monkeypatch.setattr(_zoo_train, "_loss", stop)
    with pytest.raises(KeyboardInterrupt):
        train(6, songs, tmp_path / "b", steps=12)
    again = train(6, songs, tmp_path / "b", steps=12)
    assert len(calls) == 7 + 8  # four steps were kept
    assert again.sha256 == whole.sha256

    zoo = Zoo("@6", weights=tmp_path / "a")
    clip = music(1.0, 16000)
    assert zoo.provenance["weights_sha256"] == whole.sha256
    assert not np.array_equal(zoo(clip).samples, Zoo("@6")(clip).samples)
    assert Zoo("64", weights=tmp_path / "a").for_track("any").name == "zoo-0006"
    with pytest.raises(UsageError, match=r"zoo-0005\.safetensors"):
        Zoo("@5", weights=tmp_path / "a")


def test_training_says_what_music_it_lacks(tmp_path) -> None:
    with pytest.raises(UsageError, match="none of the 1 given"):
        train(0, [tmp_path / "none.wav"], tmp_path)
