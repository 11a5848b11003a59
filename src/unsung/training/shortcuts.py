# SPDX-License-Identifier: MIT
"""What a lazy model reaches: the classes must not be told apart by codec, level or bandwidth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unsung.training.outcome import Outcome

__all__ = ["facts_scores", "metadata_scores", "sound_scores"]

_SOUND_COLUMNS = (1, 2, 3, 4, 5, 6)
"""Of `shortcuts_of`, all but the duration, which belongs to the metadata."""


def metadata_scores(outcome: Outcome) -> NDArray[np.float64]:
    """Score rows by duration, sample rate, channels and codec alone, out of fold.

    Equalised copies have all of these in common: there the model has nothing to see.

    Shape: ``[row]``.
    """
    columns = _facts(outcome, outcome.shortcuts[:, 0].astype(np.float64))
    equal = outcome.kind == "equal"
    columns[equal, 1:] = columns[equal, 1:][:1]
    return _cross_fit(outcome, columns)


def facts_scores(outcome: Outcome, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Score some rows by what their table says of the file alone, out of fold; NaN elsewhere.

    Shape: ``[row]`` both ways.
    """
    durations = np.array([track.duration_s or 0.0 for track in outcome.tracks])
    return _cross_fit(outcome, _facts(outcome, durations), (chosen,))


def _facts(outcome: Outcome, durations_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return duration, rate, channels, bit rate and codec as columns."""
    codecs = [track.codec.split("@")[0].split("/")[0].lower() for track in outcome.tracks]
    known = {name: number for number, name in enumerate(sorted(set(codecs)))}
    return np.array(
        [
            [
                float(duration),
                float(track.sample_rate_hz or 0),
                float(track.channels or 0),
                float(track.bitrate_kbps or 0),
                *(float(known[codec] == number) for number in range(len(known))),
            ]
            for track, codec, duration in zip(outcome.tracks, codecs, durations_s, strict=True)
        ]
    )


def sound_scores(outcome: Outcome) -> NDArray[np.float64]:
    """Score rows by level, crest, bandwidth, silence, DC and floor alone, out of fold.

    Shape: ``[row]``.
    """
    return _cross_fit(outcome, outcome.shortcuts[:, _SOUND_COLUMNS].astype(np.float64))


def _cross_fit(
    outcome: Outcome,
    columns: NDArray[np.float64],
    parts: Sequence[NDArray[np.bool_]] | None = None,
) -> NDArray[np.float64]:
    """Fit gradient boosting on each condition's rows, a fold left out in turn."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    positive = outcome.labels() == "ai"
    learned = np.isin(outcome.labels(), ("human", "ai"))
    scores = np.full(len(positive), np.nan)
    for here in parts or [outcome.kind == kind for kind in ("table", "equal")]:
        for fold in np.unique(outcome.folds[here]):
            train = here & learned & (outcome.folds != fold)
            test = here & (outcome.folds == fold)
            model = HistGradientBoostingClassifier(max_iter=100, random_state=0)
            model.fit(columns[train], positive[train])
            scores[test] = model.decision_function(columns[test])
    return scores
