# SPDX-License-Identifier: MIT
"""Torch detectors explained as songs are: verdicts, fitting methods, raw sound, muted bands."""

import numpy as np
import pytest
import torch
from tests.explainers.subjects import FRONT_END, ToneDetector, clip, subject

from unsung.audio.write import write
from unsung.detectors.base import Detector
from unsung.errors import UsageError
from unsung.explainers import OfNetwork, build, explain
from unsung.explainers._counterfactual import Judged, muted, narrowest_band
from unsung.explainers._fit import fitting, require
from unsung.explainers._torch import subject_of_detector
from unsung.frontends.raw import Raw
from unsung.types import Clip

RATE = 16000


class Tones(Detector):
    """`ToneDetector` as a detector of one-second windows."""

    window_s = 1.0

    def __init__(self):
        super().__init__((FRONT_END,))
        self.network = ToneDetector()

    def head(self, *pictures):
        return self.network(pictures[0])


class RawTone(Detector):
    """Correlates raw sound with a 3-kHz tone: one linear map, so all of it is known."""

    window_s = 1.0

    def __init__(self):
        super().__init__((Raw(RATE),))
        self.out = torch.nn.Linear(RATE, 1)
        tone = np.sin(2 * np.pi * 3000 * np.arange(RATE) / RATE)
        with torch.no_grad():
            self.out.weight.copy_(torch.from_numpy(tone.astype(np.float32))[None] / 100)
            self.out.bias.fill_(-1.0)

    def head(self, *pictures):
        return self.out(pictures[0][:, 0, 0])


def raw_clip(seconds=2.0):
    time_s = np.arange(round(seconds * RATE)) / RATE
    samples = 0.1 * np.sin(2 * np.pi * 3000 * time_s) + 0.1 * np.sin(2 * np.pi * 700 * time_s)
    return Clip(samples.astype(np.float32)[None], RATE)


@pytest.mark.parametrize("name", ["integrated_gradients", "lrp", "gradient_input"])
def test_raw_sound_is_explained_in_hertz(name):
    detector = RawTone()
    found = build(name)(subject_of_detector(detector, raw_clip()))
    with torch.no_grad():
        sound = torch.from_numpy(raw_clip().samples.reshape(2, RATE))
        assert found.logit == pytest.approx(float(detector(sound).mean()), abs=1e-3)
    by_band = found.relevance.sum((0, 2))
    at = np.abs(found.freqs_hz - 3000) < 50
    # The map is linear: all of the logit but its bias belongs to the tone it listens to.
    assert by_band[at].sum() == pytest.approx(found.logit + 1.0, rel=2e-2)
    assert abs(by_band[np.abs(found.freqs_hz - 700) < 50].sum()) < 0.02 * by_band[at].sum()
    assert found.times_s[0] == 0.0 and found.times_s[-1] == pytest.approx(2.0, abs=0.05)


def test_what_fits_is_known_by_architecture():
    convolutional = fitting(subject(ToneDetector()))
    assert {"lrp", "crp", "grad_cam", "integrated_gradients", "lime"} <= set(convolutional)
    assert not {"exact_linear", "chefer", "attention_rollout"} & set(convolutional)
    raw = fitting(subject_of_detector(RawTone(), raw_clip()))
    assert "lrp" in raw and not {"grad_cam", "crp", "chefer"} & set(raw)
    with pytest.raises(UsageError, match=r"chefer: expected a transformer.*these fit: .*grad_cam"):
        require("chefer", subject(ToneDetector()))


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    path = tmp_path_factory.mktemp("songs") / "tone.wav"
    write(path, clip(6.0))
    return str(path)


def test_a_song_before_a_torch_detector(song):
    found = explain(song, detector=OfNetwork(Tones(), "tones"), seconds=6.0)
    assert found.method == "integrated_gradients" and found.detector == "tones"
    assert found.judged.verdict == "ai" and found.thresholds == (0.0, 0.0)
    assert "without thresholds" in found.note
    assert found.judged.logit == pytest.approx(found.explanation.logit, abs=1e-5)
    (turn,) = found.counterfactuals
    assert turn.how == "muted" and turn.low_hz <= 2000 <= turn.high_hz
    assert turn.after.verdict == "human" and turn.control.verdict == "ai"
    human = explain(song, detector=OfNetwork(Tones(), limits=lambda rate: (1e9, None)), seconds=6.0)
    assert human.judged.verdict == "undecided" and human.note == ""


def test_a_muted_band_loses_sixty_decibels():
    found = muted(raw_clip(), 2900.0, 3100.0)
    before, after = (np.abs(np.fft.rfft(c.samples[0])) for c in (raw_clip(), found))
    hz = np.fft.rfftfreq(2 * RATE, 1 / RATE)
    peak, other = np.abs(hz - 3000).argmin(), np.abs(hz - 700).argmin()
    assert after[peak] / before[peak] == pytest.approx(0.001, rel=0.9)
    assert after[other] / before[other] == pytest.approx(1.0, rel=0.01)


def test_the_narrowest_band_holds_what_the_verdict_hangs_on():
    def judge(sound):
        spectrum = np.abs(np.fft.rfft(sound.samples[0]))
        near = np.abs(np.fft.rfftfreq(2 * RATE, 1 / RATE) - 3000) < 5
        level = float(np.log10(spectrum[near].max()))
        return Judged(level, "ai" if level > 2 else "human")

    axis = np.linspace(0, 8000, 81)
    relevance = np.where(np.abs(axis - 3000) < 150, 1.0, 0.01)
    (found,) = narrowest_band(raw_clip(), axis, relevance, True, judge)
    assert found.low_hz <= 3000 <= found.high_hz and found.removed_hz < 500
    assert found.control.verdict == "ai"
    assert narrowest_band(raw_clip(), axis, relevance, True, lambda s: Judged(0.0, "ai")) == ()
