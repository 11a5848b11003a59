# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest

from unsung.errors import UnknownName, UsageError
from unsung.reproduce import load, reproduce
from unsung.reproduce.experiment import find
from unsung.reproduce.requires import missing

WAITING = ("architectures", "long-range-spectttra", "resynthesis")


@pytest.mark.parametrize("name", WAITING)
def test_a_declared_study_reads_whether_or_not_its_parts_are_there(name):
    study = load(find(name))
    assert study.requires and study.experiment.question


def test_what_is_missing_is_named_and_what_is_there_is_not():
    assert missing(["attacks/gain", "detectors/residual_linear", "bundles/default"]) == []
    assert missing(["attacks/nowhere", "bundles/mine"]) == ["attacks/nowhere", "bundles/mine"]
    assert missing(["bundles/mine"], {"mine": "folder"}) == []
    with pytest.raises(UsageError, match="expected kind/name"):
        missing(["gain"])
    with pytest.raises(UnknownName, match="did you mean 'attacks'"):
        missing(["attaks/gain"])


def test_a_waiting_study_does_not_run(toml, tmp_path):
    more = 'attacks = ["nowhere@3+gain", "gain@3"]\nrequires = ["attacks/nowhere"]'
    study = load(toml(more))
    assert study.conditions == ("clean", "nowhere@3+gain", "gain@3")
    with pytest.raises(UsageError, match="waits for attacks/nowhere"):
        reproduce(study, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_attack_is_an_error_unless_it_is_waited_for(toml):
    with pytest.raises(UnknownName, match="nowhere"):
        load(toml('attacks = ["nowhere@3"]'))
