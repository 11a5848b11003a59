# SPDX-License-Identifier: MIT
"""Out-of-fold scores of one build, and the calibration that they give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unsung.evaluation import Affine, conformal_threshold
from unsung.evaluation.conformal import one_per_group
from unsung.types import FloatArray, Track

__all__ = [
    "MISS_RATE",
    "STRATA_S",
    "Outcome",
    "calibration_of",
    "family_unseen",
    "nested_ratios",
    "nested_verdicts",
]

STRATA_S = (0.0, 15.0, 60.0)
"""Seconds heard from which on a calibration of its own holds: excerpts, parts and songs."""

PLAIN = ("table", "song", "full", "cut")
"""Kinds of rows that calibrate: sound as it is, whole songs and the middles of long ones."""

LEAST_IN_STRATUM = 20
"""Recordings of each class without which a stratum is not told apart."""

MISS_RATE = 0.1
"""Share of AI tracks like the calibration ones that may be called human."""


def family_unseen(name: str) -> str:
    """Return the name of a detector's scores by fits that saw neither page nor family."""
    return f"{name}, family unseen"


@dataclass(frozen=True)
class Outcome:
    """Scores that no fit gave to a page it had learned from. Shape: arrays ``[row]``.

    ``scores`` may hold those of other detectors too; ``name`` says which are the detector's own.
    ``covered_s`` is how much was heard, where it was measured: it makes the strata.
    """

    tracks: tuple[Track, ...]
    kind: NDArray[np.str_]
    folds: NDArray[np.int_]
    scores: dict[str, NDArray[np.float64]]
    shortcuts: FloatArray
    sha256: str
    name: str = "default"
    covered_s: NDArray[np.float64] | None = None

    @property
    def own(self) -> NDArray[np.float64]:
        """The scores of the detector itself."""
        return self.scores[self.name]

    def labels(self) -> NDArray[np.str_]:
        """Return the label of every row."""
        return np.array([track.label for track in self.tracks])

    def groups(self) -> NDArray[np.str_]:
        """Return the source page of every row: intervals resample these."""
        return np.array([track.group for track in self.tracks])

    def recordings(self) -> NDArray[np.str_]:
        """Return what counts as one recording: several excerpts of it are one."""
        return np.array([f"{t.group}/{t.recording or t.id}" for t in self.tracks])

    def calibration_rows(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return ``(human, ai)`` rows: excerpts, songs and the middles of songs as they are.

        Resynthesised human music is no AI track and stays out; so do altered copies.
        """
        labels = self.labels()
        plain = np.isin(self.kind, PLAIN)
        return np.flatnonzero((labels == "human") & plain), np.flatnonzero((labels == "ai") & plain)

    def strata(self) -> NDArray[np.intp]:
        """Return which of `STRATA_S` each row falls in by how much was heard. Shape: ``[row]``."""
        if self.covered_s is None:
            return np.zeros(len(self.folds), np.intp)
        return np.searchsorted(STRATA_S, self.covered_s, side="right") - 1


def calibration_of(outcome: Outcome) -> dict[str, Any]:
    """Return the calibration record of a bundle from out-of-fold logits, one for each stratum.

    One logit a recording: the highest of a human one, the lowest of an AI one (the cautious side
    of each threshold). The likelihood ratio is the prior-weighted affine fit on all rows. Each
    stratum of `STRATA_S` with both classes has a record of its own.
    """
    human, ai = outcome.calibration_rows()
    songs = np.isin(outcome.kind, ("song", "full"))
    whole = _record(outcome, human, ai)
    strata = outcome.strata()
    parts = []
    for number, from_s in enumerate(STRATA_S):
        own = [rows[strata[rows] == number] for rows in (human, ai)]
        if min(len(rows) for rows in own) >= LEAST_IN_STRATUM:
            to_s = STRATA_S[number + 1] if number + 1 < len(STRATA_S) else None
            parts.append({"from_s": from_s, "to_s": to_s, **_record(outcome, *own)})
    return {
        "name": f"unseen sources: {int((~songs)[human].sum())} human excerpts and "
        f"{int(songs[human].sum())} human songs, {int((~songs)[ai].sum())} AI excerpts and "
        f"{int(songs[ai].sum())} AI songs",
        "kind": "affine",
        "prior": 0.5,
        "miss_rate": MISS_RATE,
        **whole,
        **({"strata": parts} if len(parts) > 1 else {}),
    }


def _record(outcome: Outcome, human: NDArray[np.intp], ai: NDArray[np.intp]) -> dict[str, Any]:
    scores, recordings = outcome.own, outcome.recordings()
    highest = one_per_group(scores[human], recordings[human])
    lowest = -one_per_group(-scores[ai], recordings[ai])
    rows = np.concatenate([human, ai])
    line = Affine.fit(np.isin(rows, ai).astype(int), scores[rows])
    return {
        "scale": line.slope,
        "shift": line.offset_nats,
        "n_human": len(highest),
        "n_ai": len(lowest),
        "n_groups": len(set(outcome.groups()[rows])),
        "human_logits": [round(float(v), 4) for v in np.sort(highest)],
        "ai_logits": [round(float(v), 4) for v in np.sort(lowest)],
    }


def nested_verdicts(outcome: Outcome, false_alarm_rate: float) -> NDArray[np.str_]:
    """Return the verdict of every row, with thresholds of its stratum from the other folds alone.

    Shape: ``[row]`` of "human", "ai", "undecided".
    """
    scores, recordings, strata = outcome.own, outcome.recordings(), outcome.strata()
    verdicts = np.full(len(scores), "undecided", dtype="<U9")
    human, ai = outcome.calibration_rows()
    for fold, stratum in _cells(outcome):
        rest_human, rest_ai = (
            rows[(outcome.folds[rows] != fold) & (strata[rows] == stratum)] for rows in (human, ai)
        )
        here = (outcome.folds == fold) & (strata == stratum)
        above = below = None
        if len(rest_human):
            above = conformal_threshold(
                scores[rest_human], false_alarm_rate, recordings[rest_human]
            )
        if len(rest_ai):
            below = conformal_threshold(-scores[rest_ai], MISS_RATE, recordings[rest_ai])
        if below is not None:
            verdicts[here & (scores <= -below)] = "human"
        if above is not None:
            verdicts[here & (scores >= above)] = "ai"
    return verdicts


def nested_ratios(outcome: Outcome) -> NDArray[np.float64]:
    """Return the log-likelihood ratio of every row, calibrated on its stratum of the other folds.

    Units: nats. Shape: ``[row]``.
    """
    scores, strata = outcome.own, outcome.strata()
    human, ai = outcome.calibration_rows()
    rows = np.concatenate([human, ai])
    ratios = np.zeros(len(scores))
    for fold, stratum in _cells(outcome):
        rest = rows[(outcome.folds[rows] != fold) & (strata[rows] == stratum)]
        labels = np.isin(rest, ai)
        if labels.all() or not labels.any():
            continue
        line = Affine.fit(labels.astype(int), scores[rest])
        here = (outcome.folds == fold) & (strata == stratum)
        ratios[here] = line.apply(scores[here])
    return ratios


def _cells(outcome: Outcome) -> Iterator[tuple[int, int]]:
    for fold in np.unique(outcome.folds):
        for stratum in np.unique(outcome.strata()):
            yield int(fold), int(stratum)
