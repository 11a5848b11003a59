# SPDX-License-Identifier: MIT
"""Labelled tracks with the scores of any detector: a manifest, or a CSV with columns of any name.

Unlike `table`, labels stay as written (``bonafide``, ``spoof``): who evaluates says what counts
as AI. A manifest needs `path` and `label`; ``generator``, a group and a score are optional.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from unsung.data.manifests import iter_manifest
from unsung.errors import ManifestError
from unsung.tables import Table, number

__all__ = ["Columns", "Item", "join_scores", "read_items"]

GROUPS = ("group", "source", "recording")
"""Columns that say which tracks belong together, the first one found; else each stands alone."""


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a CSV; an empty group takes the first of `GROUPS` there is."""

    path: str = "path"
    label: str = "label"
    score: str = "score"
    generator: str = "generator"
    group: str = ""


@dataclass(frozen=True)
class Item:
    """One labelled track and, once known, its score (positive = AI)."""

    path: str
    label: str
    generator: str = ""
    group: str = ""
    score: float | None = None
    llr_nats: float | None = None
    probability: float | None = None
    problem: str = ""
    trained_on: bool = False


def read_items(path: Path, columns: Columns = Columns()) -> list[Item]:
    """Read a manifest or a table of scores; scores are filled in where the table has them.

    Paths stay as written, so that the scores of another table can be joined by them.

    Raises:
        ManifestError: not readable, or without its columns; the message names the line.
    """
    if path.suffix.lower() in (".jsonl", ".parquet"):
        tracks = iter_manifest(path, resolve=False)
        return [Item(t.path, t.label, t.generator, t.group or t.dataset) for t in tracks]
    return list(_items(Table(path), columns))


def join_scores(items: Sequence[Item], scores: Path, columns: Columns = Columns()) -> list[Item]:
    """Fill in the scores of another detector, matched by path; a track without one says so.

    Raises:
        ManifestError: the table cannot be read, matches no track at all, or has two scores for one.
    """
    table = Table(scores)
    table.need(columns.path, columns.score)
    known: dict[str, float | None] = {}
    for row in table.rows():
        path, score = row.cells[columns.path], number(table, row, columns.score)
        if known.setdefault(path, score) != score:
            raise ManifestError(
                f"{scores}, line {row.line}: '{path}' has the scores {known[path]} and {score}; "
                "leave one of them"
            )
    joined = [
        replace(item, score=known[item.path])
        if item.path in known
        else replace(item, problem="no score in the table")
        for item in items
    ]
    if not any(item.path in known for item in items):
        raise ManifestError(
            f"{scores}: none of its {len(known)} paths is in the manifest; write them the same way"
        )
    return joined


def _items(table: Table, columns: Columns) -> Iterator[Item]:
    names = table.columns
    table.need(columns.path, columns.label, *([columns.group] if columns.group else []))
    group = columns.group or next((name for name in GROUPS if name in names), "")
    has_score = columns.score in names
    for row in table.rows():
        yield Item(
            path=row.cells[columns.path],
            label=row.cells[columns.label],
            generator=row.cells.get(columns.generator, ""),
            group=row.cells[group] if group else "",
            score=number(table, row, columns.score, "as score") if has_score else None,
        )
