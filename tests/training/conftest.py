# SPDX-License-Identifier: MIT
"""What the tests of training share: a small set of sound, a small network under the name tiny."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")


from unsung import registry
from unsung.errors import BundleError
from unsung.training import finish

from . import helpers


@pytest.fixture(scope="session")
def manifest(tmp_path_factory):
    return helpers.make_set(tmp_path_factory.mktemp("sound"))


@pytest.fixture
def tiny(monkeypatch):
    """Make the detector `tiny` known."""
    get = registry.get
    monkeypatch.setattr(
        registry, "get", lambda kind, name: helpers.TinyCnn if name == "tiny" else get(kind, name)
    )
    monkeypatch.setattr(finish, "export_bundle", _no_export)


def _no_export(*_, **__):
    raise BundleError("the tiny detector is not exported")
