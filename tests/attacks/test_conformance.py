# SPDX-License-Identifier: MIT
"""What holds for every attack in the folder, found by name."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from scipy import signal

from unsung import registry
from unsung.attacks import Attack
from unsung.errors import EmptyAudio, NotFinite, UsageError
from unsung.types import Clip

from .conftest import music

ALL = registry.names("attacks")
NEEDY = [  # need a model or a second clip at construction; tested in their own files
    name
    for name in ALL
    if registry.get("attacks", name).needs_model or registry.get("attacks", name).needs_partner
]
NAMES = [name for name in ALL if name not in NEEDY]
CODECS = {"aac", "mp3", "opus", "vorbis", "recompression"}
EXPECTED = {
    *CODECS,
    *("aliasing", "band_stop", "bit_crush", "clipping", "crop", "dynamic_compression", "echo"),
    *("eq", "fade", "gain", "high_pass", "loudness_normalisation", "low_pass", "mono_mix"),
    *("noise_snr", "pitch_shift", "resample_round_trip", "reverb", "silence_insertion", "speed"),
    *("tanh_distortion", "time_mask", "time_stretch", "vibrato", "white_noise"),
    *("comb_notch", "crowd_noise", "deezer_eq", "dither", "limiter", "mid_side", "phone_band"),
    *("segment_shuffle", "speech_over", "tile", "tiny_resample", "phase_scramble"),
    *("amr_nb", "deezer_reverb", "gsm", "inverted_channel", "resynthesis", "room"),
    *("black_box", "mix", "pgd", "transplant"),
}


def make(name: str) -> Attack:
    attack: Attack = registry.get("attacks", name)()
    return attack


def spectral_distance(a: Clip, b: Clip) -> float:
    """Root mean square dB difference of spectrograms, deaf 60 dB below the loudest bin."""
    n = min(a.samples.shape[1], b.samples.shape[1])
    one, two = (
        signal.spectrogram(c.samples[:, :n], c.sample_rate_hz, nperseg=4096, noverlap=2048)[2]
        for c in (a, b)
    )
    floor = 1e-6 * one.max()
    return float(np.sqrt(np.mean(np.square(10 * np.log10((one + floor) / (two + floor))))))


def wave_distance(a: Clip, b: Clip) -> float:
    return float(np.sqrt(np.mean(np.square(a.samples - b.samples))) / a.samples.std())


def length_distance(a: Clip, b: Clip) -> float:
    return abs(float(np.log(b.samples.shape[1] / a.samples.shape[1])))


def pitch_distance(a: Clip, b: Clip) -> float:
    def middle(clip: Clip) -> float:
        power = np.abs(np.fft.rfft(clip.mono())) ** 2
        hz = np.fft.rfftfreq(clip.samples.shape[1], 1 / clip.sample_rate_hz)
        keep = (hz > 50) & (hz < 2000)
        return float(np.exp(np.average(np.log(hz[keep]), weights=power[keep])))

    return abs(float(np.log2(middle(b) / middle(a))))


def level_distance(a: Clip, b: Clip) -> float:
    return abs(20 * float(np.log10(b.samples.std() / a.samples.std())))


def moved_distance(a: Clip, b: Clip) -> float:
    """Share of samples that are not what they were."""
    return float(np.mean(np.abs(a.samples - b.samples) > 1e-4 * a.samples.std()))


def call_distance(a: Clip, b: Clip) -> float:
    """As `spectral_distance`, where a telephone can be heard at all."""
    sections = signal.butter(6, (300, 3200), "bandpass", fs=a.sample_rate_hz, output="sos")
    one, two = (
        Clip(signal.sosfilt(sections, c.samples).astype(np.float32), c.sample_rate_hz)
        for c in (a, b)
    )
    return spectral_distance(one, two)


DISTANCES: dict[str, Callable[[Clip, Clip], float]] = {
    **dict.fromkeys(
        ("crop", "silence_insertion", "speed", "time_stretch", "vocoder_stretch"), length_distance
    ),
    **dict.fromkeys(("tiny_resample",), length_distance),
    **dict.fromkeys(("segment_shuffle", "tile"), moved_distance),
    **dict.fromkeys(("dither", "inverted_channel", "limiter", "mid_side"), wave_distance),
    **dict.fromkeys(("gain", "loudness_normalisation"), level_distance),
    **dict.fromkeys(("time_mask", "fade", "mono_mix", "clipping"), wave_distance),
    **dict.fromkeys(("bit_crush", "echo", "tanh_distortion", "white_noise"), wave_distance),
    **dict.fromkeys(("dynamic_compression", "mp3", "aac", "opus", "vorbis"), wave_distance),
    "pitch_shift": pitch_distance,
    "recompression": wave_distance,
    "amr_nb": call_distance,
}
# what the mildest strength may do at most, in the attack's own distance
MILD = {spectral_distance: 6.0, wave_distance: 0.25, length_distance: 0.11, level_distance: 3.1}
MILD |= {call_distance: 7.0}  # a model of one voice, given music
MILD |= {pitch_distance: 0.06, moved_distance: 0.0}  # pieces longer than the clip: nothing moves


def test_every_file_is_here() -> None:
    assert set(ALL) >= EXPECTED


@pytest.mark.parametrize("name", ALL)
def test_description(name: str) -> None:
    attack = make(name)
    assert attack.unit
    assert attack.strengths and all(attack.check(s) == s for s in attack.strengths)
    assert attack.check(attack.default) == attack.default
    words = registry.summary("attacks", name)
    assert words.endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_bytes(name: str, stereo: Clip) -> None:
    attack, before = make(name), stereo.samples.copy()
    one, two = (attack(stereo, attack.default, seed=3) for _ in range(2))
    assert one.samples.tobytes() == two.samples.tobytes()
    assert np.array_equal(stereo.samples, before), "the input was written to"
    other = attack(stereo, attack.default, seed=4)
    same = one.samples.tobytes() == other.samples.tobytes()
    assert same != attack.seeded


@pytest.mark.parametrize("rate_hz", [16000, 44100, 48000])
@pytest.mark.parametrize("name", NAMES)
def test_shape_rate_and_length(name: str, rate_hz: int) -> None:
    attack = make(name)
    for channels, duration_s in ((1, 0.5), (2, 1.0)):
        clip = music(rate_hz, duration_s, channels)
        out = attack(clip, attack.default, seed=1)
        assert out.sample_rate_hz == rate_hz and out.track_id == clip.track_id
        assert out.samples.dtype == np.float32 and out.samples.shape[0] == channels
        assert np.isfinite(out.samples).all()
        expected = clip.samples.shape[1] * attack.time_scale(attack.default)
        assert abs(out.samples.shape[1] - expected) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_length_follows_time_scale_at_every_strength(name: str) -> None:
    attack, clip = make(name), music(duration_s=0.5)
    for strength in attack.strengths if name not in CODECS else ():
        out = attack(clip, strength)
        expected = clip.samples.shape[1] * attack.time_scale(strength)
        assert abs(out.samples.shape[1] - expected) <= 1, strength


@pytest.mark.parametrize("name", NAMES)
def test_harsher_is_further_and_mildest_is_close(name: str, stereo: Clip) -> None:
    attack = make(name)
    loud = Clip(stereo.samples * np.float32(2.4), stereo.sample_rate_hz)  # above -14 LUFS
    distance = DISTANCES.get(name, spectral_distance)
    far = [distance(loud, attack(loud, s)) for s in attack.strengths]
    assert far[0] <= MILD[distance], far
    two_sided = min(attack.strengths) < 0 < max(attack.strengths)
    two_sided |= min(attack.strengths) < 1 < max(attack.strengths) and distance is length_distance
    middle = 0 if min(attack.strengths) < 0 else 1
    for sign in (-1, 1):
        kept = [
            d
            for d, s in zip(far, attack.strengths, strict=True)
            if not two_sided or np.sign(s - middle) == sign
        ]
        for mild, harsh in pairwise(kept):
            assert harsh >= 0.97 * mild - 1e-6, (name, attack.strengths, far)


@pytest.mark.parametrize("name", NAMES)
def test_silence_and_one_sample(name: str) -> None:
    attack = make(name)
    for length in (1, 4000) if name not in CODECS else (4000,):
        out = attack(Clip(np.zeros((2, length), np.float32), 16000), attack.default)
        assert np.isfinite(out.samples).all()


@pytest.mark.parametrize("name", NEEDY)
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(UsageError, match=r"needs a (model|second clip), got none; "):
        make(name)(music(16000, 0.5), make(name).default)


@pytest.mark.parametrize("name", ALL)
def test_wrong_input_is_named(name: str) -> None:
    attack = make(name)
    with pytest.raises(NotFinite, match="NaN"):
        attack(Clip(np.full((1, 8), np.nan, np.float32), 16000), attack.default)
    with pytest.raises(EmptyAudio, match="no samples"):
        attack(Clip(np.zeros((1, 0), np.float32), 16000), attack.default)
    with pytest.raises(UsageError, match=r"\[channel, time\]"):
        attack(Clip(np.zeros(8, np.float32), 16000), attack.default)
    with pytest.raises(UsageError, match="expected a strength from"):
        attack(music(16000, 0.5), 1e9)
    with pytest.raises(UsageError, match="expected a strength from"):
        attack(music(16000, 0.5), float("nan"))
