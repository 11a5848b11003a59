# SPDX-License-Identifier: MIT
"""Descriptors and a linear model: scikit-learn's own scores as oracle, folds of whole groups."""

import numpy as np
import pytest

from unsung.errors import UnknownName, UsageError
from unsung.frontends.descriptors import NAMES

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from unsung.detectors import _grid
from unsung.detectors.descriptors_linear import DescriptorsLinear


def table(seed=0, groups=12, each=6, shift=2.0):
    """Rows on very different scales; the class moves two of the columns."""
    rng = np.random.default_rng(seed)
    n = groups * each
    positive = rng.permutation(n) % 2 == 0
    values = rng.standard_normal((n, len(NAMES)))
    values[:, 3] += shift * positive
    values[:, 7] -= shift * positive
    scales = 10.0 ** np.arange(-3, len(NAMES) - 3) % 1e4 + 0.01
    names = [f"artist {i // each}" for i in range(n)]
    return (values * scales + 5 * scales).astype("f4"), positive.tolist(), names


def as_pictures(rows):
    return torch.from_numpy(rows)[..., None, None]


@pytest.mark.parametrize("kind", ["logistic", "svm"])
def test_logits_are_scikit_learns(kind):
    rows, positive, groups = table()
    detector = DescriptorsLinear(kind=kind)
    found = detector.fit(rows, positive, groups)
    classifier = (
        LogisticRegression(C=found.best, max_iter=5000, class_weight="balanced")
        if kind == "logistic"
        else SVC(C=found.best, class_weight="balanced")
    )
    twin = make_pipeline(StandardScaler(), classifier).fit(rows.astype("f8"), positive)
    with torch.no_grad():
        logits = detector.head(as_pictures(rows))[:, 0].numpy()
    np.testing.assert_allclose(logits, twin.decision_function(rows.astype("f8")), atol=2e-3)
    assert ((logits > 0) == np.array(positive)).mean() > 0.8


@pytest.mark.parametrize("kind", ["logistic", "svm"])
def test_a_saved_state_gives_the_same_logits(kind, tmp_path):
    rows, positive, groups = table()
    fitted, fresh = DescriptorsLinear(kind=kind), DescriptorsLinear(kind=kind)
    fitted.fit(rows, positive, groups)
    torch.save(fitted.state_dict(), tmp_path / "x.pt")
    fresh.load_state_dict(torch.load(tmp_path / "x.pt", weights_only=True))
    assert torch.equal(fitted.head(as_pictures(rows)), fresh.head(as_pictures(rows)))
    assert float(fresh.head(as_pictures(rows)).std().detach()) > 0.005


def test_folds_never_split_a_group(monkeypatch):
    rows, positive, groups = table()
    rows[:, 0] = [int(name.split()[1]) for name in groups]  # the group's number as a column
    seen = []
    inner = _grid._fit
    monkeypatch.setattr(
        _grid, "_fit", lambda x, y, k, c: seen.append(set(x[:, 0])) or inner(x, y, k, c)
    )
    found = DescriptorsLinear().fit(rows, positive, groups, strengths=(0.1,), folds=4)
    assert found.n_groups == 12
    *trained, final = seen
    assert len(final) == 12
    held = [final - part for part in trained]
    assert sorted(name for part in held for name in part) == sorted(final)


def test_group_folds_uncover_what_rows_would_hide():
    """A column that only names the group predicts nothing about other groups."""
    rng = np.random.default_rng(0)
    positive = [group % 2 == 0 for group in range(20) for _ in range(5)]
    groups = [str(group) for group in range(20) for _ in range(5)]
    rows = rng.standard_normal((100, len(NAMES))).astype("f4")
    rows += np.repeat(5 * rng.standard_normal((20, len(NAMES))), 5, axis=0).astype("f4")
    by_group = DescriptorsLinear().fit(rows, positive, groups)
    by_row = DescriptorsLinear().fit(rows, positive, [str(i) for i in range(100)])
    assert max(by_row.means) > 0.95
    assert max(by_group.means) < 0.85


def test_the_best_strength_has_the_best_mean_and_the_stronger_penalty_wins_ties():
    rows, positive, groups = table(shift=8.0)
    found = DescriptorsLinear().fit(rows, positive, groups, strengths=(1.0, 0.01, 0.1))
    assert found.strengths == (0.01, 0.1, 1.0)
    assert found.means[found.strengths.index(found.best)] == max(found.means)
    assert found.best == 0.01
    assert all(len(row) == 5 for row in found.areas)


def test_embedding_joins_the_columns():
    pytest.importorskip("transformers")
    detector = DescriptorsLinear("random-tiny", layer=1)
    assert detector.columns[:3] == ("centroid", "entropy", "mfcc_0")
    assert detector.columns[15:17] == ("emb_0", "emb_1")
    assert len(detector.columns) == 15 + 32
    sounds = 0.1 * np.random.default_rng(0).standard_normal((2, 32000)).astype("f4")
    rows = detector.features(sounds)
    assert rows.shape == (2, 47)
    with torch.no_grad():
        detector.weights.copy_(torch.randn(47))
        expected = detector.head(as_pictures(rows[:, :15]), as_pictures(rows[:, 15:]))
        torch.testing.assert_close(
            detector(torch.from_numpy(sounds)), expected, atol=1e-3, rtol=1e-5
        )
    assert not any(key.startswith("engines") for key in detector.state_dict())


def test_wrong_tables_say_what_is_wrong():
    rows, positive, groups = table()
    detector = DescriptorsLinear()
    with pytest.raises(UsageError, match=r"expected 15 columns .* got shape \[72, 14\]"):
        detector.fit(rows[:, :14], positive, groups)
    with pytest.raises(UsageError, match="human and AI rows, got one class"):
        detector.fit(rows, [True] * 72, groups)
    with pytest.raises(UsageError, match="at least 5 groups for 5 folds, got 2"):
        detector.fit(rows, positive, ["a", "b"] * 36)
    with pytest.raises(UsageError, match="a label and a group for each of 72 rows"):
        detector.fit(rows, positive[:70], groups)
    with pytest.raises(UsageError, match=r"strengths above 0, got \[0.0\]"):
        detector.fit(rows, positive, groups, strengths=[0.0])
    one_sided = [int(name.split()[1]) == 0 for name in groups]
    with pytest.raises(UsageError, match="holds one class only"):
        detector.fit(rows, one_sided, groups)
    rows[3, 2] = np.nan
    with pytest.raises(UsageError, match="1 rows hold NaN"):
        detector.fit(rows, positive, groups)
    with pytest.raises(UnknownName, match="descriptors_linear named 'forest'"):
        DescriptorsLinear(kind="forest")
