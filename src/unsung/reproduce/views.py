# SPDX-License-Identifier: MIT
"""Scores as arrays: one view for each detector, condition and seed, beside the clean scores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unsung.types import Track

__all__ = ["View", "views"]

_NAN = float("nan")


@dataclass(frozen=True)
class View:
    """What one detector said under one condition. Shape: each array ``[track]``.

    ``margin`` is the logit above the detector's own AI threshold; ``clean`` and ``clean_llr`` are
    of the same tracks without attack. NaN stands where there is no number.
    """

    detector: str
    condition: str
    seed: int
    ids: tuple[str, ...]
    y: NDArray[np.int64]
    logit: NDArray[np.float64]
    llr: NDArray[np.float64]
    margin: NDArray[np.float64]
    clean: NDArray[np.float64]
    clean_llr: NDArray[np.float64]
    called_ai: NDArray[np.float64]
    undecided: NDArray[np.float64]
    groups: NDArray[np.str_]
    families: NDArray[np.str_]
    generators: NDArray[np.str_]

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Tracks that have a logit, here and clean."""
        return np.isfinite(self.logit) & np.isfinite(self.clean)

    @property
    def calibrated(self) -> bool:
        """Whether the detector states likelihood ratios at all; released weights do not."""
        return bool(np.isfinite(self.llr).any())


def views(rows: Iterable[Mapping[str, Any]], tracks: Sequence[Track], clean: str) -> list[View]:
    """Sort the rows of a file of scores; rows with an error are left out.

    The order is that of the rows' first appearance, clean first.
    """
    by_id = {track.id: track for track in tracks}
    parts: dict[tuple[str, str, int], dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for row in rows:
        if row["error"] is None and row["track"] in by_id:
            parts[row["detector"], row["condition"], row["seed"]][row["track"]] = row
    plain = {key[0]: found for key, found in parts.items() if key[1] == clean}
    ordered = sorted(parts, key=lambda key: key[1] != clean)
    return [_view(key, parts[key], plain.get(key[0], {}), by_id) for key in ordered]


def _view(
    key: tuple[str, str, int],
    found: Mapping[str, Mapping[str, Any]],
    clean: Mapping[str, Mapping[str, Any]],
    tracks: Mapping[str, Track],
) -> View:
    ids = tuple(sorted(found))
    rows = [found[i] for i in ids]
    plain = [clean.get(i, {}) for i in ids]
    logit, threshold = _numbers(rows, "logit"), _numbers(rows, "threshold")
    chosen = [tracks[i] for i in ids]
    return View(
        *key,
        ids=ids,
        y=np.array([int(track.label != "human") for track in chosen], dtype=np.int64),
        logit=logit,
        llr=_numbers(rows, "llr_nats"),
        margin=logit - threshold,
        clean=_numbers(plain, "logit"),
        clean_llr=_numbers(plain, "llr_nats"),
        called_ai=np.array([float(row["verdict"] == "ai") for row in rows]),
        undecided=np.array([float(row["verdict"] == "undecided") for row in rows]),
        groups=np.array([track.group or track.id for track in chosen]),
        families=_of_ai(chosen, lambda track: track.family or track.generator),
        generators=_of_ai(chosen, lambda track: track.generator or track.family),
    )


def _of_ai(tracks: Sequence[Track], name: Callable[[Track], str]) -> NDArray[np.str_]:
    return np.array(["" if t.label == "human" else name(t) for t in tracks], dtype=str)


def _numbers(rows: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.float64]:
    values = [row.get(name) for row in rows]
    return np.array([_NAN if value is None else float(value) for value in values])
