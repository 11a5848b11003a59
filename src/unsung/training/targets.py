# SPDX-License-Identifier: MIT
"""What each output of a detector should say about each track, and how its logits are read.

An output called ``ai`` is 1 for the recipe's positive labels, ``human`` the opposite; any other
name is 1 where the track's generator, family, group or label has that name, or where a table says
so. The table (``data.targets``) is a CSV with a path and one 0/1 column an output, or the
``labels.jsonl`` of a corpus of instruments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unsung.errors import ManifestError
from unsung.synthesis.instruments.labels import read_labels
from unsung.tables import Table
from unsung.training.faults import EmptyClass
from unsung.training.recipe import Recipe
from unsung.types import FloatArray, Track

__all__ = ["Targets", "ai_logits", "check_classes"]


@dataclass(frozen=True)
class Targets:
    """Makes target rows for tracks.

    Attributes:
        outputs: names of the detector's outputs.
        positive: labels that count as AI.
        table: path → target row, where a table gives them.
    """

    outputs: tuple[str, ...]
    positive: tuple[str, ...]
    table: dict[str, tuple[float, ...]] | None = None

    @classmethod
    def of(cls, outputs: Sequence[str], recipe: Recipe) -> Targets:
        """Return the targets of a recipe for a detector with these outputs."""
        path = recipe.data.targets
        table = _read(Path(path), outputs) if path else None
        return cls(tuple(outputs), recipe.data.positive, table)

    @property
    def tells_ai(self) -> bool:
        """Whether the outputs say AI or human at all."""
        return "ai" in self.outputs or "human" in self.outputs

    def matrix(self, tracks: Sequence[Track]) -> FloatArray:
        """Return the targets. Shape: ``[track, output]``, 0 or 1."""
        return np.array([self._row(track) for track in tracks], np.float32).reshape(
            len(tracks), len(self.outputs)
        )

    def labels(self, tracks: Sequence[Track]) -> NDArray[np.int64]:
        """Return 1 for AI. Shape: ``[track]``."""
        return np.array([int(t.label in self.positive) for t in tracks], np.int64)

    def _row(self, track: Track) -> tuple[float, ...]:
        if self.table is not None:
            found = self.table.get(str(Path(track.path).resolve()))
            if found is None:
                raise ManifestError(
                    f"{track.path}: expected its row in data.targets, there is none; "
                    "add it or take the track out of the manifest"
                )
            return found
        return tuple(float(self._is(track, name)) for name in self.outputs)

    def _is(self, track: Track, name: str) -> bool:
        if name == "ai":
            return track.label in self.positive
        if name == "human":
            return track.label not in self.positive
        return name in (track.generator, track.family, track.group, track.label)


def ai_logits(logits: FloatArray, outputs: Sequence[str]) -> NDArray[np.float64]:
    """Return one logit a row, positive = AI. Shape: ``[row, output]`` → ``[row]``.

    The output ``ai`` if there is one, else the log-odds of all other outputs against ``human``
    (softmax).
    """
    values = np.asarray(logits, np.float64)
    if "ai" not in outputs:
        human = list(outputs).index("human")
        rest = np.delete(values, human, axis=1)
        return np.asarray(np.logaddexp.reduce(rest, axis=1) - values[:, human])
    column: NDArray[np.float64] = values[:, list(outputs).index("ai")]
    return column


def check_classes(part: str, targets: Targets, tracks: Sequence[Track]) -> None:
    """Refuse a part of the data that lacks positives or negatives of an output.

    Raises:
        EmptyClass: names the part, the output, and what was found there.
    """
    if not tracks:
        raise EmptyClass(
            f"{part}: expected tracks, got none; look at data.fold, data.positive, data.negative, "
            "data.uses and at what left-out.csv says of unreadable files"
        )
    matrix = targets.matrix(tracks)
    for name, column in zip(targets.outputs, matrix.T, strict=True):
        if targets.tells_ai and name not in ("ai", "human"):
            continue  # a generator that is absent costs its own class only
        missing = "positive" if not column.any() else "negative" if column.all() else ""
        if missing:
            found = sorted({track.label for track in tracks})
            raise EmptyClass(
                f"{part}: expected positive and negative tracks for the output '{name}', got no "
                f"{missing} one among {len(tracks)} (labels: {', '.join(found)}); choose another "
                "data.fold or data.valid_share, or add tracks"
            )


def _read(path: Path, outputs: Sequence[str]) -> dict[str, tuple[float, ...]]:
    if path.suffix == ".jsonl":
        rows = read_labels(path)
        known = [{item.name.lower() for item in row.instruments} for row in rows]
        return {
            str((path.parent / row.path).resolve()): tuple(
                float(name.lower() in here) for name in outputs
            )
            for row, here in zip(rows, known, strict=True)
        }
    table = Table(path)
    key = "path" if "path" in table.columns else "file"
    table.need(key, *outputs)
    return {
        str((path.parent / row.cells[key]).resolve()): tuple(
            float(row.cells[name] or 0) for name in outputs
        )
        for row in table.rows()
    }
