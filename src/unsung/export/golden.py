# SPDX-License-Identifier: MIT
"""Sound that anyone can make again, and its logits: what holds every engine to the same numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unsung.runtime import Bundle, load_bundle
from unsung.runtime.windowed import window_outputs
from unsung.types import FloatArray

__all__ = ["SEEDS", "golden_duration_s", "golden_signal", "graph_logits", "scanned_logit"]

SEEDS = (0, 1, 2)


def golden_signal(seed: int, duration_s: float, sample_rate_hz: int) -> FloatArray:
    """Return a sound anyone can make again: chords, a comb at 50 Hz steps and noise.

    Shape: ``[time]``. A golden score is this signal's logit, the same in every engine.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(round(duration_s * sample_rate_hz)) / sample_rate_hz
    sound = 0.02 * rng.standard_normal(len(time))
    for pitch in rng.choice(np.arange(40, 80), 4, replace=False):
        base = 440.0 * 2 ** ((pitch - 69) / 12)
        for k in range(1, 9):
            if k * base < sample_rate_hz / 2:
                sound += 0.1 / k * np.sin(2 * np.pi * k * base * time + rng.uniform(0, 6.28))
    for line in np.arange(1000, min(8000, sample_rate_hz / 2), 50.0):
        sound += 0.0005 * seed * np.sin(2 * np.pi * line * time)
    scaled: FloatArray = (0.5 * sound / np.abs(sound).max()).astype(np.float32)
    return scaled


def golden_duration_s(bundle: Bundle) -> float:
    """Return how long golden signals are: a window, of averaged spectra ten seconds."""
    return bundle.window_s if bundle.windowed else 10.0


def graph_logits(folder: Path, samples: FloatArray) -> FloatArray:
    """Return the logits of whole windows: the bundle's front ends without torch, then its graph.

    Shape: ``[batch, time]`` at the bundle's rate, ``window_s`` long → ``[batch, output]``.
    """
    return window_outputs(load_bundle(folder), samples)


def scanned_logit(bundle: Bundle, sound: FloatArray) -> float:
    """Return the logit of a sound as a scan measures it; NaN where there is none.

    Shape: ``[time]`` at the bundle's rate.
    """
    analyzer = bundle.analyzer(bundle.sample_rate_hz)
    analyzer.push(sound)
    found = analyzer.finish()
    if bundle.windowed:
        return float("nan") if found.logit is None else found.logit
    return found.windows[0][1] if found.windows else float("nan")  # without the search over shifts
