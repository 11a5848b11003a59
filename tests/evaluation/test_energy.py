# SPDX-License-Identifier: MIT
"""Counters of made-up processors."""

import pytest

from unsung.evaluation import energy


def test_energy_counters_are_summed_and_may_wrap(tmp_path, monkeypatch):
    def write(name: str, used_j: float) -> None:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "energy_uj").write_text(str(int(used_j * 1e6)))
        (folder / "max_energy_range_uj").write_text("100000000")

    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    assert energy.joules_between(energy.read_counters(), energy.read_counters()) is None
    write("intel-rapl:0", 99.0), write("intel-rapl:0:0", 5.0), write("intel-rapl:1", 10.0)
    before = energy.read_counters()
    write("intel-rapl:0", 1.0), write("intel-rapl:1", 13.0)
    assert energy.joules_between(before, energy.read_counters()) == pytest.approx(2.0 + 3.0)
