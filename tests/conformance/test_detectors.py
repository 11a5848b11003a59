# SPDX-License-Identifier: MIT
"""Every registered detector: shapes, independence of batch mates, and a bundle that agrees."""

import pytest

torch = pytest.importorskip("torch")

from unsung import registry
from unsung.errors import MissingExtra
from unsung.export import export_bundle
from unsung.export.bundle import PARITY, graph_logits
from unsung.runtime import load_bundle

CALIBRATION = {
    "name": "made up", "kind": "affine", "scale": 1.0, "shift": 0.0, "prior": 0.5,
    "miss_rate": 0.1, "n_human": 3, "n_ai": 3, "n_groups": 1,
    "human_logits": [-2.0, -1.0, 0.0], "ai_logits": [0.0, 1.0, 2.0],
}  # fmt: skip
LIMITS = {"min_active_s": 3.0, "min_bandwidth_hz": 5000.0}


@pytest.fixture(params=registry.names("detectors"))
def detector(request):
    torch.manual_seed(0)
    try:
        made = registry.get("detectors", request.param)()
    except MissingExtra as error:
        pytest.skip(str(error))
    with torch.no_grad():
        for parameter in made.parameters():
            if not parameter.any():  # a linear model that was never fitted has no opinion
                parameter.copy_(0.01 * torch.randn_like(parameter))
    return made.eval()


def sounds(detector, seconds=6.0):
    """Noise of three colours: the same level, another spectrum."""
    generator = torch.Generator().manual_seed(0)
    rate = detector.front_ends[0].sample_rate_hz
    noise = torch.randn(3, round(rate * seconds) + 2, generator=generator)
    colour = torch.tensor([-0.9, 0.0, 0.9])[:, None]
    return 0.1 * (noise[:, 2:] + colour * noise[:, 1:-1])


def test_logits_have_one_column_for_each_output(detector):
    with torch.no_grad():
        logits = detector(sounds(detector))
    assert logits.shape == (3, len(detector.outputs))
    assert torch.isfinite(logits).all()
    assert logits.std(dim=0).min() > 0


def test_a_clip_does_not_depend_on_its_batch_mates(detector):
    batch = sounds(detector)
    with torch.no_grad():
        alone = detector(batch[:1])
        together = detector(torch.stack([batch[0], 9 * batch[1]]))[:1]
    torch.testing.assert_close(alone, together, atol=1e-4, rtol=1e-4)


def test_the_exported_bundle_agrees(detector, tmp_path):
    folder = export_bundle(
        detector, tmp_path / "b", name="x", version="1", reference=0,
        calibration=CALIBRATION, limits=LIMITS, card={"summary": "s"},
    )  # fmt: skip
    batch = sounds(detector, detector.window_s)
    with torch.no_grad():
        expected = detector(batch)
    came = torch.from_numpy(graph_logits(folder, batch.numpy()))
    torch.testing.assert_close(came, expected, atol=PARITY, rtol=PARITY)
    bundle = load_bundle(folder)
    if "ai" in detector.outputs:  # a scan gives the same logit, averaged spectra or windows
        analyzer = bundle.analyzer(bundle.sample_rate_hz)
        analyzer.push(batch[0].numpy())
        logit = float(expected[0, detector.outputs.index("ai")])
        assert analyzer.finish().logit == pytest.approx(logit, abs=PARITY, rel=PARITY)
