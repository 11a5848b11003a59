# SPDX-License-Identifier: MIT
"""Templates name a family only beyond its limit; bundles without them name none."""

from __future__ import annotations

import numpy as np
import pytest

from unsung.errors import BundleError
from unsung.runtime import load_bundle
from unsung.runtime.attribution import ARRAY, UNKNOWN, Attribution, Facts, read_attribution

SHAPES = ((2, 40), (2, 80))


def comb(every, shape):
    row = np.zeros(shape, np.float32)
    row[:, ::every] = 1.0
    return row - row.mean()


@pytest.fixture(scope="module")
def attribution():
    facts = Facts(("five", "seven"), (0.5, 0.25), (0.1, -0.1), (5.0, 2.5), 0.1)
    templates = tuple(
        np.stack([comb(5, shape), comb(7, shape)]).astype(np.float16) for shape in SHAPES
    )
    return Attribution(facts, templates)


def test_scores_are_the_plain_sums(attribution):
    rng = np.random.default_rng(0)
    pictures = [rng.standard_normal(shape).astype(np.float32) for shape in SHAPES]
    for index, score in enumerate(attribution.scores(pictures)):
        slow = attribution.facts.baselines[index]
        for template, picture in zip(attribution.templates, pictures, strict=True):
            for channel in range(2):
                for a, b in zip(template[index, channel], picture[channel], strict=True):
                    slow += attribution.facts.scales[index] * float(a) * float(b)
        assert score == pytest.approx(slow, abs=1e-4)


@pytest.mark.parametrize(("every", "name"), [(5, "five"), (7, "seven"), (11, UNKNOWN)])
def test_a_comb_gets_its_name_and_a_strange_one_none(attribution, every, name):
    assert attribution.name([comb(every, shape) for shape in SHAPES]) == name


def test_a_weak_comb_stays_unknown(attribution):
    assert attribution.name([0.2 * comb(5, shape) for shape in SHAPES]) == UNKNOWN


def test_facts_survive_json(attribution):
    assert Facts.from_dict(attribution.facts.to_dict()) == attribution.facts


INFO = {"front_ends": [{"input": "a"}, {"input": "b"}]}


def test_a_bundle_without_the_section_has_no_templates(tmp_path):
    assert read_attribution(tmp_path, INFO, {}) is None


def test_a_section_that_does_not_fit_is_an_error(tmp_path, attribution):
    info = INFO | {"attribution": attribution.facts.to_dict()}
    arrays = {f"{n}.{ARRAY}": t for n, t in zip("ab", attribution.templates, strict=True)}
    found = read_attribution(tmp_path, info, arrays)
    assert found is not None and found.facts == attribution.facts
    with pytest.raises(BundleError, match=r"a\.family_weight"):
        read_attribution(tmp_path, info, {})
    with pytest.raises(BundleError, match="expected as many templates"):
        read_attribution(tmp_path, info, {name: a[:1] for name, a in arrays.items()})
    with pytest.raises(BundleError, match="cannot be read"):
        read_attribution(tmp_path, info | {"attribution": {"families": ["x"]}}, arrays)


def test_the_analysis_names_a_family_only_with_templates():
    bundle = load_bundle()
    analyzer = bundle.analyzer(bundle.sample_rate_hz)
    noise = np.random.default_rng(0).standard_normal(6 * bundle.sample_rate_hz)
    analyzer.push((0.1 * noise).astype(np.float32))
    found = analyzer.finish()
    if bundle.attribution is None:
        assert found.family is None
    else:
        assert found.family in (*bundle.attribution.facts.families, UNKNOWN)
    assert found.residual is not None
    assert found.residual.shape == bundle.front_ends[bundle.info["reference"]].freqs_hz.shape
