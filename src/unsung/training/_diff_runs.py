# SPDX-License-Identifier: MIT
"""Judges tracks with the detector in a training run's folder; needs torch, as bundles do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from unsung.audio.windows import spread_starts
from unsung.detectors.base import Detector
from unsung.errors import AudioError, UsageError
from unsung.text import parse_json
from unsung.training.diff import Judged, OnTrack, judged
from unsung.training.network import Network
from unsung.training.prepare import build_detector
from unsung.training.recipe import Recipe
from unsung.training.store import decoded
from unsung.training.targets import ai_logits
from unsung.types import FloatArray, Track

__all__ = ["by_run"]


def by_run(
    folder: Path, tracks: Sequence[Track], false_alarm_rate: float, tell: OnTrack
) -> list[Judged]:
    """Return what the detector of a run's folder says of each track, in order.

    Raises:
        UsageError: it does not tell AI from human.
    """
    values = parse_json((folder / "recipe.json").read_text(encoding="utf-8"))
    recipe = Recipe.from_plain(values)
    whole = replace(recipe, weights=str(folder / "detector.safetensors"), skip_weights=())
    detector = build_detector(whole).eval()
    summary = parse_json((folder / "summary.json").read_text(encoding="utf-8"))
    line = summary.get("calibration")
    if line is None:
        raise UsageError(f"{folder}: this detector does not tell AI from human; see its outputs")
    same = abs(line["false_alarm_rate"] - false_alarm_rate) < 1e-9
    threshold = line["threshold_ai"] if same else None
    found = []
    for done, track in enumerate(tracks, start=1):
        try:
            logit = _logit(detector, track, recipe)
        except AudioError as error:
            found.append(Judged(None, problem=str(error)))
            continue
        llr = line["scale"] * logit + line["shift"]
        found.append(judged(logit, llr, threshold))
        tell(str(folder), done, len(tracks))
    return found


def _logit(detector: Detector, track: Track, recipe: Recipe) -> float:
    """Return the mean logit over windows, as validation hears them."""
    rate_hz = detector.front_ends[0].sample_rate_hz
    window_s = recipe.data.window_s or detector.window_s
    sound = decoded(track.path, rate_hz, max(recipe.data.longest_s, window_s))
    length = round(window_s * rate_hz)
    starts = spread_starts(max(len(sound) / rate_hz, window_s), recipe.data.valid_windows, window_s)
    parts: list[FloatArray] = []
    for start in starts:
        first = min(round(start * rate_hz), max(0, len(sound) - length))
        parts.append(np.resize(sound[first : first + length], length))
    with torch.no_grad():
        logits = Network(detector).eval().logits(torch.from_numpy(np.stack(parts))).numpy()
    return float(ai_logits(logits.mean(0, keepdims=True), detector.outputs)[0])
