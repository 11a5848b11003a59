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

from unsung.data.table import LABEL_WORDS, label_word
from unsung.errors import UsageError
from unsung.evaluation import evaluate
from unsung.outputs import Kind, json_with, write_whole
from unsung.scanning.labelled import Columns, Item, join_scores, read_items, score_items
from unsung.scanning.pipeline import Progress
from unsung.scanning.settings import Settings
from unsung.types import Result

__all__ = ["RESULTS", "Summary", "figures", "result_lines", "summarise", "write_results"]

_EITHER = {"0": "1", "1": "0", "false": "true", "true": "false"}
"""Labels that name no class by themselves: some corpora write 1 for AI, others for human."""

HigherIs = Literal["ai", "human"]


@dataclass(frozen=True)
class Summary:
    """The results, what was left out of them by reason, and how many tracks are in-sample.

    ``notes`` say how the table was read where it could be read in another way.
    """

    results: list[Result]
    left_out: dict[str, int]
    n_trained_on: int = 0
    notes: tuple[str, ...] = ()


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
        positive=[word for word in positive.split(",") if word.strip()],
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

    Args:
        items: labelled tracks; the same row twice counts once, rows of one path are one group.
        positive: labels that count as AI. Labels 0 and 1 (or false and true) can mean either: 1 is
            read as AI, and the notes say so, unless one of them stands here.
        higher_is: what a higher score says.
        threshold: one chosen on other tracks, if any.
        detector: named in every result.
        dataset: named in every result.
        data_sha256: of the measured list.
        seed: of the resampling.
        replicates: how often groups are resampled.

    Raises:
        UsageError: one of the two classes is missing (the labels seen are named), a path has two
            labels or groups, or a score is no number.
    """
    items, repeated = _once(items)
    kept, left_out, notes = _sorted_out(items, positive)
    notes += [f"{repeated} rows came twice and are counted once"] if repeated else []
    sign = 1.0 if higher_is == "ai" else -1.0
    llr = [item.llr_nats for _, item in kept]
    chances = [item.probability for _, item in kept]
    generators = [item.generator if y else "" for y, item in kept]
    results = evaluate(
        [y for y, _ in kept],
        [sign * (item.score or 0.0) for _, item in kept],
        [item.group or f"\0{item.path or number}" for number, (_, item) in enumerate(kept)],
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
    trained_on = sum(item.trained_on for _, item in kept)
    return Summary(results, left_out, trained_on, tuple(notes))


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


def _once(items: Iterable[Item]) -> tuple[list[Item], int]:
    """Return the items without equal rows, and how many rows these were.

    Raises:
        UsageError: two rows of a path contradict each other.
    """
    items = list(items)
    first: dict[str, Item] = {}
    for item in items:
        known = first.setdefault(item.path, item)
        for what, one, other in (
            ("labels", known.label, item.label),
            ("groups", known.group, item.group),
        ):
            if item.path and one != other:
                raise UsageError(
                    f"{item.path}: expected one row, or rows that agree; it has the {what} "
                    f"'{one}' and '{other}'; correct the table"
                )
    own = dict.fromkeys(item if item.path else number for number, item in enumerate(items))
    kept = [items[key] if isinstance(key, int) else key for key in own]
    return kept, len(items) - len(kept)


def _sorted_out(
    items: Iterable[Item], positive: Sequence[str]
) -> tuple[list[tuple[int, Item]], dict[str, int], list[str]]:
    """Return what can be compared, with its class, counts of the rest by reason, and notes."""
    known, stated = _classes(positive)
    left_out: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    kept: list[tuple[int, Item]] = []
    for item in items:
        word = label_word(item.label)
        seen[word] += 1
        if item.score is None:
            left_out[item.problem or "no score"] += 1
        elif word in known:
            kept.append((known[word], item))
        else:
            left_out[f"label '{item.label.strip()}'"] += 1
    _check_classes([y for y, _ in kept], seen, left_out)
    either = [word for word in ("1", "true") if {word, _EITHER[word]} & seen.keys()]
    notes = [
        f"{word} read as AI and {_EITHER[word]} as human; --positive {_EITHER[word]} turns it round"
        for word in either
        if not stated
    ]
    return kept, dict(left_out), notes


def _classes(positive: Sequence[str]) -> tuple[dict[str, int], bool]:
    """Return 1 (AI) or 0 (human) for each label, and whether 0, 1, true or false was stated.

    Raises:
        UsageError: a word that names human recordings shall count as AI.
    """
    words = [label_word(word) for word in positive]
    stated = [word for word in words if word in _EITHER]
    known = {word: 0 for word, label in LABEL_WORDS.items() if label == "human"}
    for word in words:
        label = LABEL_WORDS.get(word)
        if label == "human" and word not in _EITHER:
            raise UsageError(
                f"--positive names the labels that count as AI; '{word}' is a word for human "
                "recordings"
            )
        if label is not None:
            known |= {name: 1 for name, its in LABEL_WORDS.items() if its == "ai"}
        known[word] = 1
    if any(_EITHER[word] in ("1", "true") for word in stated):  # 0 is AI
        known |= {"0": 1, "false": 1, "1": 0, "true": 0}
    return known, bool(stated)


def _check_classes(classes: Sequence[int], seen: Counter[str], left_out: Counter[str]) -> None:
    if 0 in classes and 1 in classes:
        return
    labels = ", ".join(f"'{word}' ({count})" for word, count in seen.most_common(10))
    why = ", ".join(f"{count} ({reason})" for reason, count in left_out.most_common(5))
    raise UsageError(
        f"expected human and AI tracks with scores, got {sum(classes)} AI and "
        f"{classes.count(0)} human; labels seen: {labels or 'none'}; left out: {why or 'none'}; "
        "name the labels that count as AI by --positive"
    )


def _complete(values: Sequence[float | None]) -> list[float] | None:
    """Return the values if there is one for every item."""
    found = [value for value in values if value is not None]
    return found if found and len(found) == len(values) else None
