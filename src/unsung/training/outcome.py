# SPDX-License-Identifier: MIT
"""Out-of-fold scores of one build, and the calibration that they give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unsung.evaluation import Affine, conformal_threshold
from unsung.evaluation.conformal import one_per_group
from unsung.types import FloatArray, Track

__all__ = [
    "MISS_RATE",
    "Outcome",
    "calibration_of",
    "family_unseen",
    "nested_ratios",
    "nested_verdicts",
]

MISS_RATE = 0.1
"""Share of AI tracks like the calibration ones that may be called human."""


def family_unseen(name: str) -> str:
    """Return the name of a detector's scores by fits that saw neither page nor family."""
    return f"{name}, family unseen"


@dataclass(frozen=True)
class Outcome:
    """Scores that no fit gave to a page it had learned from. Shape: arrays ``[row]``.

    ``scores`` may hold those of other detectors too; ``name`` says which are the detector's own.
    """

    tracks: tuple[Track, ...]
    kind: NDArray[np.str_]
    folds: NDArray[np.int_]
    scores: dict[str, NDArray[np.float64]]
    shortcuts: FloatArray
    sha256: str
    name: str = "default"

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
        """Return ``(human, ai)`` rows: the table's excerpts and whole further tracks.

        Resynthesised human music is no AI track and stays out.
        """
        labels = self.labels()
        human = (labels == "human") & np.isin(self.kind, ("table", "full"))
        ai = (labels == "ai") & (self.kind == "table")
        return np.flatnonzero(human), np.flatnonzero(ai)


def calibration_of(outcome: Outcome) -> dict[str, Any]:
    """Return the calibration record of a bundle from out-of-fold logits.

    One logit a recording: the highest of a human one, the lowest of an AI one (the cautious side
    of each threshold). The likelihood ratio is the prior-weighted affine fit on all rows.
    """
    human, ai = outcome.calibration_rows()
    scores, recordings = outcome.own, outcome.recordings()
    highest = one_per_group(scores[human], recordings[human])
    lowest = -one_per_group(-scores[ai], recordings[ai])
    rows = np.concatenate([human, ai])
    line = Affine.fit(np.isin(rows, ai).astype(int), scores[rows])
    excerpts = int((outcome.kind[human] == "table").sum())
    return {
        "name": f"unseen pages: {excerpts} human excerpts, {len(human) - excerpts} whole human "
        f"tracks, {len(ai)} AI excerpts",
        "kind": "affine",
        "scale": line.slope,
        "shift": line.offset_nats,
        "prior": 0.5,
        "miss_rate": MISS_RATE,
        "n_human": len(highest),
        "n_ai": len(lowest),
        "n_groups": len(set(outcome.groups()[rows])),
        "human_logits": [round(float(v), 4) for v in np.sort(highest)],
        "ai_logits": [round(float(v), 4) for v in np.sort(lowest)],
    }


def nested_verdicts(outcome: Outcome, false_alarm_rate: float) -> NDArray[np.str_]:
    """Return the verdict of every row, with thresholds from the other folds alone.

    Shape: ``[row]`` of "human", "ai", "undecided".
    """
    scores, recordings = outcome.own, outcome.recordings()
    verdicts = np.full(len(scores), "undecided", dtype="<U9")
    human, ai = outcome.calibration_rows()
    for fold in np.unique(outcome.folds):
        rest_human = human[outcome.folds[human] != fold]
        rest_ai = ai[outcome.folds[ai] != fold]
        here = outcome.folds == fold
        above = conformal_threshold(scores[rest_human], false_alarm_rate, recordings[rest_human])
        below = conformal_threshold(-scores[rest_ai], MISS_RATE, recordings[rest_ai])
        if below is not None:
            verdicts[here & (scores <= -below)] = "human"
        if above is not None:
            verdicts[here & (scores >= above)] = "ai"
    return verdicts


def nested_ratios(outcome: Outcome) -> NDArray[np.float64]:
    """Return the log-likelihood ratio of every row, calibrated on the other folds alone.

    Units: nats. Shape: ``[row]``.
    """
    scores = outcome.own
    human, ai = outcome.calibration_rows()
    rows = np.concatenate([human, ai])
    ratios = np.zeros(len(scores))
    for fold in np.unique(outcome.folds):
        rest = rows[outcome.folds[rows] != fold]
        line = Affine.fit(np.isin(rest, ai).astype(int), scores[rest])
        here = outcome.folds == fold
        ratios[here] = line.apply(scores[here])
    return ratios
