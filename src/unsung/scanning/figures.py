# SPDX-License-Identifier: MIT
"""From labelled scores to the figures of a detector, each with its interval and counts."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from unsung.errors import UsageError
from unsung.evaluation import evaluate
from unsung.outputs import Kind, json_with, write_whole
from unsung.scanning.labelled import Columns, Item, join_scores, read_items, score_items
from unsung.scanning.pipeline import Progress
from unsung.scanning.settings import Settings
from unsung.types import Result

__all__ = ["RESULTS", "Summary", "figures", "result_lines", "summarise", "write_results"]

_HUMAN = ("human", "0", "real", "bonafide", "bona-fide")
_AI = ("ai", "1", "fake", "spoof", "generated")


HigherIs = Literal["ai", "human"]


@dataclass(frozen=True)
class Summary:
    """The results, what was left out of them by reason, and how many tracks are in-sample."""

    results: list[Result]
    left_out: dict[str, int]
    n_trained_on: int = 0


def figures(
    manifest: Path,
    *,
    columns: Columns = Columns(),  # noqa: B008  # a frozen record
    scores: Path | None = None,
    positive: str = "ai",
    higher_is: str = "ai",
    settings: Settings = Settings(),  # noqa: B008
    jobs: int | None = None,
    resume: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    seed: int = 0,
) -> Summary:
    """Evaluate a manifest with a bundle, or with the scores that it or a second table holds."""
    if higher_is not in ("ai", "human"):
        raise UsageError(f"expected --higher-is ai or human, got {higher_is}")
    items = read_items(manifest, columns)
    detector, threshold = (scores or manifest).stem, None
    if scores is not None:
        items = join_scores(items, scores, columns)
    elif all(item.score is None for item in items):
        if higher_is == "human":
            raise UsageError("--higher-is is for tables of scores; a bundle's logit says AI")
        items, detector, threshold = score_items(
            items, manifest, settings, jobs=jobs, resume=resume, on_progress=on_progress
        )
    return summarise(
        items,
        positive=[_label(word) for word in positive.split(",")],
        higher_is="ai" if higher_is == "ai" else "human",
        threshold=threshold,
        detector=detector,
        dataset=manifest.stem,
        data_sha256=hashlib.sha256(manifest.read_bytes()).hexdigest(),
        seed=seed,
    )


def summarise(
    items: Iterable[Item],
    *,
    positive: Sequence[str] = ("ai",),
    higher_is: HigherIs = "ai",
    threshold: float | None = None,
    detector: str = "",
    dataset: str = "",
    data_sha256: str = "",
    seed: int = 0,
    replicates: int = 1000,
) -> Summary:
    """Compare the positive labels with human; every number has its interval by group.

    Raises:
        UsageError: one of the two classes is missing, or a score is no number.
    """
    kept, left_out = _sorted_out(items, positive)
    sign = 1.0 if higher_is == "ai" else -1.0
    llr = [item.llr_nats for _, item in kept]
    chances = [item.probability for _, item in kept]
    generators = [item.generator if y else "" for y, item in kept]
    results = evaluate(
        [y for y, _ in kept],
        [sign * (item.score or 0.0) for _, item in kept],
        [item.group or f"\0{number}" for number, (_, item) in enumerate(kept)],
        generators=generators if any(generators) else None,
        llr_nats=_complete(llr),
        probabilities=_complete(chances),
        threshold=threshold,
        detector=detector,
        dataset=dataset,
        seed=seed,
        replicates=replicates,
        hashes=("", data_sha256),
    )
    return Summary(results, left_out, sum(item.trained_on for _, item in kept))


RESULTS = Kind(
    "results",
    (".jsonl", ".ndjson", ".json"),
    json_with("experiment", "metric", "value", "n_groups"),
)
"""What `write_results` writes."""


def write_results(results: Iterable[Result], path: Path) -> None:
    """Write results as JSON Lines, whole or not at all."""
    write_whole(path, "".join(result_lines(results)))


def result_lines(results: Iterable[Result]) -> Iterator[str]:
    """Yield results as JSON Lines; a number that is not available becomes null."""
    for result in results:
        values = result.to_dict()
        if math.isnan(result.value):
            values["value"] = None
        yield json.dumps(values) + "\n"


def _sorted_out(
    items: Iterable[Item], positive: Sequence[str]
) -> tuple[list[tuple[int, Item]], dict[str, int]]:
    """Return what can be compared, with its class, and counts of the rest by reason."""
    left_out: Counter[str] = Counter()
    kept: list[tuple[int, Item]] = []
    for item in items:
        label = _label(item.label)
        if item.score is None:
            left_out[item.problem or "no score"] += 1
        elif label == "human" or label in positive:
            kept.append((int(label != "human"), item))
        else:
            left_out[f"label '{label}'"] += 1
    return kept, dict(left_out)


def _label(text: str) -> str:
    """Return one word for each label, whatever the corpus calls it."""
    word = text.strip().lower()
    return "human" if word in _HUMAN else "ai" if word in _AI else word


def _complete(values: Sequence[float | None]) -> list[float] | None:
    """Return the values if there is one for every item."""
    found = [value for value in values if value is not None]
    return found if found and len(found) == len(values) else None
