# SPDX-License-Identifier: MIT
"""Two detectors on the same tracks: what one catches and the other misses, with the sound of it.

A model is a bundle (name or folder) or the folder of a training run. Each decides by its own
threshold for its stated false-alarm rate; where its calibration set was too small for one, by a
log-likelihood ratio above 0. Written: ``diff.csv`` (every track), ``summary.json`` and a folder of
sound for each kind of disagreement and for what both get wrong. When not to use: on tracks that
one of the two learned from.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unsung.audio.read import read_clip
from unsung.audio.windows import spread_starts
from unsung.audio.write import write
from unsung.data import read_manifest
from unsung.data.labelled import Item
from unsung.detectors.base import Detector
from unsung.errors import AudioError, UsageError
from unsung.evaluation import bootstrap_difference, roc_auc
from unsung.scanning import Settings
from unsung.scanning.labelled import score_items
from unsung.training.network import Network
from unsung.training.prepare import build_detector
from unsung.training.recipe import Recipe
from unsung.training.store import decoded
from unsung.training.targets import ai_logits
from unsung.types import FloatArray, Track

__all__ = ["KINDS", "Judged", "compare", "export_sound", "judge"]

KINDS = {
    (True, True): "both-right",
    (True, False): "only-A-right",
    (False, True): "only-B-right",
    (False, False): "both-wrong",
}
OnTrack = Callable[[str, int, int], None]
"""Told the model's name, tracks done and tracks in all."""


@dataclass(frozen=True)
class Judged:
    """What one model says of one track; ``problem`` says why it says nothing."""

    logit: float | None
    llr_nats: float | None = None
    says_ai: bool = False
    problem: str = ""


def compare(
    model_a: str,
    model_b: str,
    manifest: Path,
    out: Path,
    *,
    positive: Sequence[str] = ("ai",),
    false_alarm_rate: float = 0.01,
    seconds: float = 30.0,
    most: int = 50,
    on_track: OnTrack | None = None,
) -> dict[str, Any]:
    """Judge all tracks with both models and write what differs.

    Args:
        model_a: name or folder of a bundle, or the folder of a training run.
        model_b: the same.
        manifest: labelled tracks; labels beside human and `positive` are left out.
        out: folder that is written.
        positive: labels that count as AI.
        false_alarm_rate: rate that each model's threshold is set for.
        seconds: length of the exported middle of each track.
        most: files a folder, those of the largest disagreement first.
        on_track: told of progress.

    Returns:
        Counts of each kind, and the paired difference of AUC with its interval over groups.
    """
    tracks = [t for t in read_manifest(manifest) if t.label in ("human", *positive)]
    if not tracks:
        raise UsageError(f"{manifest}: expected tracks labelled human or {', '.join(positive)}")
    tell = on_track or (lambda *_: None)
    a = judge(model_a, tracks, false_alarm_rate, tell)
    b = judge(model_b, tracks, false_alarm_rate, tell)
    rows = [_row(*item, positive) for item in zip(tracks, a, b, strict=True)]
    out.mkdir(parents=True, exist_ok=True)
    with (out / "diff.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    export_sound(rows, out, seconds, most)
    summary = {"A": model_a, "B": model_b, "tracks": len(rows)} | _numbers(rows, positive)
    (out / "summary.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")
    return summary


def judge(
    model: str, tracks: Sequence[Track], false_alarm_rate: float, tell: OnTrack
) -> list[Judged]:
    """Return what a model says of each track, in order."""
    if (Path(model) / "detector.safetensors").is_file():
        return _by_run(Path(model), tracks, false_alarm_rate, tell)
    items = [Item(path=str(Path(t.path).resolve()), label=t.label) for t in tracks]
    settings = Settings(bundle=model, false_alarm_rate=false_alarm_rate)

    def progress(state: Any) -> None:
        tell(model, state.done, len(items))

    scored, _, threshold = score_items(items, Path(), settings, on_progress=progress)
    return [
        _judged(item.score, item.llr_nats, threshold) if item.score is not None
        else Judged(None, problem=item.problem)
        for item in scored
    ]  # fmt: skip


def export_sound(rows: Sequence[dict[str, Any]], out: Path, seconds: float, most: int) -> None:
    """Write the middle of what either model got wrong, a folder for each kind."""
    for kind in list(KINDS.values())[1:]:
        found = [row for row in rows if row["kind"] == kind]
        found.sort(key=lambda row: -abs(row["llr_a"] - row["llr_b"]))
        for number, row in enumerate(found[:most], start=1):
            folder = out / kind
            folder.mkdir(exist_ok=True)
            word = re.sub(r"[^\w.-]+", "-", Path(row["path"]).stem)[:60]
            clip = read_clip(row["path"])
            size = min(clip.samples.shape[1], round(seconds * clip.sample_rate_hz))
            start = (clip.samples.shape[1] - size) // 2
            part = replace(clip, samples=clip.samples[:, start : start + size])
            write(folder / f"{number:03}-{row['label']}-{word}.flac", part)


def _by_run(
    folder: Path, tracks: Sequence[Track], false_alarm_rate: float, tell: OnTrack
) -> list[Judged]:
    values = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    recipe = Recipe.from_plain(values)
    whole = replace(recipe, weights=str(folder / "detector.safetensors"), skip_weights=())
    detector = build_detector(whole).eval()
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
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
        found.append(_judged(logit, llr, threshold))
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


def _judged(logit: float, llr_nats: float | None, threshold: float | None) -> Judged:
    says = logit >= threshold if threshold is not None else (llr_nats or 0.0) > 0
    return Judged(logit, llr_nats if llr_nats is not None else logit, says)


def _row(track: Track, a: Judged, b: Judged, positive: Sequence[str]) -> dict[str, Any]:
    is_ai = track.label in positive
    heard = a.logit is not None and b.logit is not None
    kind = KINDS[(a.says_ai == is_ai, b.says_ai == is_ai)] if heard else "not-heard"
    return {
        "path": track.path, "label": track.label, "generator": track.generator,
        "group": track.group, "logit_a": a.logit, "llr_a": a.llr_nats, "ai_a": int(a.says_ai),
        "logit_b": b.logit, "llr_b": b.llr_nats, "ai_b": int(b.says_ai), "kind": kind,
        "problem": a.problem or b.problem,
    }  # fmt: skip


def _numbers(rows: Sequence[dict[str, Any]], positive: Sequence[str]) -> dict[str, Any]:
    heard = [row for row in rows if row["kind"] != "not-heard"]
    labels = [int(row["label"] in positive) for row in heard]
    found: dict[str, Any] = {"kinds": dict(Counter(row["kind"] for row in rows))}
    if 0 < sum(labels) < len(labels):
        span = bootstrap_difference(
            roc_auc, labels, [r["logit_a"] for r in heard], [r["logit_b"] for r in heard],
            [r["group"] or r["path"] for r in heard],
        )  # fmt: skip
        found["auc_difference"] = [span.value, span.low, span.high]
    return found
