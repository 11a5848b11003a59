# SPDX-License-Identifier: MIT
"""How many tracks of a catalogue are AI: the counted share, corrected for the detector's errors.

Counting what a detector flags is biased: with 1 % false alarms and 80 % found, a catalogue with no
AI at all shows 1 %. Two corrections, each with an interval that holds the uncertainty of the
catalogue (whole groups drawn: artists, albums) and of the detector's error rates (its calibration
recordings drawn anew):

- Rogan and Gladen 1978 (Am. J. Epidemiol. 107, 71-76): (flagged + specificity − 1) /
  (sensitivity + specificity − 1), with both rates measured at the threshold in use.
- Maximum likelihood over the logits' likelihood ratio, the value that the expectation
  maximisation of Saerens, Latinne and Decaestecker 2002 (Neural Computation 14, 21-41) converges
  to: uses how sure each score is, so its interval is shorter; the ratio is a logistic fit to the
  calibration logits, made anew in each draw.

Both assume that AI tracks of the catalogue look to the detector like those of the calibration set,
and human ones like its human ones. A generator that the detector misses stays missed. When not to
use: below about 20 groups, or with a detector that hardly tells the classes apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from unsung.errors import UsageError
from unsung.evaluation.intervals import percentile_interval
from unsung.evaluation.proportions import Interval

__all__ = ["Reference", "likelihood_share", "logistic_llr", "rogan_gladen", "rogan_gladen_share"]

Floats = NDArray[np.float64]

REPLICATES = 400
_BINS = 240
_STEPS = 500
_CLOSE = 1e-7


@dataclass(frozen=True)
class Reference:
    """Logits of recordings whose class is known, which the detector did not learn from.

    Shapes: human ``[human recording]``, ai ``[AI recording]``; the groups name what was drawn
    together (pages, artists), empty when unknown: then single recordings are drawn.
    """

    human: Floats
    ai: Floats
    human_groups: tuple[str, ...] = ()
    ai_groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if min(self.human.size, self.ai.size) < 10:
            raise UsageError(
                f"expected at least 10 human and 10 AI calibration logits, got {self.human.size} "
                f"and {self.ai.size}; without them no share can be corrected"
            )

    def drawn(self, rng: np.random.Generator) -> Reference:
        """Return a bootstrap twin: as many groups, drawn with replacement, of each class."""
        return Reference(
            self.human[_draw(rng, self.human.size, self.human_groups)],
            self.ai[_draw(rng, self.ai.size, self.ai_groups)],
        )


def rogan_gladen(flagged: float, sensitivity: float, specificity: float) -> float:
    """Return the true share behind a flagged share, held to 0..1; NaN where nothing is told apart.

    >>> round(rogan_gladen(0.168, 0.8, 0.99), 6)
    0.2
    """
    power = sensitivity + specificity - 1.0
    if power <= 0.0:
        return float("nan")
    return float(np.clip((flagged + specificity - 1.0) / power, 0.0, 1.0))


def rogan_gladen_share(
    logits: ArrayLike,
    groups: ArrayLike,
    reference: Reference,
    threshold: float,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Return the corrected share of tracks with its interval.

    Args:
        logits: of the catalogue's tracks.
        groups: what was drawn together, one a track: artist, album, folder.
        reference: calibration logits.
        threshold: logit at and above which a track is flagged.
        replicates: bootstrap draws.
        seed: of the draws.
        level: of the interval.

    Shape: ``[track]``, ``[track]`` → value, low, high.
    """
    values, members = _checked(logits, groups)
    hits = np.bincount(members, weights=values >= threshold)
    sizes = np.bincount(members).astype(float)
    rng = np.random.default_rng(seed)

    def share(flagged: float, known: Reference) -> float:
        sensitivity = float(np.mean(known.ai >= threshold))
        specificity = float(np.mean(known.human < threshold))
        return rogan_gladen(flagged, sensitivity, specificity)

    draws = []
    for _ in range(replicates):
        rows = rng.integers(0, sizes.size, sizes.size)
        known = _smoothed(reference.drawn(rng), rng, threshold)
        draws.append(share(hits[rows].sum() / sizes[rows].sum(), known))
    return _interval(share(hits.sum() / sizes.sum(), reference), np.array(draws), level)


def likelihood_share(
    logits: ArrayLike,
    groups: ArrayLike,
    reference: Reference,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Return the share of AI tracks of greatest likelihood, with its interval.

    Shape: ``[track]``, ``[track]`` → value, low, high.
    """
    values, members = _checked(logits, groups)
    edges = np.quantile(values, np.linspace(0, 1, _BINS + 1))
    inside = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, _BINS - 1)
    counts = np.zeros((int(members.max()) + 1, _BINS))
    np.add.at(counts, (members, inside), 1.0)
    total = counts.sum(axis=0)
    sums = np.bincount(inside, weights=values, minlength=_BINS)
    centres = np.where(total > 0, sums / np.maximum(total, 1), 0.0)
    rng = np.random.default_rng(seed)

    def share(weights: Floats, known: Reference) -> float:
        scale, shift = logistic_llr(known.human, known.ai)
        return _maximise(scale * centres + shift, weights)

    draws = []
    for _ in range(replicates):
        rows = np.bincount(rng.integers(0, len(counts), len(counts)), minlength=len(counts))
        draws.append(share(rows @ counts, reference.drawn(rng)))
    return _interval(share(total, reference), np.array(draws), level)


def logistic_llr(human: Floats, ai: Floats) -> tuple[float, float]:
    """Return scale and shift of the log-likelihood ratio, in nats, that fits best.

    Logistic regression with both classes weighing the same, so that its log-odds are the ratio;
    by Newton's method, with a prior as weak as one recording against separable classes.
    """
    values = np.concatenate([human, ai])
    mean, spread = float(values.mean()), float(values.std()) or 1.0
    design = np.stack([(values - mean) / spread, np.ones(values.size)], axis=1)
    target = np.concatenate([np.zeros(human.size), np.ones(ai.size)])
    weight = np.where(target > 0, 0.5 / ai.size, 0.5 / human.size) * values.size
    ridge = np.diag([0.25 * 0.1, 0.0])
    theta = np.zeros(2)
    for _ in range(50):
        chance = special.expit(design @ theta)
        slope = design.T @ (weight * (target - chance)) - ridge @ theta
        # hessian: [2, item] @ [item, 2] → [2, 2]
        hessian = (design.T * (weight * chance * (1 - chance))) @ design + ridge
        step = np.linalg.solve(hessian + 1e-9 * np.eye(2), slope)
        theta = theta + np.clip(step, -4, 4)
        if np.abs(step).max() < 1e-8:
            break
    return float(theta[0] / spread), float(theta[1] - theta[0] * mean / spread)


def _maximise(llr: Floats, weights: Floats) -> float:
    """Maximise sum(weights · log(share · exp(llr) + 1 − share)); concave in the share."""
    ratio = np.exp(np.clip(llr, -50, 50)) - 1.0

    def slope(share: float) -> float:
        return float(np.sum(weights * ratio / (1.0 + share * ratio)))

    if slope(0.0) <= 0:
        return 0.0
    if slope(1.0 - 1e-12) >= 0:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_STEPS):  # halving: expectation maximisation creeps near 0 and 1
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
        if high - low < _CLOSE:
            break
    return (low + high) / 2


def _smoothed(known: Reference, rng: np.random.Generator, threshold: float) -> Reference:
    """Add one recording a class, on either side by chance.

    A set in which nothing was wrong would otherwise be perfect in every draw: with no false alarm
    in n recordings the rate is not 0 but somewhere up to about 3 / n.
    """
    half = 0.5 * (rng.random(2) < 0.5)
    above, below = np.full(1, threshold + 1.0), np.full(1, threshold - 1.0)
    human = np.concatenate([known.human, above if half[0] else below])
    ai = np.concatenate([known.ai, above if half[1] else below])
    return Reference(human, ai)


def _draw(rng: np.random.Generator, size: int, groups: tuple[str, ...]) -> NDArray[np.int64]:
    if not groups:
        return rng.integers(0, size, size)
    _, members = np.unique(np.asarray(groups), return_inverse=True)
    rows = [np.flatnonzero(members == number) for number in range(int(members.max()) + 1)]
    drawn = np.concatenate([rows[number] for number in rng.integers(0, len(rows), len(rows))])
    found: NDArray[np.int64] = drawn
    return found


def _interval(value: float, draws: Floats, level: float) -> Interval:
    if not np.isfinite(value) or not np.isfinite(draws).all():
        return Interval(value, 0.0, 1.0, level)  # the detector tells nothing apart: anything goes
    found = percentile_interval(value, draws, level)
    return Interval(value, min(found.low, value), max(found.high, value), level)


def _checked(logits: ArrayLike, groups: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    values = np.asarray(logits, dtype=np.float64)
    names = np.asarray(groups)
    if values.ndim != 1 or values.size == 0 or names.shape != values.shape:
        raise UsageError(
            f"expected one group for each of at least one logit, got {values.shape} logits and "
            f"{names.shape} groups"
        )
    if not np.isfinite(values).all():
        raise UsageError("expected finite logits; leave out tracks that have none")
    return values, np.unique(names, return_inverse=True)[1].astype(np.int64)
