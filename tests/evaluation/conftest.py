# SPDX-License-Identifier: MIT
"""Made-up scores, and the arrays that published numbers were measured on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FIXTURES = Path(__file__).parents[2].parent / "shared" / "fixtures"


@pytest.fixture
def fixture_json():
    """Read a stored answer of the original code, or skip where the files are not at hand."""

    def read(name: str) -> Any:
        path = FIXTURES / name
        if not path.is_file():
            pytest.skip(f"{name} is not beside this checkout; the literals in the tests remain")
        return json.loads(path.read_text(encoding="utf-8"))

    return read


@pytest.fixture
def published():
    """200 AI and 300 human scores, AI drawn first: the arrays of the stored answers."""
    draw = np.random.RandomState(1)
    ai, human = draw.randn(200) + 1, draw.randn(300) - 0.5
    labels = np.concatenate([np.ones(200, int), np.zeros(300, int)])
    return labels, np.concatenate([ai, human])


@pytest.fixture(params=["smooth", "tied"])
def scored(request):
    """Labels, scores and groups of 120 items; tied: only seven distinct scores."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 120)
    scores = rng.normal(size=120) + labels
    if request.param == "tied":
        scores = np.round(scores)
    return labels, scores, rng.integers(0, 40, 120)
