# SPDX-License-Identifier: MIT
"""A table of descriptors and embeddings of many files, as CSV or Parquet, and a detector from it.

Header: ``file, label, centroid, entropy, mfcc_0 ... mfcc_12, emb_0 ... emb_N``; units as in
`unsung.frontends.descriptors`. One row a file, of its middle. Runs on the CPU alone. Not for
detectors that learn their own features: those read sound (`unsung train`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from unsung.data._atomic import replacing
from unsung.data._workers import each
from unsung.detectors._grid import GridSearch
from unsung.detectors.descriptors_linear import DescriptorsLinear
from unsung.detectors.descriptors_linear import Kind as Classifier
from unsung.errors import ManifestError, MissingExtra, UsageError
from unsung.outputs import Kind, csv_with, parquet_with
from unsung.tables import Table, csv_line, number
from unsung.training.store import decoded
from unsung.types import Failure, FloatArray, Record, Track

__all__ = [
    "TABLE",
    "Described",
    "DescriptorTable",
    "describe",
    "fit_descriptors",
    "read_descriptors",
    "write_descriptors",
]

FILE, LABEL = "file", "label"
_PARQUET = ".parquet"
_FIRST = (FILE, LABEL, "centroid", "entropy")
_IN_CSV, _IN_PARQUET = csv_with(*_FIRST), parquet_with(*_FIRST)
TABLE = Kind(
    "a table of descriptors", (".csv", _PARQUET), lambda path: _IN_CSV(path) or _IN_PARQUET(path)
)
"""What `write_descriptors` writes."""


@dataclass(frozen=True)
class DescriptorTable(Record):
    """One row a file. Shape of values: ``[file, column]``."""

    files: tuple[str, ...]
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    values: FloatArray


@dataclass(frozen=True)
class Described(Record):
    """A table, the files left out with the reason, and what it cost.

    ``cpu_s`` counts this process; with several jobs it holds the parent alone and is None.
    """

    table: DescriptorTable
    problems: dict[str, str]
    audio_s: float
    wall_s: float
    cpu_s: float | None


def describe(
    tracks: Sequence[Track],
    *,
    checkpoint: str | None = None,
    layer: int = -1,
    longest_s: float = 30.0,
    jobs: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> Described:
    """Measure every track that can be read; the others are named with their reason.

    Args:
        tracks: with paths that can be opened.
        checkpoint: of the embedding, see `Embedding`; None leaves it out.
        layer: of the embedding.
        longest_s: of a longer file the middle is heard.
        jobs: processes; an embedding runs threads of its own, so one is enough for it.
        on_progress: called with the number of tracks done and of all.

    Raises:
        UsageError: no track at all could be read.
    """
    columns = DescriptorsLinear(checkpoint, layer=layer).columns
    work = partial(_row, checkpoint=checkpoint, layer=layer, longest_s=longest_s)
    begun = time.perf_counter(), time.process_time()
    rows: list[FloatArray] = []
    kept: list[Track] = []
    problems: dict[str, str] = {}
    audio_s = 0.0
    for done, (track, found) in enumerate(each(work, tracks, jobs, chunk=4), start=1):
        if isinstance(found, Failure):
            problems[track.path] = f"{found.type}: {found.message}"
        else:
            seconds, row = found
            audio_s += seconds
            rows.append(row)
            kept.append(track)
        if on_progress is not None:
            on_progress(done, len(tracks))
    if not rows:
        first = next(iter(problems.values()), "the list is empty")
        raise UsageError(f"expected sound to describe, no file could be used; first: {first}")
    table = DescriptorTable(
        tuple(t.path for t in kept), tuple(t.label for t in kept), columns, np.stack(rows)
    )
    cpu_s = time.process_time() - begun[1] if jobs == 1 else None
    return Described(table, problems, audio_s, time.perf_counter() - begun[0], cpu_s)


_DETECTORS: dict[tuple[str | None, int], DescriptorsLinear] = {}
"""One loaded network in each process, whatever the number of files."""


def _row(
    track: Track, *, checkpoint: str | None, layer: int, longest_s: float
) -> tuple[float, FloatArray]:
    """Return the seconds heard and the values of one file."""
    key = (checkpoint, layer)
    if key not in _DETECTORS:
        _DETECTORS[key] = DescriptorsLinear(checkpoint, layer=layer)
    detector = _DETECTORS[key]
    rate_hz = detector.front_ends[0].sample_rate_hz
    sound = decoded(track.path, rate_hz, longest_s)
    return len(sound) / rate_hz, detector.features(sound[None])[0]


def write_descriptors(table: DescriptorTable, path: Path) -> None:
    """Write the table whole or not at all; ``.parquet`` or anything else as CSV.

    Raises:
        ManifestError: the file cannot be written.
        MissingExtra: Parquet, and pyarrow is absent.
    """
    with replacing(path) as part:
        if path.suffix.lower() == _PARQUET:
            arrow, parquet = _pyarrow("writing Parquet")
            columns = {FILE: list(table.files), LABEL: list(table.labels)}
            columns |= {
                name: arrow.array(np.ascontiguousarray(table.values[:, index]))
                for index, name in enumerate(table.columns)
            }
            parquet.write_table(arrow.table(columns), part)
            return
        with part.open("w", newline="", encoding="utf-8") as stream:
            stream.write(csv_line([FILE, LABEL, *table.columns]))
            for file, label, row in zip(table.files, table.labels, table.values, strict=True):
                # Nine digits bring a float32 back exactly.
                stream.write(csv_line([file, label, *(f"{value:.9g}" for value in row)]))


def read_descriptors(path: Path) -> DescriptorTable:
    """Read what `write_descriptors` wrote, or any table with its header.

    Raises:
        ManifestError: not readable, without ``file`` and ``label``, or a value is no number.
        MissingExtra: Parquet, and pyarrow is absent.
    """
    if path.suffix.lower() == _PARQUET:
        return _read_parquet(path)
    table = Table(path)
    table.need(FILE, LABEL)
    columns = tuple(name for name in table.columns if name not in (FILE, LABEL))
    files, labels, values = [], [], []
    for row in table.rows():
        files.append(row.cells[FILE])
        labels.append(row.cells[LABEL])
        cells = [number(table, row, name) for name in columns]
        if None in cells:
            raise ManifestError(
                f"{path}, line {row.line}: expected a number in '{columns[cells.index(None)]}', "
                "found nothing; make the table again"
            )
        values.append(cells)
    return _table(path, files, labels, columns, np.array(values, np.float32))


def _read_parquet(path: Path) -> DescriptorTable:
    arrow, parquet = _pyarrow("reading Parquet")
    try:
        found = parquet.read_table(path)
    except (arrow.ArrowException, OSError) as error:
        raise ManifestError(f"{path}: expected a Parquet table ({error}); make it again") from error
    for name in (FILE, LABEL):
        if name not in found.column_names:
            raise ManifestError(f"{path}: expected a column '{name}', got {found.column_names[:5]}")
    columns = tuple(name for name in found.column_names if name not in (FILE, LABEL))
    values = [found[name].to_numpy().astype(np.float32) for name in columns]
    files, labels = found[FILE].to_pylist(), found[LABEL].to_pylist()
    return _table(path, files, labels, columns, np.array(values, np.float32).T)


def _table(
    path: Path,
    files: Sequence[str],
    labels: Sequence[str],
    columns: tuple[str, ...],
    values: FloatArray,
) -> DescriptorTable:
    if not files or not columns:
        raise ManifestError(f"{path}: expected rows of descriptors, the table is empty")
    return DescriptorTable(tuple(files), tuple(labels), columns, values)


def fit_descriptors(
    table: DescriptorTable,
    groups: Mapping[str, str],
    *,
    kind: Classifier = "logistic",
    checkpoint: str | None = None,
    layer: int = -1,
    strengths: Sequence[float] = (0.01, 0.1, 1.0),
    folds: int = 5,
    seed: int = 0,
) -> tuple[DescriptorsLinear, GridSearch]:
    """Fit the linear detector on the rows labelled human or ai.

    Args:
        table: made with the same checkpoint and layer.
        groups: file → what must not be split; a file that is absent is a group of its own.
        kind: "logistic" or "svm".
        checkpoint: as for `describe`.
        layer: as for `describe`.
        strengths: values of C tried.
        folds: of the search.
        seed: of the folds.

    Raises:
        UsageError: other columns than the detector's, one class, or too few groups.
    """
    detector = DescriptorsLinear(checkpoint, layer=layer, kind=kind)
    if table.columns != detector.columns:
        raise UsageError(
            f"expected the columns {detector.columns[0]} ... {detector.columns[-1]} "
            f"({len(detector.columns)}), the table has {table.columns[0]} ... "
            f"{table.columns[-1]} ({len(table.columns)}); name the checkpoint it was made with"
        )
    chosen = [i for i, label in enumerate(table.labels) if label in ("human", "ai")]
    found = detector.fit(
        table.values[chosen],
        [table.labels[i] == "ai" for i in chosen],
        [groups.get(table.files[i], table.files[i]) for i in chosen],
        strengths=strengths,
        folds=folds,
        seed=seed,
    )
    return detector.eval(), found


def _pyarrow(need: str) -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise MissingExtra("pyarrow", "tables", need) from error
    return pyarrow, parquet
