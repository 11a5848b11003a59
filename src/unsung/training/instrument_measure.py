# SPDX-License-Identifier: MIT
"""Measures a trained instrument CNN: macro-F1 on clips that it has not heard, and its thresholds.

    python -m unsung.training.instrument_measure RUN --pictures PICTURES \
        --valid CORPUS --test "other melodies=CORPUS:test" --test "other SoundFont=OTHER:test" \
        --page results/instruments-cnn.md

F1 is taken at logit 0 of the trained network (its loss weights positive targets, as the study's)
and at thresholds that are best on the validation clips. Intervals: 95 % percentile bootstrap over
melodies, 1 000 replicates. A corpus rendered from another SoundFont is the harder test: the same
instruments, recorded by others.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from unsung.data import read_manifest
from unsung.synthesis.instruments import ClipLabel, label_matrix, read_labels
from unsung.text import parse_json
from unsung.training.instrument_pictures import PictureCNN, PictureStore
from unsung.types import Track

__all__ = ["F1", "Scored", "best_thresholds", "load_network", "macro_f1", "main", "score"]

REPLICATES = 1000
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class F1:
    """Macro-F1 with its interval, and each output's own F1. Shape of each: ``[output]``."""

    value: float
    low: float
    high: float
    each: tuple[float, ...]


@dataclass(frozen=True)
class Scored:
    """Logits and 0/1 targets of clips, with the melody of each. Shape: both ``[clip, output]``."""

    logits: Floats
    wanted: Floats
    groups: tuple[str, ...]

    def having(self, count: int) -> Scored:
        """Return the clips of so many instruments."""
        rows = np.flatnonzero(self.wanted.sum(1) == count)
        return Scored(self.logits[rows], self.wanted[rows], tuple(self.groups[r] for r in rows))


def main(argv: Sequence[str] | None = None) -> None:
    """Measure one network; writes ``measured.json`` into its folder, and the page if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--valid", type=Path, required=True, help="corpus; its split valid counts")
    parser.add_argument("--test", action="append", default=[], help="NAME=CORPUS:SPLIT")
    parser.add_argument(
        "--stage",
        type=Path,
        action="append",
        default=[],
        help="run that this one went on from, in order",
    )
    parser.add_argument("--page", type=Path)
    parser.add_argument("--commands", type=Path, help="text that the page shows as its commands")
    given = parser.parse_args(argv)
    from unsung.training.instrument_page import card, page

    found = measure(given.run, given.pictures, given.valid, given.test)
    stages = [_facts(run) for run in (*given.stage, given.run)]
    found["stages"] = [
        {"side": f["recipe"]["options"].get("side", 400), "n_train": f["n_train"],
         "epochs": f["epochs"]} for f in stages
    ]  # fmt: skip
    found["presented"] = sum(f["n_train"] * f["epochs"][-1]["epoch"] for f in stages)
    found["card"] = card(found)
    text = json.dumps(found, indent=1)
    (given.run / "measured.json").write_text(text + "\n", encoding="utf-8")
    if given.page is not None:
        commands = given.commands.read_text(encoding="utf-8").strip() if given.commands else ""
        given.page.write_text(page(found, commands), encoding="utf-8")


def measure(run: Path, pictures: Path, valid: Path, tests: Sequence[str]) -> dict[str, Any]:
    """Return all numbers of a run: thresholds, and each test's F1 by instrument and by count."""
    network = load_network(run)
    facts = _facts(run)
    weights = facts["recipe"]["loss"]["class_weights"]
    offset = np.log(np.array(weights or [1.0] * len(network.outputs)))
    judged = score(network, pictures, valid, "valid")
    thresholds = best_thresholds(judged.logits, judged.wanted)
    results = []
    for name, place in (("validation", f"{valid}:valid"), *(t.split("=", 1) for t in tests)):
        folder, _, split = place.rpartition(":")
        corpus = parse_json((Path(folder) / "corpus.json").read_text(encoding="utf-8"))
        scored = judged if name == "validation" else score(network, pictures, Path(folder), split)
        results.append({"name": name, "soundfont": corpus["soundfont"], "seed": corpus["seed"],
                        **_numbers(scored, thresholds)})  # fmt: skip
    return {
        "run": run.name,
        "outputs": list(network.outputs),
        "options": facts["recipe"]["options"],
        "class_weights": weights,
        "n_train": facts["n_train"],
        "best": facts["best"],
        "epochs": facts["epochs"],
        "batch": facts["recipe"]["run"]["batch"],
        "thresholds": (thresholds - offset).tolist(),
        "results": results,
    }


def load_network(run: Path) -> PictureCNN:
    """Return the network of a run's folder, in evaluation mode."""
    facts = _facts(run)
    network = PictureCNN(**facts["recipe"]["options"]).eval()
    network.load_state_dict(load_file(run / "weights.safetensors"))
    return network


def score(network: PictureCNN, pictures: Path, corpus: Path, split: str) -> Scored:
    """Score the clips of one split of a corpus."""
    tracks = [t for t in read_manifest(corpus / "manifest.jsonl") if t.split == split]
    rows = {row.id: row for row in read_labels(corpus / "labels.jsonl")}
    return score_clips(network, pictures, tracks, [rows[t.id] for t in tracks])


def score_clips(
    network: PictureCNN, pictures: Path, tracks: Sequence[Track], rows: Sequence[ClipLabel]
) -> Scored:
    """Score tracks whose labels are given."""
    store = PictureStore(pictures, network.window_s, network.side)
    store.prepare(tracks)
    found = []
    with torch.no_grad():
        for flat in store.batches([track.path for track in tracks]):
            found.append(network.head(network.engines[0](flat)).double().numpy())
    wanted = np.asarray(label_matrix(rows, network.outputs), np.float64)
    return Scored(np.concatenate(found), wanted, tuple(row.group for row in rows))


def best_thresholds(logits: Floats, wanted: Floats) -> Floats:
    """Return each output's logit with the highest F1, midway between two clips'."""
    found = []
    for column, true in zip(logits.T, wanted.T, strict=True):
        order = np.sort(column)
        places = np.concatenate([[order[0] - 1], (order[1:] + order[:-1]) / 2])
        scores = [_f1(column >= place, true > 0.5, np.ones(len(true))) for place in places]
        best = np.flatnonzero(np.isclose(scores, max(scores)))
        found.append(places[best[len(best) // 2]])  # the middle of a plateau is the safest
    return np.array(found)


def macro_f1(scored: Scored, thresholds: Floats, seed: int = 0) -> F1:
    """Return macro-F1 with a bootstrap interval over melodies."""
    said, true = scored.logits >= thresholds, scored.wanted > 0.5
    names, places = np.unique(scored.groups, return_inverse=True)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), REPLICATES)
    weights = draws[:, places]
    each = _f1_all(said, true, np.ones((1, len(true))))[0]
    # A replicate without an output's clips says nothing about that output.
    spread = np.nanmean(_f1_all(said, true, weights), axis=1)
    low, high = np.quantile(spread, [0.025, 0.975])
    return F1(float(np.nanmean(each)), float(low), float(high), tuple(float(v) for v in each))


def _f1_all(said: NDArray[np.bool_], true: NDArray[np.bool_], weights: NDArray[Any]) -> Floats:
    """Return F1, NaN where an output is neither there nor said.

    Shape: said, true ``[clip, output]``, weights ``[replicate, clip]`` → ``[replicate, output]``.
    """
    w = weights.astype(np.float64)
    hits, all_said, all_true = w @ (said & true), w @ said.astype(float), w @ true.astype(float)
    both = all_said + all_true
    found: Floats = np.where(both > 0, 2 * hits / np.maximum(both, 1e-9), np.nan)
    return found


def _f1(said: NDArray[np.bool_], true: NDArray[np.bool_], weights: Floats) -> float:
    return float(_f1_all(said[:, None], true[:, None], weights[None])[0, 0])


def _facts(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = parse_json((run / "run.json").read_text(encoding="utf-8"))
    return found


def _short(found: F1) -> dict[str, float]:
    return {"value": found.value, "low": found.low, "high": found.high}


def _numbers(scored: Scored, thresholds: Floats) -> dict[str, Any]:
    at_zero = macro_f1(scored, np.zeros(len(thresholds)))
    chosen = macro_f1(scored, thresholds)
    said, true = scored.logits >= thresholds, scored.wanted > 0.5
    counts = sorted({int(n) for n in scored.wanted.sum(1)})
    return {
        "n": len(scored.wanted),
        "n_melodies": len(set(scored.groups)),
        "at_zero": at_zero.__dict__,
        "chosen": chosen.__dict__,
        "positives": true.sum(0).tolist(),
        "precision": ((said & true).sum(0) / np.maximum(said.sum(0), 1)).tolist(),
        "recall": ((said & true).sum(0) / np.maximum(true.sum(0), 1)).tolist(),
        "by_count": {str(n): _short(macro_f1(scored.having(n), thresholds)) for n in counts},
    }


if __name__ == "__main__":
    main()
