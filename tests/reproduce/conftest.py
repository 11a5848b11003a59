# SPDX-License-Identifier: MIT
from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from unsung.reproduce import load, make_plan
from unsung.reproduce.detectors import open_detectors
from unsung.reproduce.select import choose, open_manifests

RATES_HZ = (22050, 16000, 44100)
Table = Callable[..., Path]


def sound(seed: int, seconds: float, rate_hz: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    times_s = np.arange(round(seconds * rate_hz)) / rate_hz
    tones = sum(np.sin(2 * np.pi * hz * times_s) for hz in rng.uniform(200, 4000, 4))
    return 0.05 * tones + 0.05 * rng.standard_normal(len(times_s))


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """Write tracks of mixed rates and a table of them; ``broken`` adds one that is no sound."""

    def write(human: int = 2, ai: int = 2, broken: bool = False, seconds: float = 4.0) -> Path:
        rows = []
        for index in range(human + ai):
            label = "human" if index < human else "ai"
            name = f"{label}-{index}.wav"
            rate_hz = RATES_HZ[index % len(RATES_HZ)]
            soundfile.write(tmp_path / name, sound(index, seconds, rate_hz), rate_hz)
            family = "" if label == "human" else f"maker-{index % 2}"
            rows.append([name, label, f"page-{index}", str(index % 2), family])
        if broken:
            (tmp_path / "bad.wav").write_bytes(b"no sound at all" * 40)
            rows.append(["bad.wav", "ai", "page-bad", "0", "maker-0"])
        path = tmp_path / "music.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([["path", "label", "source", "fold", "family"], *rows])
        return path

    return write


@pytest.fixture
def toml(tmp_path: Path) -> Callable[..., Path]:
    """Write an experiment; ``more`` comes before the tables."""

    def write(more: str = 'attacks = ["gain@6", "white_noise"]', tables: str = "") -> Path:
        path = tmp_path / "tiny.toml"
        path.write_text(
            'name = "tiny"\nquestion = "Does <it> run?"\ndetectors = ["default"]\n'
            f'{more}\n[manifests]\nmusic = "music.csv"\n{tables}\n'
        )
        return path

    return write


@pytest.fixture
def ready(toml, table):
    """Return the plan of the small experiment and its detectors."""
    study = load(toml())
    detectors = open_detectors(study.experiment.detectors, {})
    tracks = choose(study, list(open_manifests(study, {"music": str(table())}).values()))
    return make_plan(study, tracks, detectors), detectors
