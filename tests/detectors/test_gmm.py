# SPDX-License-Identifier: MIT
"""GMM: scikit-learn's own likelihoods as oracle, EM on sounds that differ, errors."""

import numpy as np
import pytest

from unsung.errors import UsageError
from unsung.frontends.lfcc import Lfcc
from unsung.frontends.mfcc import Mfcc

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from unsung.detectors.gmm import GMM, _frames, _mixture

RATE = 16000


def clips(colour, seed, count=6, seconds=1.0):
    """Noise whose neighbouring samples are alike (positive colour) or opposed."""
    noise = np.random.default_rng(seed).standard_normal((count, round(seconds * RATE) + 1))
    return (0.1 * (noise[:, 1:] + colour * noise[:, :-1])).astype("f4")


def test_score_is_the_mean_difference_of_scikit_learns_likelihoods():
    detector = GMM(components=4)
    human, ai = clips(0.5, 0), clips(-0.5, 1)
    detector.fit(human, ai, seed=3, iterations=5)
    front_end = detector.front_ends[0]
    sound = clips(0.2, 2, count=1)
    frames = _frames(front_end(sound))
    expected = 0.0
    for sign, part in ((1, ai), (-1, human)):
        material = np.concatenate([_frames(front_end(clip[None])) for clip in part])
        mixture = _mixture(material, 4, 5, 3)
        expected += sign * mixture.score(frames.astype("f8"))
    with torch.no_grad():
        found = float(detector(torch.from_numpy(sound)))
    assert found == pytest.approx(expected, rel=1e-4)


def test_it_tells_two_colours_of_noise_apart():
    detector = GMM(components=4)
    detector.fit(clips(0.3, 0), clips(-0.3, 1))
    with torch.no_grad():
        human = detector(torch.from_numpy(clips(0.3, 2)))
        ai = detector(torch.from_numpy(clips(-0.3, 3)))
    assert float(human.max()) < 0 < float(ai.min())


def test_same_seed_same_mixture():
    one, other, third = (GMM(components=4) for _ in range(3))
    for detector, seed in ((one, 0), (other, 0), (third, 1)):
        detector.fit(clips(0.3, 0), clips(-0.3, 1), seed=seed)
    assert torch.equal(one.means, other.means)
    assert not torch.equal(one.means, third.means)


def test_it_also_trains_by_gradient():
    detector = GMM(components=2)
    detector.fit(clips(0.3, 0), clips(-0.3, 1), iterations=1)
    detector(torch.from_numpy(clips(0.3, 2))).sum().backward()
    for name, parameter in detector.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


def test_mfcc_and_published_sizes():
    assert GMM(Mfcc()).means.shape == (2, 128, 13)
    published = GMM(Lfcc.preset("asvspoof2021-gmm"), components=512)
    assert published.means.shape == (2, 512, 60)


def test_max_frames_draws_some():
    detector = GMM(components=2)
    detector.fit(clips(0.3, 0), clips(-0.3, 1), max_frames=50)
    assert torch.isfinite(detector.means).all()


def test_too_little_sound_or_no_component():
    with pytest.raises(UsageError, match="at least 128 frames of each class, got 63 of human"):
        GMM().fit(clips(0.3, 0, count=1), clips(0.3, 0))
    with pytest.raises(UsageError, match="at least one component, got 0"):
        GMM(components=0)
