# SPDX-License-Identifier: MIT
"""What each clip holds: instruments with their share of the mix, and every note. JSON Lines.

One row a clip, in the order of the manifest. A manifest row cannot say that a clip holds a
violin and a trumpet; this table, joined by ``id``, does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unsung.core.records import read_records
from unsung.errors import ManifestError, UnknownName
from unsung.types import FloatArray, Record

__all__ = ["ClipLabel", "InstrumentLabel", "NoteLabel", "label_matrix", "read_labels"]


@dataclass(frozen=True)
class InstrumentLabel(Record):
    """One instrument of a clip. ``share_db``: its energy alone over the mix's, in dB."""

    name: str
    program: int
    family: str
    channel: int
    share_db: float


@dataclass(frozen=True)
class NoteLabel(Record):
    """One note: pressed and released in seconds, MIDI pitch and velocity, who plays it."""

    start_s: float
    end_s: float
    pitch: int
    velocity: int
    instrument: str


@dataclass(frozen=True)
class ClipLabel(Record):
    """The row of one clip; tempo and key are None and empty where a MIDI file was the source."""

    id: str
    path: str
    midi: str
    split: str
    group: str
    duration_s: float
    sha256: str
    tempo_bpm: float | None
    key: str
    instruments: tuple[InstrumentLabel, ...]
    notes: tuple[NoteLabel, ...]


def read_labels(path: Path) -> list[ClipLabel]:
    """Read a table of labels.

    Raises:
        ManifestError: no such file, or a row that does not fit; its line is named.
    """
    rows: list[ClipLabel] = []
    try:
        for _, _, row in read_records(path, error=ManifestError):
            rows.append(ClipLabel.from_dict(row))
    except OSError as error:
        raise ManifestError(
            f"{path}: cannot be read ({error.strerror}); expected labels.jsonl of a corpus that "
            "`unsung synth instruments` made"
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError, UnknownName) as error:
        raise ManifestError(f"{path}, line {len(rows) + 1}: {error}") from error
    return rows


def label_matrix(rows: Iterable[ClipLabel], names: Sequence[str]) -> FloatArray:
    """Return 1 where a clip holds an instrument, else 0. Shape: ``[clip, instrument]``.

    Instruments that are not in ``names`` are left out, so a model of 12 can be tested on more.
    """
    column = {name: number for number, name in enumerate(names)}
    rows = list(rows)
    matrix = np.zeros((len(rows), len(column)), np.float32)
    for number, row in enumerate(rows):
        for instrument in row.instruments:
            if instrument.name in column:
                matrix[number, column[instrument.name]] = 1
    return matrix
