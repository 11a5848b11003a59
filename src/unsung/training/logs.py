# SPDX-License-Identifier: MIT
"""What a run says of itself: a line of progress, CSV files, TensorBoard.

``steps.csv`` holds what is the same in every repetition (step, epoch, loss, rate, gradient), digit
by digit; times stand in ``epochs.csv``. A resumed run first drops the rows after its checkpoint.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from unsung.data._atomic import full_disk
from unsung.errors import MissingExtra
from unsung.tables import csv_line

__all__ = ["CsvLog", "OnProgress", "Progress", "TensorBoard"]


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        stage: "decoding", "training" or "measuring".
        done: units done: files when decoding, steps when training, tracks when measuring.
        total: units in all.
        epoch: epochs done.
        epochs: epochs planned.
        loss: mean training loss of the epoch so far.
        audio_s_per_s: seconds of sound learned from in a second, over the last steps.
        left_s: seconds until all epochs are done, at that speed; None at the start.
        note: the last validation in words.
    """

    stage: str
    done: int
    total: int
    epoch: int = 0
    epochs: int = 0
    loss: float | None = None
    audio_s_per_s: float | None = None
    left_s: float | None = None
    note: str = ""


OnProgress = Callable[[Progress], None]


class CsvLog:
    """A CSV file that grows by rows; columns are those of the first row.

    Args:
        path: the file.
        column: number that rows are ordered by.
        below: rows whose number is not below this are dropped first (a resumed run); 0 empties it.
    """

    def __init__(self, path: Path, column: str, below: float) -> None:
        self._path = path
        rows: list[dict[str, str]] = []
        if path.exists() and below:
            with path.open(encoding="utf-8", newline="") as file:
                rows = [
                    row
                    for row in csv.DictReader(file)
                    if None not in row.values() and float(row[column]) < below
                ]
        self._columns = list(rows[0]) if rows else []
        self._write("w", rows)

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a row at once; numbers keep all their digits."""
        first = not self._columns
        self._columns = self._columns or list(row)
        self._write("a", [{k: _cell(v) for k, v in row.items()}], head=first)

    def _write(self, mode: str, rows: list[dict[str, str]], head: bool = False) -> None:
        lines = [csv_line(row.get(name, "") for name in self._columns) for row in rows]
        if head or (mode == "w" and self._columns):
            lines.insert(0, csv_line(self._columns))
        try:
            with self._path.open(mode, encoding="utf-8", newline="") as file:
                file.write("".join(lines))
        except OSError as error:
            raise full_disk(error, self._path) from error


class TensorBoard:
    """Scalars for TensorBoard in a folder, or nothing when not wanted.

    Raises:
        MissingExtra: wanted, but the package is absent.
    """

    def __init__(self, folder: Path, wanted: bool, purge_step: int) -> None:
        self._writer: Any = None
        if wanted:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ModuleNotFoundError as error:
                raise MissingExtra("tensorboard", "tensorboard", "run.tensorboard") from error
            make: Any = SummaryWriter
            self._writer = make(str(folder), purge_step=purge_step or None)

    def add(self, prefix: str, values: Mapping[str, Any], step: int) -> None:
        """Write all finite numbers of a row."""
        if self._writer is not None:
            for name, value in values.items():
                if isinstance(value, int | float) and math.isfinite(value):
                    self._writer.add_scalar(f"{prefix}/{name}", value, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.close()


def _cell(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)
