# SPDX-License-Identifier: MIT
"""The packaged detector explained: exact to the logit that a scan measures, frame by frame."""

from types import SimpleNamespace

import numpy as np
import pytest

from unsung.audio import signals
from unsung.errors import EmptyAudio, SilentAudio, UsageError
from unsung.explainers import build, subject_of_bundle
from unsung.explainers._story import judge
from unsung.explainers._subject import moved
from unsung.runtime import load_bundle
from unsung.runtime.evidence import COPIED, SHIFTED
from unsung.types import Clip


@pytest.fixture(scope="module")
def bundle():
    return load_bundle()


def music(seconds, rate=16000, channels=1, seed=0):
    rows = [
        signals.noise(seed + i, seconds, rate, 0.05) + signals.comb(125.0, seconds, rate, 2e-3)
        for i in range(channels)
    ]
    return Clip(np.stack(rows), rate)


def in_place(bundle, clip):
    """The scan's logit without what the search and the second model add: the windows' mean."""
    analyzer = bundle.analyzer(clip.sample_rate_hz)
    analyzer.push(clip.mono())
    found = analyzer.finish()
    added = sum(found.evidence.terms.get(name, 0.0) for name in (SHIFTED, COPIED))
    assert found.logit == pytest.approx(judge(bundle, clip).logit, abs=1e-5)
    return found.logit - added


@pytest.mark.parametrize("seconds", [0.6, 4.0, 10.0, 13.0, 26.7])
def test_the_logit_is_the_one_that_a_scan_measures(bundle, seconds):
    clip = music(seconds)
    subject = subject_of_bundle(bundle, clip)
    assert subject.logit == pytest.approx(in_place(bundle, clip), abs=2e-4)


def test_silent_frames_take_no_part(bundle):
    clip = music(21.0)
    clip.samples[:, 60000:200000] = 0
    subject = subject_of_bundle(bundle, clip)
    assert subject.logit == pytest.approx(in_place(bundle, clip), abs=2e-4)
    inside = (subject.times_s > 5.0) & (subject.times_s < 11.0)
    assert not inside.any()


def test_other_rates_and_channels(bundle):
    clip = music(6.0, 44100, 2)
    assert subject_of_bundle(bundle, clip).logit == pytest.approx(in_place(bundle, clip), abs=5e-3)


@pytest.mark.parametrize("baseline", ["silence", "mean", "human"])
def test_relevance_and_baseline_add_up_exactly(bundle, baseline):
    clip = music(24.0)
    subject = subject_of_bundle(bundle, clip, reference=music(5.0, seed=9))
    found = build("exact_linear", {"baseline": baseline})(subject)
    assert abs(found.gap) < 1e-3
    assert found.relevance.shape == (
        sum(f.channels for f in bundle.front_ends),
        len(found.freqs_hz),
        len(found.times_s),
    )
    assert found.freqs_hz[0] == pytest.approx(250, abs=1) and found.freqs_hz[-1] == 8000
    assert found.times_s[0] == pytest.approx(0.512, abs=1e-3)


def test_shares_of_bins_are_those_of_the_scans_evidence(bundle):
    clip = music(8.0)
    found = build("exact_linear", {"baseline": "mean"})(subject_of_bundle(bundle, clip))
    analyzer = bundle.analyzer(16000, picture=True)
    analyzer.push(clip.mono())
    scanned = analyzer.finish().picture.contributions
    assert found.relevance.sum((0, 2)) == pytest.approx(scanned, abs=1e-4)


def test_usual_shares_are_counted_from_nothing_that_stands_out(bundle):
    subject = subject_of_bundle(bundle, music(5.0))
    found = build("exact_linear")(subject)
    nothing = [np.zeros_like(p.values)[None] for p in subject.planes]
    assert found.baseline == pytest.approx(float(subject.scores(nothing)[0]), abs=1e-5)
    mean = build("exact_linear", {"baseline": "mean"})(subject)
    assert mean.baseline == pytest.approx(bundle.linear.baseline, abs=1e-3)
    assert np.abs(mean.relevance - found.relevance).max() > 1e-6


def test_gradient_methods_agree_with_the_exact_shares(bundle):
    subject = subject_of_bundle(bundle, music(5.0))
    exact = build("exact_linear", {"baseline": "mean"})(subject).relevance
    for name, settings in {
        "gradient_input": {},
        "integrated_gradients": {"steps": 3},
        "smooth_grad": {"copies": 2},
        "shap_gradient": {"samples": 2},
    }.items():
        assert build(name, settings)(subject).relevance == pytest.approx(exact, abs=1e-6), name


def test_a_line_that_comes_and_goes_is_found_in_time(bundle):
    """Where a strong line is, the map moves; where it is not, nothing changes."""
    clip = music(8.0, seed=3)
    with_line = clip.samples.copy()
    with_line[0, 64000:] += signals.tone(3000.0, 4.0, 16000, 0.02)
    before = build("exact_linear")(subject_of_bundle(bundle, clip)).relevance.sum(0)
    subject = subject_of_bundle(bundle, Clip(with_line, 16000))
    after = build("exact_linear")(subject).relevance.sum(0)
    row = int(np.abs(subject.freqs_hz - 3000.0).argmin())
    moved_by = np.abs(after - before)[row - 3 : row + 4].sum(0)
    late = subject.times_s > 5.0
    early = subject.times_s < 3.0
    assert moved_by[late].mean() > 5 * moved_by[early].mean()


def test_the_human_reference_is_a_baseline(bundle):
    subject = subject_of_bundle(bundle, music(4.0), reference=music(5.0, seed=9))
    found = build("gradient_input", {"baseline": "human"})(subject)
    assert abs(found.gap) < 1e-3
    assert found.baseline == pytest.approx(
        float(subject.scores([b[None] for b in subject.baseline("human")])[0]), abs=1e-5
    )


def test_shuffled_weights_are_other_weights(bundle):
    subject = subject_of_bundle(bundle, music(4.0))
    other = subject.randomised(1)
    assert other.logit != pytest.approx(subject.logit, abs=1e-3)
    assert sorted(other.weights[0].ravel()) == pytest.approx(sorted(subject.weights[0].ravel()))


def test_a_packaged_network_names_its_checkpoint():
    network = SimpleNamespace(name="cnn", front_ends=())
    with pytest.raises(UsageError, match=r"cnn: .* holds a network; explain the checkpoint"):
        subject_of_bundle(network, music(1.0))


def test_nothing_to_explain_is_told(bundle):
    with pytest.raises(SilentAudio, match="-90 dB"):
        subject_of_bundle(bundle, Clip(np.zeros((1, 48000), np.float32), 16000))
    with pytest.raises(EmptyAudio, match="no samples"):
        subject_of_bundle(bundle, Clip(np.zeros((1, 0), np.float32), 16000))


@pytest.mark.parametrize(("old", "new"), [(7, 20), (20, 7), (5, 5), (1, 4), (9, 1)])
def test_moving_to_another_axis_keeps_the_sum(old, new):
    values = np.random.default_rng(0).standard_normal((2, old, 3)).astype(np.float32)
    a, b = np.linspace(100, 200, old), np.linspace(90, 230, new)
    times = np.arange(3.0)
    out = moved(values, a, times, b, times)
    assert out.shape == (2, new, 3)
    assert out.sum((1, 2)) == pytest.approx(values.sum((1, 2)), abs=1e-4)
