# SPDX-License-Identifier: MIT
"""Measures what a verdict gains when it must also hold under small changes (`--robust`).

    python -m unsung.training.stability --data music.csv --human FOLDER --cache CACHE \
        --folds FOLDS --work SCORES.jsonl --results results

Every excerpt is scored by the bundle of `unsung.training.folds` that has not seen its page, clean
and under attacks, as it is and under each change of `unsung.runtime.stable`. The scores are kept in
``--work`` and a killed run goes on. When not to use: to choose a threshold for a rule that was
picked on these very figures; the page lists every rule that was looked at.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unsung.core.records import Records, read_records
from unsung.detectors.residual_linear import ResidualLinear
from unsung.errors import AudioError
from unsung.evaluation.conformal import conformal_threshold
from unsung.evaluation.proportions import clopper_pearson
from unsung.runtime import Bundle, load_bundle
from unsung.runtime.stable import CHANGES, changed
from unsung.training.material import Material, gather
from unsung.training.measure import Excerpt, read_mono
from unsung.types import FloatArray

__all__ = [
    "CONDITIONS",
    "Item",
    "Share",
    "drawn",
    "main",
    "plan",
    "read_rows",
    "score_item",
    "shares",
]

CONDITIONS = ("clean", "mp3@64", "speed@1.05", "reverb@0.4", "vocoder_stretch@0.9")
PLAIN = "plain"
RATE = 0.01
MIDDLE_S = 10.0
"""Of a whole track its middle is measured: as long as an excerpt of the table."""

LOWEST = -1e6


@dataclass(frozen=True)
class Item:
    """One excerpt, the fold whose bundle has not seen it, and whether it is AI."""

    excerpt: Excerpt
    fold: int
    positive: bool


def main(argv: Sequence[str] | None = None) -> None:
    """Score what is missing, measure the rules and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="table: path, label, source, fold")
    parser.add_argument("--human", type=Path, help="folder of further human music")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="measured features")
    parser.add_argument("--folds", type=Path, required=True, help="bundles of training.folds")
    parser.add_argument("--work", type=Path, required=True, help="JSON Lines that keep the scores")
    parser.add_argument("--results", type=Path, required=True, help="folder for the page")
    parser.add_argument("--n-human", type=int, help="only so many human excerpts, drawn")
    parser.add_argument("--n-ai", type=int, help="only so many AI excerpts, drawn")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args(argv)
    items = plan(gather(arguments, ResidualLinear()))
    items = drawn(items, arguments.n_human, arguments.n_ai)
    rows = _all_scores(items, arguments.folds, arguments.work, arguments.jobs)
    from unsung.training._stability_page import page

    bundles = {fold: load_bundle(arguments.folds / f"fold-{fold}") for fold in _folds(items)}
    limits = {fold: bundle.thresholds(RATE).ai_logit for fold, bundle in bundles.items()}
    arguments.results.mkdir(parents=True, exist_ok=True)
    text = page(shares(rows, limits))
    (arguments.results / "robust-verdict.md").write_text(text, encoding="utf-8")


def plan(material: Material) -> list[Item]:
    """Return fully generated and human excerpts of the table, and the middle of whole tracks."""
    items = []
    for track, kind, fold in zip(material.tracks, material.kind, material.folds, strict=True):
        human, whole = track.label == "human", track.label == "ai" and track.use == "full"
        if kind == "table" and (human or whole):
            items.append(Item(Excerpt(track), int(fold), not human))
        elif kind == "full":
            items.append(Item(Excerpt(track, -1.0, MIDDLE_S), int(fold), False))
    return items


def drawn(
    items: Sequence[Item], n_human: int | None, n_ai: int | None, seed: int = 0
) -> list[Item]:
    """Return some items of each class in a random order (None: all): a part of it is fair too."""
    rng = np.random.default_rng(seed)
    order = [items[int(i)] for i in rng.permutation(len(items))]
    human = [item for item in order if not item.positive][:n_human]
    ai = [item for item in order if item.positive][:n_ai]
    kept = {id(item) for item in (*human, *ai)}
    return [item for item in order if id(item) in kept]


def score_item(item: Item, condition: str, bundle: Bundle) -> dict[str, float | None]:
    """Return the logit as it is ("plain") and under each change; None where nothing is left."""
    excerpt = item.excerpt
    if excerpt.start_s < 0:
        excerpt = Excerpt(excerpt.track, _middle(excerpt), excerpt.duration_s)
    attack = "" if condition == "clean" else condition
    sound = read_mono(
        Excerpt(excerpt.track, excerpt.start_s, excerpt.duration_s, attack=attack),
        bundle.sample_rate_hz,
    )
    found = {PLAIN: _logit(bundle, sound)}
    for name in CHANGES:
        found[name] = _logit(bundle, changed(sound, name, bundle.sample_rate_hz))
    return found


def _middle(excerpt: Excerpt) -> float:
    import soundfile

    duration_s: float = soundfile.info(excerpt.track.path).duration
    return max(0.0, (duration_s - (excerpt.duration_s or 0.0)) / 2)


def _logit(bundle: Bundle, sound: FloatArray) -> float | None:
    analyzer = bundle.analyzer(bundle.sample_rate_hz)
    analyzer.push(sound)
    logit = analyzer.finish().logit
    return None if logit is None else round(logit, 5)


def _all_scores(items: Sequence[Item], folds: Path, work: Path, jobs: int) -> list[dict[str, Any]]:
    known = read_rows(work)
    tasks = [
        (item, condition, str(folds / f"fold-{item.fold}"))
        for item in items
        for condition in CONDITIONS
        if f"{item.excerpt.track.id}|{condition}" not in known
    ]
    work.parent.mkdir(parents=True, exist_ok=True)
    with Records(work) as file, ProcessPoolExecutor(jobs) as pool:
        for row in pool.map(_task, tasks, chunksize=8):
            file.append(row)
            known[row["key"]] = row
    wanted = {f"{item.excerpt.track.id}|{c}" for item in items for c in CONDITIONS}
    return [row for key, row in known.items() if key in wanted]


def read_rows(work: Path) -> dict[str, dict[str, Any]]:
    """Return the finished rows of a file by key; none where it does not exist."""
    if not work.exists():
        return {}
    return {row["key"]: row for _, _, row in read_records(work)}


_bundle = cache(load_bundle)


def _task(task: tuple[Item, str, str]) -> dict[str, Any]:
    item, condition, folder = task
    track = item.excerpt.track
    row: dict[str, Any] = {
        "key": f"{track.id}|{condition}",
        "condition": condition,
        "fold": item.fold,
        "positive": item.positive,
        "group": track.group,
    }
    try:
        return row | {"logits": score_item(item, condition, _bundle(folder))}
    except (AudioError, ValueError) as error:
        return row | {"error": f"{type(error).__name__}: {error}".replace(track.path, track.id)}


def _folds(items: Sequence[Item]) -> list[int]:
    return sorted({item.fold for item in items})


@dataclass(frozen=True)
class Share:
    """Tracks called AI by one rule under one condition, with an exact binomial interval."""

    rule: str
    condition: str
    positive: bool
    hits: int
    n: int
    low: float
    high: float


def shares(rows: Sequence[Mapping[str, Any]], limits: Mapping[int, float | None]) -> list[Share]:
    """Return how many tracks each rule calls AI.

    Args:
        rows: from `score_item`, with fold, condition and class.
        limits: AI threshold of each fold's bundle; rules that pool scores get thresholds of
            their own from the clean human tracks of the other folds.
    """
    good = [row for row in rows if "logits" in row]
    table = np.array(
        [[_number(row["logits"].get(n)) for n in (PLAIN, *CHANGES)] for row in good], np.float32
    )
    folds = np.array([row["fold"] for row in good])
    positive = np.array([row["positive"] for row in good])
    conditions = np.array([row["condition"] for row in good])
    own = np.array([_number(limits[int(fold)]) for fold in folds])
    called = {"as it is": table[:, 0] >= own}
    for least in (3, 4, 5):
        holds = (table[:, 1:] >= own[:, None]).sum(axis=1) >= least
        called[f"and {least} of {len(CHANGES)} changes agree"] = called["as it is"] & holds
    clean_human = (conditions == "clean") & ~positive
    for name, pooled in _pooled(table).items():
        limit = _nested(pooled, clean_human, folds)
        called[f"{name}, own threshold"] = pooled >= limit
    found = []
    for rule, verdicts in called.items():
        for condition in CONDITIONS:
            for side in (False, True):
                here = (conditions == condition) & (positive == side)
                hits, n = int(verdicts[here].sum()), int(here.sum())
                if n:
                    span = clopper_pearson(hits, n)
                    found.append(Share(rule, condition, side, hits, n, span.low, span.high))
    return found


def _number(value: float | None) -> float:
    """Return a logit; what could not be heard speaks for nothing and never agrees."""
    return float("-inf") if value is None else float(value)


def _pooled(table: FloatArray) -> dict[str, FloatArray]:
    return {
        "as it is": table[:, 0],
        "mean": table.mean(axis=1, dtype=np.float32),
        "median": np.asarray(np.median(table, axis=1), np.float32),
        "lowest": table.min(axis=1),
    }


def _nested(
    scores: FloatArray, human: NDArray[np.bool_], folds: NDArray[np.int_]
) -> NDArray[np.float64]:
    """Return each row's threshold at `RATE`, from human tracks of the other folds."""
    limit = np.full(len(scores), np.inf)
    for fold in np.unique(folds):
        # Sound of which a change leaves nothing has no score there, and is far from the threshold.
        others = np.maximum(scores[human & (folds != fold)], LOWEST).astype(float).tolist()
        found = conformal_threshold(others, RATE)
        limit[folds == fold] = np.inf if found is None else found
    return limit


if __name__ == "__main__":
    main()
