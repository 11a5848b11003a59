# SPDX-License-Identifier: MIT
"""Small sound and a small network for the tests of training."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import soundfile
import torch

from unsung.detectors.base import Detector
from unsung.frontends.log_mel import LogMel
from unsung.training.recipe import Recipe

RATE = 16000


class TinyCnn(Detector):
    """Two layers on 32 mel bands, with dropout and batch normalisation when asked."""

    window_s = 1.0

    def __init__(self, width: int = 4, drop: float = 0.2, norm: bool = False, nan: bool = False):
        super().__init__((LogMel(n_mels=32, n_fft=512, hop=256, standardise=True),))
        self.body = torch.nn.Sequential(
            torch.nn.Conv2d(1, width, 3, stride=2),
            torch.nn.BatchNorm2d(width) if norm else torch.nn.Identity(),
            torch.nn.ReLU(),
            torch.nn.Dropout(drop),
        )
        self.last = torch.nn.Linear(width, 1)
        self.nan = nan

    def head(self, *pictures):
        logits = self.last(self.body(pictures[0]).mean((2, 3)))
        return logits * float("nan") if self.nan and self.training else logits


def sound(rng: np.random.Generator, ai: bool, seconds: float) -> np.ndarray:
    """Coloured noise; the positive class has lines every 500 Hz in it."""
    time = np.arange(round(seconds * RATE)) / RATE
    out = 0.05 * rng.standard_normal(len(time))
    if ai:
        for line in np.arange(500, 8000, 500):
            out += 0.02 * np.sin(2 * np.pi * line * time + rng.uniform(0, 6))
    return out.astype(np.float32)


def make_set(folder: Path, each: int = 9, seconds: float = 1.5) -> Path:
    """Write tracks of two classes on three pages a class and fold; returns the manifest."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for index in range(each):
        for label in ("human", "ai"):
            name = f"{label}-{index}.wav"
            soundfile.write(folder / name, sound(rng, label == "ai", seconds), RATE)
            fold = index % 3
            family = f"fam{index % 2}" if label == "ai" else ""
            rows.append((name, label, family, f"{label}-page-{index}", fold, family))
    path = folder / "set.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "generator", "source", "fold", "family"])
        writer.writerows(rows)
    return path


def recipe_for(manifest: Path, **tables) -> Recipe:
    """Return a recipe that trains in a second; tables replace or add keys."""
    values = {
        "name": "test", "detector": "tiny",
        "data": {"manifests": [str(manifest)], "fold": "0", "valid_share": 0.4, "jobs": -1,
                 "cache": str(manifest.parent / "cache"), "valid_windows": 1},
        "optimiser": {"lr": 0.01}, "run": {"epochs": 2, "batch": 4, "metric": "loss"},
    }  # fmt: skip
    for key, value in tables.items():
        values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
    return Recipe.from_plain(values)
