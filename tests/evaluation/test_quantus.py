# SPDX-License-Identifier: MIT
"""Our faithfulness metrics against Quantus 0.6 on the same arrays and the same tiny model.

Skipped where Quantus is absent (extra `oracle`).
"""

import numpy as np
import pytest

from unsung.evaluation import faithfulness as f

CLIPS, ROWS, COLUMNS = 6, 8, 5
SETTINGS = {"abs": False, "normalise": False, "disable_warnings": True}


@pytest.fixture(scope="module")
def quantus():
    return pytest.importorskip("quantus", exc_type=ImportError)


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    relevance = rng.standard_normal((CLIPS, ROWS, COLUMNS))
    region = np.zeros((CLIPS, ROWS, COLUMNS), bool)
    for mask, row in zip(region, rng.integers(0, ROWS - 3, CLIPS), strict=True):
        mask[row : row + 3, 1:4] = True
    relevance[:3][region[:3]] += 2.0  # some explanations point at the region
    return relevance, region


@pytest.fixture
def cells():
    return np.random.default_rng(1).standard_normal((CLIPS, 1, ROWS, COLUMNS))


class Tiny:
    """``tanh(w · x)``, as Quantus asks models and as our metrics do."""

    def __init__(self, seed=2):
        self.weights = np.random.default_rng(seed).standard_normal(ROWS * COLUMNS)

    def logits(self, x):
        return np.tanh(x.reshape(len(x), -1) @ self.weights)

    def shape_input(self, x, shape, **_):
        return x.reshape(shape)

    def predict(self, x):
        return self.logits(x)[:, None]

    def explain(self, x):
        slope = 1 - np.square(self.logits(x))
        return slope[:, None] * self.weights * x.reshape(len(x), -1)


@pytest.mark.parametrize(
    ("name", "ours"),
    [("PointingGame", f.pointing_game), ("AUC", f.localisation_auc)],
)
def test_localisation(quantus, arrays, name, ours):
    relevance, region = arrays
    metric = getattr(quantus, name)(**SETTINGS)
    theirs = np.asarray(metric.evaluate_batch(a_batch=relevance, s_batch=region), float)
    found = [ours(a, s) for a, s in zip(relevance, region, strict=True)]
    assert found == pytest.approx(theirs, abs=1e-6)
    assert 0 < np.mean(found) < 1


def test_relevance_mass(quantus, arrays):
    relevance, region = arrays
    metric = quantus.RelevanceMassAccuracy(**SETTINGS)
    # Quantus leaves negative relevance in both sums; ours counts what speaks for the target.
    theirs = metric.evaluate_batch(a_batch=np.maximum(relevance, 0), s_batch=region)
    ours = [f.relevance_mass(a, s) for a, s in zip(relevance, region, strict=True)]
    assert ours == pytest.approx(np.asarray(theirs, float), abs=1e-6)


def test_deletion(quantus, arrays, cells):
    relevance, _ = arrays
    model = Tiny()
    metric = quantus.PixelFlipping(
        features_in_step=1, perturb_baseline=0.0, normalise=False, disable_warnings=True
    )
    theirs = metric.evaluate_batch(
        model=model, x_batch=cells, y_batch=np.zeros(CLIPS, int), a_batch=relevance[:, None]
    )
    for clip, scores, one in zip(cells, theirs, relevance, strict=True):

        def score(kept, clip=clip):
            return model.logits(kept * clip.ravel())

        ours = f.deletion_curve(score, one.ravel(), steps=ROWS * COLUMNS)
        assert ours[1:] == pytest.approx(np.asarray(scores), abs=1e-6)
        assert ours[0] == pytest.approx(model.logits(clip[None])[0])


def test_sensitivity(quantus, cells):
    model = Tiny()
    changed = cells + 0.05 * np.random.default_rng(3).standard_normal(cells.shape)

    def perturb(arr, **_):
        return changed.reshape(arr.shape)

    metric = quantus.AvgSensitivity(
        nr_samples=1,
        perturb_func=perturb,
        similarity_func=quantus.similarity_func.difference,
        norm_numerator=quantus.norm_func.fro_norm,
        norm_denominator=quantus.norm_func.fro_norm,
        **SETTINGS,
    )
    metric.explain_func = lambda model, inputs, targets: model.explain(inputs).reshape(inputs.shape)
    metric.explain_func_kwargs = {}
    before = model.explain(cells)
    theirs = metric.evaluate_batch(
        model=model, x_batch=cells, y_batch=np.zeros(CLIPS, int), a_batch=before
    )
    ours = [f.stability(a, b) for a, b in zip(before, model.explain(changed), strict=True)]
    assert ours == pytest.approx(theirs, abs=1e-9)
    assert min(ours) > 0


def test_shuffled_weights(quantus, cells):
    first, second = Tiny().explain(cells), Tiny(seed=4).explain(cells)
    theirs = [
        quantus.similarity_func.correlation_spearman(a, b)
        for a, b in zip(first, second, strict=True)
    ]
    ours = [f.rank_similarity(a, b) for a, b in zip(first, second, strict=True)]
    assert ours == pytest.approx(theirs, abs=1e-12)
    assert np.std(ours) > 0
