# SPDX-License-Identifier: MIT
"""Our faithfulness metrics against Quantus 0.6 on the same arrays; skipped where it is absent.

Quantus imports torchvision for its example networks: an empty module stands in for it here.
"""

import sys
import types
import warnings

import numpy as np
import pytest

from unsung.evaluation import faithfulness as f

CLIPS, ROWS, COLUMNS = 6, 8, 5


@pytest.fixture(scope="module")
def quantus():
    patch = pytest.MonkeyPatch()
    if "torchvision" not in sys.modules:
        stub = types.ModuleType("torchvision")
        stub.models = types.ModuleType("torchvision.models")
        patch.setitem(sys.modules, "torchvision", stub)
        patch.setitem(sys.modules, "torchvision.models", stub.models)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = pytest.importorskip("quantus", exc_type=ImportError)
        finally:
            patch.undo()
    return found


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    relevance = rng.standard_normal((CLIPS, ROWS, COLUMNS))
    region = np.zeros((CLIPS, ROWS, COLUMNS), bool)
    for mask, row in zip(region, rng.integers(0, ROWS - 3, CLIPS), strict=True):
        mask[row : row + 3, 1:4] = True
    relevance[:3][region[:3]] += 2.0  # some explanations point at the region
    return relevance, region


def test_pointing_game(quantus, arrays):
    relevance, region = arrays
    metric = quantus.PointingGame(abs=False, normalise=False, disable_warnings=True)
    theirs = metric.evaluate_batch(a_batch=relevance, s_batch=region)
    ours = [f.pointing_game(a, s) for a, s in zip(relevance, region, strict=True)]
    assert ours == pytest.approx(np.asarray(theirs, float), abs=1e-6)
    assert 0 < np.mean(ours) < 1


def test_relevance_mass(quantus, arrays):
    relevance, region = arrays
    metric = quantus.RelevanceMassAccuracy(abs=False, normalise=False, disable_warnings=True)
    # Quantus leaves negative relevance in both sums; ours counts what speaks for the target.
    theirs = metric.evaluate_batch(a_batch=np.maximum(relevance, 0), s_batch=region)
    ours = [f.relevance_mass(a, s) for a, s in zip(relevance, region, strict=True)]
    assert ours == pytest.approx(np.asarray(theirs, float), abs=1e-6)


def test_deletion(quantus, arrays):
    relevance, _ = arrays
    rng = np.random.default_rng(1)
    cells = rng.standard_normal((CLIPS, 1, ROWS, COLUMNS))
    weights = rng.standard_normal(ROWS * COLUMNS)

    class Model:
        def shape_input(self, x, shape, **_):
            return x

        def predict(self, x):
            return np.tanh(x.reshape(len(x), -1) @ weights)[:, None]

    metric = quantus.PixelFlipping(
        features_in_step=1, perturb_baseline=0.0, normalise=False, disable_warnings=True
    )
    theirs = metric.evaluate_batch(
        model=Model(), x_batch=cells, y_batch=np.zeros(CLIPS, int), a_batch=relevance[:, None]
    )
    for clip, scores, one in zip(cells, theirs, relevance, strict=True):

        def score(kept, clip=clip):
            return np.tanh((kept * clip.ravel()) @ weights)

        ours = f.deletion_curve(score, one.ravel(), steps=ROWS * COLUMNS)
        assert ours[1:] == pytest.approx(np.asarray(scores), abs=1e-6)
        assert ours[0] == pytest.approx(np.tanh(clip.ravel() @ weights))
