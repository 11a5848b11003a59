# SPDX-License-Identifier: MIT
"""Names come from files, classes from names, and typos get the near name."""

import subprocess
import sys

import pytest

from unsung import registry
from unsung.errors import MissingExtra, UnknownName, UnsungError


def test_every_name_gives_one_class():
    for kind in ("frontends", "attacks", "detectors"):
        assert registry.names(kind)
        for name in registry.names(kind):
            found = registry.get(kind, name)
            assert found.__module__ == f"{registry.KINDS[kind]}.{name}"
            assert found.CAPABILITY
            assert registry.summary(kind, name).endswith(".")


def test_a_typo_gets_the_near_name():
    with pytest.raises(
        UnknownName, match="no attack named 'pitch_shfit'; did you mean 'pitch_shift'"
    ):
        registry.get("attacks", "pitch_shfit")
    with pytest.raises(UnknownName, match="no kind named 'attack'; did you mean 'attacks'"):
        registry.names("attack")


def test_kinds_without_a_folder_are_not_listed():
    assert set(registry.kinds()) <= set(registry.KINDS)
    assert "frontends" in registry.kinds()


def test_listing_imports_nothing_heavy():
    code = (
        "import sys; from unsung import registry\n"
        "for kind in registry.kinds(): [registry.summary(kind, n) for n in registry.names(kind)]\n"
        "heavy = {'torch', 'onnxruntime', 'scipy', 'sklearn', 'librosa'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_two_classes_in_one_file_are_an_error(monkeypatch):
    from unsung.attacks import gain

    class Second(registry.get("attacks", "gain")):
        pass

    Second.__module__ = gain.__name__
    monkeypatch.setattr(gain, "Second", Second, raising=False)
    with pytest.raises(UnsungError, match="expected exactly one public subclass"):
        registry.get("attacks", "gain")


def test_a_missing_package_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it fails as if it were absent
    for module in [m for m in sys.modules if m.startswith("unsung.detectors")]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(MissingExtra, match=r"'\.\[research\]'"):
        registry.get("detectors", "residual_linear")


def test_plugins_join_through_entry_points(monkeypatch):
    from importlib.metadata import EntryPoint

    point = EntryPoint("crackle", "unsung.attacks.gain:Gain", "unsung.attacks")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    assert "crackle" in registry.names("attacks")
    assert registry.get("attacks", "crackle").__name__ == "Gain"
    assert registry.summary("attacks", "crackle") == "from unsung.attacks.gain:Gain"
