# SPDX-License-Identifier: MIT
"""DCNN: names, sizes and logits of the released files, normalisation, the undilated variant."""

import json
from pathlib import Path

import numpy as np
import pytest

from unsung.errors import BundleError, UnknownName, UsageError
from unsung.frontends.power_stft import PowerStft
from unsung.frontends.wavelet_packets import WaveletPackets

torch = pytest.importorskip("torch")

from unsung.detectors.dcnn import DCNN

from .released import fill, published_tone, weights

FACTS = json.loads((Path(__file__).parents[1] / "fixtures" / "ganpolice_fixture.json").read_text())
RATE = 22050
# Their sym5 coefficients are single precision, ours double: the logarithm magnifies it.
TOLERANCE = {"sym5": 2e-3, "stft": 1e-4}


def own_file(path, detector):
    state = {f"module.module.{k}": v for k, v in detector.network.state_dict().items()}
    torch.save({"MODEL_STATE": state, "EPOCHS_RUN": 9}, path)
    return path


@pytest.mark.parametrize("name", TOLERANCE)
def test_released_weights_score_as_their_authors_do(name):
    detector = DCNN.from_released(weights(f"gan-police/dcnn_{name}.pt"))
    sound = torch.from_numpy(published_tone(RATE, RATE, False))
    facts = FACTS[f"dcnn_{name}"]
    with torch.no_grad():
        picture = detector.engines[0](sound)
        pair = detector.pair(picture)[0].numpy()
        logit = float(detector(sound))
    assert list(picture.shape) == facts["input_shape"]
    expected = facts["logits_with_input_standardised_by_its_own_mean_std"]
    np.testing.assert_allclose(pair, expected, atol=TOLERANCE[name])
    assert logit == pytest.approx(expected[1] - expected[0], abs=2 * TOLERANCE[name])


def test_parameters_steps_and_names_of_the_released_files():
    network = DCNN().network
    assert sum(p.numel() for p in network.parameters()) == 239_015
    state = network.state_dict()
    assert len(state) == 59
    assert list(state["dil_conv.1.weight"].shape) == [12, 12, 3, 3]
    assert list(state["dil_conv.4.weight"].shape) == [12, 12, 5, 5]
    assert list(state["fc.1.weight"].shape) == [2, 320]
    assert "cnn.3.weight" not in state  # plain norms there, affine ones behind
    assert "dil_conv.0.weight" in state


@pytest.mark.parametrize(
    ("front_end", "steps"),
    [(WaveletPackets(wavelet=w), n) for w, n in
     [("haar", 11), ("sym5", 12), ("sym8", 12), ("db8", 12), ("coif4", 13)]] + [(PowerStft(), 12)],
    ids=lambda value: getattr(value, "wavelet", None),
)  # fmt: skip
def test_every_published_picture_has_a_network(front_end, steps):
    detector = DCNN(front_end).eval()
    assert detector.network.dil_conv[0].num_features == steps
    assert detector(0.1 * torch.randn(2, RATE)).shape == (2, 1)


def test_a_file_with_both_wrappers_loads(tmp_path):
    detector = DCNN(normalisation="clip")
    fill(detector.network, 0.1)
    path = own_file(tmp_path / "model_packetssym5_x.pt", detector)
    again = DCNN.from_released(path)
    sound = torch.from_numpy(published_tone(RATE, RATE, False))
    with torch.no_grad():
        assert torch.equal(again(sound), detector.eval()(sound))


def test_files_that_do_not_fit_are_refused(tmp_path):
    coif4 = own_file(tmp_path / "packetscoif4.pt", DCNN())
    with pytest.raises(BundleError, match=r"expected \[13"):
        DCNN.from_released(coif4)
    torch.save({"weights": 1}, tmp_path / "stft.pt")
    with pytest.raises(BundleError, match="expected tensors by name, but 'weights' is int"):
        DCNN.from_released(tmp_path / "stft.pt")
    with pytest.raises(UsageError, match="wavelet's name or 'stft'"):
        DCNN.from_released(own_file(tmp_path / "mine.pt", DCNN()))


def test_a_file_that_would_run_code_is_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"MODEL_STATE": Trap()}, tmp_path / "sym5.pt")
    with pytest.raises(BundleError, match="loading it would run code"):
        DCNN.from_released(tmp_path / "sym5.pt")
    assert not (tmp_path / "ran").exists()


def test_normalisation_of_the_set_is_seen_once():
    parts = [torch.randn(4, 1, 3, 3) * s + m for s, m in [(1.0, 5.0), (3.0, -2.0), (0.1, 0.0)]]
    detector = DCNN()
    detector.fit_normalisation(iter(parts))
    every = torch.cat(parts).double()
    assert float(detector.mean) == pytest.approx(float(every.mean()), rel=1e-5)
    assert float(detector.spread) == pytest.approx(float(every.std(correction=0)), rel=1e-5)
    assert {"mean", "spread"} <= detector.state_dict().keys()
    with pytest.raises(UsageError, match="pictures that vary"):
        detector.fit_normalisation([])


def test_level_does_not_matter_when_the_clip_normalises():
    detector = fill(DCNN(PowerStft(), normalisation="clip"), 0.1).eval()
    sound = 0.1 * torch.randn(1, RATE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(detector(sound), detector(4 * sound), atol=1e-3, rtol=1e-3)


def test_seconds_are_averaged_and_short_clips_repeated():
    detector = fill(DCNN(), 0.1).eval()
    sound = 0.1 * torch.randn(1, 3 * RATE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        single = torch.cat([detector(part) for part in sound.split(RATE, 1)]).mean()
        assert float(detector(sound)) == pytest.approx(float(single), abs=1e-5)
        short = sound[:, :9000]
        assert torch.equal(detector(short), detector(short.repeat(1, 3)[:, :RATE]))


def test_the_undilated_variant_hears_less_context():
    wide, narrow = DCNN(), DCNN(dilated=False)
    assert wide.network.dil_conv[4].dilation == (2, 2)
    assert narrow.network.dil_conv[7].dilation == (1, 1)
    assert narrow.eval()(0.1 * torch.randn(2, RATE)).shape == (2, 1)


def test_wrong_settings_say_what_is_right():
    with pytest.raises(UnknownName, match="no normalisation named 'batch'"):
        DCNN(normalisation="batch")
    with pytest.raises(UsageError, match="at least 200 rows in the picture, got 64"):
        DCNN(WaveletPackets(level=6))
