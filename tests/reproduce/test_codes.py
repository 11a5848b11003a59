# SPDX-License-Identifier: MIT
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from unsung import registry
from unsung.attacks import _source
from unsung.errors import UsageError
from unsung.reproduce import load, make_plan
from unsung.reproduce.codes import condition_sha256
from unsung.reproduce.detectors import open_detectors
from unsung.reproduce.select import choose, open_manifests


def names(attack: str) -> set[str]:
    return {path.name for path in _source.source_files(registry.get("attacks", attack))}


def test_an_attack_counts_with_the_private_modules_it_builds_on():
    assert {"mix.py", "_mixing.py", "base.py"} <= names("mix")
    assert {"pgd.py", "_budget.py", "base.py"} <= names("pgd")
    assert not names("gain") & {"mix.py", "_mixing.py", "pgd.py"}


def test_an_edited_helper_changes_the_hash_of_its_attacks_only(tmp_path, monkeypatch):
    before = {text: condition_sha256(text) for text in ("mix@6", "gain@3", "gain@3+mix@6")}
    real = _source.source_files

    def edited(kind: type) -> set[Path]:
        found = set()
        for path in real(kind):
            changed = tmp_path / path.name
            changed.write_text("edited = True\n")
            found.add(changed if path.name == "_mixing.py" else path)
        return found

    monkeypatch.setattr(_source, "source_files", edited)
    after = {text: condition_sha256(text) for text in before}
    assert after["gain@3"] == before["gain@3"]
    assert after["mix@6"] != before["mix@6"]
    assert after["gain@3+mix@6"] != before["gain@3+mix@6"]


def test_keys_cover_code_detector_partner_and_seed(toml, table, monkeypatch):
    study = load(toml('attacks = ["mix@6", "gain@3"]\nseeds = [0, 1]'))
    (one,) = open_detectors(("default",), {})
    tracks = choose(study, list(open_manifests(study, {"music": str(table())}).values()))

    def keys(detector=one, chosen=tracks):
        plan = make_plan(study, chosen, [detector])
        cells = [(job.track.id, cell) for job in plan.jobs for cell in job.cells]
        return {(name, c.condition, c.seed): c.key for name, c in cells}

    first = keys()
    assert len(set(first.values())) == len(first) == 4 * (1 + 2 + 1)  # mix draws its partner
    other = replace(one, bundles={"": replace(one.bundles[""], sha256="0" * 64)})
    assert not set(first.values()) & set(keys(other).values())
    ai = [track for track in tracks if track.label == "ai"]
    renewed = [replace(t, sha256="1" * 64) if t in ai else t for t in tracks]
    changed = {k for k, key in keys(chosen=renewed).items() if key != first[k]}
    assert {name for name, _, _ in changed if name.startswith("human")} == {
        "human-0.wav", "human-1.wav",
    }  # fmt: skip
    assert all(c == "mix@6" for name, c, _ in changed if name.startswith("human"))
    monkeypatch.setattr("unsung.reproduce.plan.condition_sha256", lambda text, also=(): text[:3])
    edited = keys()
    assert {k for k, key in edited.items() if key == first[k]} == {
        (track.id, "clean", 0) for track in tracks
    }


def test_two_detectors_of_one_name_are_refused():
    with pytest.raises(UsageError, match="two detectors of the experiment are called 'default-6'"):
        open_detectors(("default", "default"), {})
