# SPDX-License-Identifier: MIT
"""What stands at the end of a run: thresholds, numbers with intervals, weights, card, bundle.

Calibration and thresholds come from the validation tracks, which also chose the epoch; the numbers
that count are those of the test tracks, which nothing was chosen on. Intervals resample groups.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unsung.audio.read import sha256_file
from unsung.detectors.base import Detector
from unsung.errors import BundleError, UnsungError
from unsung.evaluation import conformal_threshold, evaluate
from unsung.export import export_bundle
from unsung.outputs import replacing, write_whole
from unsung.tables import write_csv
from unsung.training.augment import Distorter
from unsung.training.checkpoint import save_weights
from unsung.training.distributed import Team
from unsung.training.loader import Windows
from unsung.training.network import Network
from unsung.training.outcome import Outcome, calibration_of
from unsung.training.prepare import Material
from unsung.training.publish import LIMITS
from unsung.training.recipe import Recipe
from unsung.training.targets import ai_logits
from unsung.training.validation import epoch_row, score_tracks
from unsung.types import FloatArray, Result, Track

__all__ = ["calibrated", "finish", "measure_sets"]

PLAIN = "clean"


def measure_sets(
    recipe: Recipe, network: Network, material: Material, team: Team
) -> dict[str, FloatArray]:
    """Return set → logits of the test tracks, plain and through each of the recipe's sets.

    Shape of each: ``[test track, output]``; empty without test tracks.
    """
    if not material.test:
        return {}
    made = {}
    for name, use in {PLAIN: (), **recipe.sets}.items():
        windows = Windows(
            material.store, material.test, material.window_s,
            Distorter(recipe.distortions, use, always=True),
        )  # fmt: skip
        made[name] = score_tracks(
            network,
            windows,
            recipe.data.valid_windows,
            batch=recipe.run.batch,
            team=team,
            seed=recipe.run.seed,
        )
    return made


def finish(
    recipe: Recipe,
    detector: Detector,
    material: Material,
    *,
    team: Team,
    out: Path,
    history: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Score, calibrate, measure and write everything; returns the summary.

    The network holds the kept weights. Files: summary.json, results.jsonl, scores.csv,
    detector.safetensors, recipe.json, card.md, left-out.csv and, where the detector can be
    exported, bundle/.
    """
    network = Network(detector, recipe.run.precision)
    valid_windows = Windows(material.store, material.valid, material.window_s, Distorter({}, ()))
    valid = score_tracks(
        network, valid_windows, recipe.data.valid_windows, batch=recipe.run.batch, team=team
    )
    tests = measure_sets(recipe, network, material, team)
    summary = _summary(recipe, detector, material, history)
    for part, logits in {"valid": valid, **tests}.items():
        tracks = material.valid if part == "valid" else material.test
        windows = dataclasses.replace(valid_windows, tracks=tracks)
        row = epoch_row(logits, windows, material.targets, recipe.loss)
        if part == "valid":
            summary["valid"] = row
        else:
            row["loss"] = row.pop("valid_loss")
            summary.setdefault("test", {})[part] = row
    if not team.leads:
        return summary
    _write_table(out / "left-out.csv", ["path", "why"], material.left_out.items())
    _write(out / "recipe.json", json.dumps(recipe.to_dict(), indent=1))
    save_weights(out / "detector.safetensors", detector)
    if material.targets.tells_ai:
        calibration = calibrated(material, ai_logits(valid, material.targets.outputs), recipe)
        _write_scores(out / "scores.csv", material, valid, tests, calibration)
        results = _results(recipe, material, tests, calibration)
        summary |= _measured(results, calibration, out)
        card = _card(recipe, material, summary, results)
        _write(out / "card.md", _page(card))
        summary["bundle"] = _bundle(
            detector, material, out, recipe=recipe, calibration=calibration, card=card
        )
    _write(out / "summary.json", json.dumps(summary, indent=1))
    return summary


def _summary(
    recipe: Recipe, detector: Detector, material: Material, history: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "name": recipe.name,
        "detector": recipe.detector,
        "recipe_sha256": recipe.sha256,
        "data_sha256": material.sha256,
        "parameters": sum(p.numel() for p in detector.parameters()),
        "tracks": {k: len(getattr(material, k)) for k in ("train", "valid", "test")},
        "left_out": len(material.left_out),
        "epochs": len(history),
        "elapsed_s": history[-1]["elapsed_s"] if history else 0.0,
    }


def _measured(results: Sequence[Result], calibration: dict[str, Any], out: Path) -> dict[str, Any]:
    """Write the results, and return what of them and of the calibration the summary shows."""
    known = [r for r in results if math.isfinite(r.value)]
    text = "".join(json.dumps(r.to_dict()) + "\n" for r in known)
    _write(out / "results.jsonl", text)
    return {
        "calibration": {k: v for k, v in calibration.items() if "logits" not in k},
        "results": {
            f"{r.condition}: {r.metric}": [r.value, r.low, r.high]
            for r in known
            if "[" not in r.metric
        },
    }


def calibrated(material: Material, scores: NDArray[np.float64], recipe: Recipe) -> dict[str, Any]:
    """Return the calibration record from validation logits, with the thresholds it gives.

    ``threshold_ai`` is None where the validation set is too small for the promise.
    """
    tracks, rows = material.valid, len(material.valid)
    positive = material.targets.labels(tracks) == 1
    plain = tuple(  # every positive label counts as AI here
        dataclasses.replace(t, label="ai" if p else "human")
        for t, p in zip(tracks, positive, strict=True)
    )
    outcome = Outcome(
        plain, np.full(rows, "table"), np.zeros(rows, np.int_), {"default": scores},
        np.zeros((rows, 0), np.float32), material.sha256,
    )  # fmt: skip
    record = calibration_of(outcome)
    rate = recipe.calibrate.false_alarm_rate
    recordings = outcome.recordings()
    above = conformal_threshold(scores[~positive], rate, recordings[~positive])
    below = conformal_threshold(-scores[positive], recipe.calibrate.miss_rate,
                                recordings[positive])  # fmt: skip
    return record | {
        "name": f"validation tracks of {recipe.name}: {int((~positive).sum())} human, "
        f"{int(positive.sum())} AI",
        "miss_rate": recipe.calibrate.miss_rate,
        "false_alarm_rate": rate,
        "threshold_ai": above,
        "threshold_human": None if below is None else -below,
    }


def _results(
    recipe: Recipe, material: Material, tests: dict[str, FloatArray], calibration: dict[str, Any]
) -> list[Result]:
    rows: list[Result] = []
    tracks = material.test
    families = [t.family or t.generator for t in tracks]
    for name, logits in tests.items():
        scores = ai_logits(logits, material.targets.outputs)
        rows += evaluate(
            material.targets.labels(tracks),
            scores,
            [t.group or t.recording or t.id for t in tracks],
            families=families if any(families) else None,
            llr_nats=calibration["scale"] * scores + calibration["shift"],
            threshold=calibration["threshold_ai"],
            experiment=f"train {recipe.name}",
            detector=recipe.detector,
            dataset=f"fold {recipe.data.fold}" if recipe.data.fold else "test",
            condition=name,
            seed=recipe.run.seed,
            hashes=(recipe.sha256, material.sha256),
        )
    return rows


def _write_scores(
    path: Path, material: Material, valid: FloatArray, tests: dict[str, FloatArray],
    calibration: dict[str, Any],
) -> None:  # fmt: skip
    head = ["path", "label", "generator", "family", "group", "part", "condition", "score",
            "llr_nats"]  # fmt: skip

    def rows(tracks: Sequence[Track], logits: FloatArray, part: str, condition: str) -> Any:
        scores = ai_logits(logits, material.targets.outputs)
        for track, score in zip(tracks, scores, strict=True):
            yield (track.path, track.label, track.generator, track.family, track.group, part,
                   condition, repr(float(score)),
                   repr(float(calibration["scale"] * score + calibration["shift"])))  # fmt: skip

    every = list(rows(material.valid, valid, "valid", PLAIN))
    for name, logits in tests.items():
        every += rows(material.test, logits, "test", name)
    _write_table(path, head, every)


def _write(path: Path, text: str) -> None:
    write_whole(path, text)


def _write_table(path: Path, head: Sequence[str], rows: Any) -> None:
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        write_csv(file, head, rows)


def _card(
    recipe: Recipe, material: Material, summary: dict[str, Any], results: Sequence[Result]
) -> dict[str, Any]:
    counts = Counter(track.label for track in material.train)
    families = sorted({t.family or t.generator for t in material.train} - {""})
    shown = [r for r in results if "[" not in r.metric and math.isfinite(r.value)]
    return {
        "summary": recipe.summary or f"{recipe.detector}, trained by the recipe {recipe.name}.",
        "trained_on": [
            ", ".join(f"{n} {label}" for label, n in sorted(counts.items())) + " tracks",
            f"families: {', '.join(families) or 'none named'}",
            f"distortions while training: {', '.join(recipe.augment.distortions) or 'none'}",
        ],
        "metrics": [
            {"name": f"{r.metric}, {r.dataset}, {r.condition}", "value": r.value, "low": r.low,
             "high": r.high, "n": r.n_tracks}
            for r in shown
        ],
        "parameters": summary["parameters"],
        "intended_use": "Research; thresholds hold for music like the validation tracks.",
        "data_sha256": material.sha256,
        "recipe_sha256": recipe.sha256,
    }  # fmt: skip


def _page(card: dict[str, Any]) -> str:
    lines = [f"# {card['summary']}", "", *(f"- {text}" for text in card["trained_on"])]
    lines += [f"- {card['parameters']} parameters", f"- {card['intended_use']}", ""]
    lines += ["| number | value | 95 % interval over groups | tracks |", "|---|--:|---|--:|"]
    for row in card["metrics"]:
        span = "" if row["low"] is None else f"{row['low']:.3f} to {row['high']:.3f}"
        lines.append(f"| {row['name']} | {row['value']:.3f} | {span} | {row['n']} |")
    return "\n".join([*lines, ""])


def _bundle(
    detector: Detector,
    material: Material,
    out: Path,
    *,
    recipe: Recipe,
    calibration: dict[str, Any],
    card: dict[str, Any],
) -> str:
    """Export; returns the folder's name, or the reason why there is none."""
    hashes = [track.sha256 or sha256_file(Path(track.path)) for track in material.train]
    plain = {k: v for k, v in calibration.items() if k not in
             ("false_alarm_rate", "threshold_ai", "threshold_human")}  # fmt: skip
    try:
        export_bundle(
            detector.cpu().eval(), out / "bundle", name=recipe.name, version="1", reference=0,
            calibration=plain, limits=LIMITS, card=card, training_files=hashes,
        )  # fmt: skip
    except UnsungError as error:
        reason = error.args[0] if isinstance(error, BundleError) else str(error)
        return f"none: {reason}"
    return "bundle"
