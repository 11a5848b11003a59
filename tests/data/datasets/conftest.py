# SPDX-License-Identifier: MIT
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from unsung import registry

TREES = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("trees.py"))))


@pytest.fixture
def write():
    """The helpers that write trees."""
    return TREES


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """Write a corpus' tree and return (folder, read): read opens it as the package does."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))

    def make(name):
        root = tmp_path / name
        root.mkdir()
        TREES.TREES[name](root)
        kind = registry.get("datasets", name)

        def read(subset="", **options):
            return list(kind(root, subset, **options).tracks())

        return root, read

    return make
