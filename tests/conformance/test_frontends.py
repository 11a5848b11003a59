# SPDX-License-Identifier: MIT
"""Every registered front end: both engines agree, axes fit the picture, the record survives."""

import json

import numpy as np
import pytest

from unsung import registry
from unsung.frontends import FrontEnd, build
from unsung.frontends.lfcc import Lfcc
from unsung.frontends.log_mel import LogMel
from unsung.frontends.raw import Raw
from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.frontends.stft import KINDS, Stft
from unsung.frontends.wavelet_packets import WaveletPackets

torch = pytest.importorskip("torch")

VARIANTS = {
    **{name: build(name) for name in registry.names("frontends")},
    "sonics": LogMel.preset("sonics"),
    "librosa": LogMel.preset("librosa"),
    "plain_mel": LogMel(centre=False, equal_area=True, top_db=None),
    "three_widths": ResidualSpectrum(n_fft=8192, hop=8192, widths=(3, 8, 31), normalise="none"),
    "minimum": ResidualSpectrum(envelope="minimum", widths=(10,), normalise="peak"),
    "lofcz": ResidualSpectrum.preset("lofcz"),
    "ismir25": ResidualSpectrum.preset("ismir25"),
    "raw_standardised": Raw(standardise=True, divisor=0.15),
    **{
        f"packets_{name}": WaveletPackets(wavelet=name, sign_channel=True)
        for name in ("haar", "sym8", "coif4", "db8")
    },
    **{f"lfcc_{n}": Lfcc.preset(n) for n in ("asvspoof2021-gmm", "wavefake", "gan-police")},
    **{f"deezer_{kind}": Stft.preset("deezer", kind) for kind in KINDS},
}


def music(rate, seconds, seed):
    """Chords with decaying partials over a noise floor, and a second of silence."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(rate * seconds)) / rate
    # 40 dB below the partials: further down, single precision itself errs by more than 1e-4 dB
    sound = 0.03 * rng.standard_normal(len(time))
    for onset in np.arange(0, seconds, 0.5):
        base = 110 * 2 ** (rng.integers(0, 36) / 12)
        for k in range(1, 12):
            tail = np.exp(-3 * np.clip(time - onset, 0, None)) * (time >= onset)
            sound += 0.1 / k * tail * np.sin(2 * np.pi * k * base * time)
    sound[rate : rate + rate // 2] = 0
    return (0.3 * sound / np.abs(sound).max()).astype("f4")


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS)
def front_end(request):
    return request.param


def batch(front_end, seconds=5.0):
    return np.stack([music(front_end.sample_rate_hz, seconds, seed) for seed in (0, 1)])


def test_engines_agree(front_end):
    sounds = batch(front_end)
    ours = front_end(sounds)
    with torch.no_grad():
        theirs = front_end.module()(torch.from_numpy(sounds)).numpy()
    assert ours.dtype == np.float32
    # Four decimals, or the sixth digit of a picture in hundreds: sums in float32 promise no more.
    tolerance = max(1e-4, 1e-6 * float(np.abs(ours).max()))
    if getattr(front_end, "envelope", "local") == "local":
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)
        return
    # A lower envelope keeps the bins that a frame cancels to 80 dB and more below its loudest;
    # there a float32 transform errs by 1e-3 to 1e-1 of the bin, on each processor otherwise. One
    # such bin moves the envelope of its neighbours: by as much as a minimum, a hull by any amount.
    off = np.abs(ours - theirs)
    assert np.mean(off > tolerance) < 0.01
    assert front_end.envelope == "hull" or off.max() < 0.05


def test_axes_fit(front_end):
    sounds = batch(front_end)
    picture = front_end(sounds)
    assert picture.ndim == 4
    assert picture.shape[0] == 2
    assert picture.shape[2] == len(front_end.freqs_hz)
    assert picture.shape[3] == len(front_end.times_s(sounds.shape[1]))
    assert (np.diff(front_end.freqs_hz) > 0).all()
    assert front_end.hop_s > 0


def test_finite_on_silence_and_noise(front_end):
    rate = front_end.sample_rate_hz
    loud = np.random.default_rng(0).uniform(-1, 1, 3 * rate)
    picture = front_end(np.stack([np.zeros(3 * rate), loud]).astype("f4"))
    assert np.isfinite(picture).all()


def test_record_survives_json(front_end):
    name = type(front_end).__module__.rsplit(".", 1)[-1]
    again = build(name, json.loads(json.dumps(front_end.to_dict())))
    assert again == front_end
    assert isinstance(again, FrontEnd)


def test_gradients_flow(front_end):
    sounds = torch.from_numpy(batch(front_end)).requires_grad_()
    front_end.module()(sounds).square().sum().backward()
    assert torch.isfinite(sounds.grad).all()
    assert sounds.grad.abs().sum() > 0
