# SPDX-License-Identifier: MIT
"""A detector as an explanation needs it: a subject of any clip, a verdict, and what turns it.

Packaged bundles are judged as a scan judges them. A torch detector is judged by the mean logit over
its windows; without thresholds (published weights have none) the sign of the logit is taken, and
the explanation says so. Logits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np

from unsung.audio.mixing import heard
from unsung.explainers._bundle import LinearSubject, subject_of_bundle
from unsung.explainers._counterfactual import (
    Counterfactual,
    Judged,
    counterfactual,
    narrowest_band,
    removal_gains,
)
from unsung.explainers._subject import Subject, moved
from unsung.runtime import Bundle, decide, load_bundle
from unsung.types import Clip, Explanation

if TYPE_CHECKING:
    from unsung.detectors.base import Detector

__all__ = ["Explainable", "Limits", "OfBundle", "OfNetwork", "explainable"]

Limits: TypeAlias = tuple[float | None, float | None]
"""Logits from which a sound is called AI, and up to which human; None where none is known."""


class Explainable(ABC):
    """A detector with all that explaining one song asks of it.

    Attributes:
        name: of the detector.
        note: what a reader of its verdicts must know.
        usual: the method taken where none is named.
    """

    usual: ClassVar[str]

    def __init__(self, name: str, note: str = "") -> None:
        self.name, self.note = name, note

    @abstractmethod
    def subject(self, clip: Clip, reference: Clip | None = None) -> Subject:
        """Put a clip before the detector."""

    @abstractmethod
    def judge(self, clip: Clip, false_alarm_rate: float) -> Judged:
        """Measure a clip."""

    @abstractmethod
    def limits(self, false_alarm_rate: float, judged: Judged | None = None) -> Limits:
        """Return the thresholds, those of tracks as long as what was judged."""

    @abstractmethod
    def turned(
        self, clip: Clip, subject: Subject, found: Explanation, judged: Judged, rate: float
    ) -> tuple[Counterfactual, ...]:
        """Look for the smallest change of the sound that turns the verdict."""

    def _distance(self, judged: Judged, rate: float) -> float | None:
        """Return what the logit lacks to the threshold that is nearest, behind which it turns."""
        ai, human = self.limits(rate, judged)
        known = [t for t in (ai, human) if t is not None]
        if judged.logit is None or not known:
            return None
        if judged.verdict == "ai" and ai is not None:
            return ai - judged.logit
        if judged.verdict == "human" and human is not None:
            return human - judged.logit
        return min((t - judged.logit for t in known), key=abs)


class OfBundle(Explainable):
    """A packaged detector: exact shares, judged as a scan does."""

    usual: ClassVar[str] = "exact_linear"

    def __init__(self, bundle: Bundle) -> None:
        super().__init__(bundle.name)
        self.bundle = bundle

    def subject(self, clip: Clip, reference: Clip | None = None) -> LinearSubject:
        """See `Explainable`."""
        return subject_of_bundle(self.bundle, clip, reference)

    def judge(self, clip: Clip, false_alarm_rate: float) -> Judged:
        """See `Explainable`."""
        analyzer = self.bundle.analyzer(clip.sample_rate_hz)
        analyzer.push(heard(clip))
        analysis = analyzer.finish()
        verdict, _, _, _ = decide(self.bundle, analysis, false_alarm_rate, 0.5)
        return Judged(analysis.logit, verdict, analysis.covered_s)

    def limits(self, false_alarm_rate: float, judged: Judged | None = None) -> Limits:
        """See `Explainable`."""
        covered_s = None if judged is None else judged.covered_s
        found = self.bundle.thresholds(false_alarm_rate, covered_s)
        return found.ai_logit, found.human_logit

    def turned(
        self, clip: Clip, subject: Subject, found: Explanation, judged: Judged, rate: float
    ) -> tuple[Counterfactual, ...]:
        """See `Explainable`; bins are chosen by their exact shares, whatever the method."""
        del found
        distance = self._distance(judged, rate)
        if distance is None:
            return ()
        linear = subject if isinstance(subject, LinearSubject) else self.subject(clip)
        gains = removal_gains(list(linear.weights), [p.values for p in linear.planes])
        axis, when = linear.freqs_hz, linear.times_s
        parts = zip(gains, linear.planes, strict=True)
        total = sum(moved(g, p.freqs_hz, p.times_s, axis, when).sum((0, 2)) for g, p in parts)

        def measure(changed: Clip) -> Judged:
            return self.judge(changed, rate)

        return counterfactual(clip, axis, np.asarray(total, np.float64), distance, measure)


class OfNetwork(Explainable):
    """A torch detector.

    Args:
        detector: in evaluation mode or not; it is left as it was.
        name: shown; by default the detector's class.
        limits: false-alarm rate → thresholds; None takes the sign of the logit.
        note: what a reader of its verdicts must know.
        output: name of the explained output; "" takes "ai", or the first of a detector without.
    """

    usual: ClassVar[str] = "integrated_gradients"

    def __init__(
        self,
        detector: Detector,
        name: str = "",
        limits: Callable[[float], Limits] | None = None,
        note: str = "",
        output: str = "",
    ) -> None:
        if limits is None and not note:
            note = (
                "these weights come without thresholds: above 0 the logit is called AI, below human"
            )
        super().__init__(name or type(detector).__name__, note)
        self.detector, self._limits = detector, limits
        self.output = output or ("ai" if "ai" in detector.outputs else detector.outputs[0])

    def subject(self, clip: Clip, reference: Clip | None = None) -> Subject:
        """See `Explainable`."""
        from unsung.explainers._torch import subject_of_detector

        found = subject_of_detector(self.detector, clip, self.output, reference)
        found.name = self.name
        return found

    def judge(self, clip: Clip, false_alarm_rate: float) -> Judged:
        """See `Explainable`."""
        logit = self.subject(clip).logit
        ai, human = self.limits(false_alarm_rate)
        if ai is not None and logit >= ai:
            return Judged(logit, "ai")
        return Judged(logit, "human" if human is not None and logit <= human else "undecided")

    def limits(self, false_alarm_rate: float, judged: Judged | None = None) -> Limits:
        """See `Explainable`."""
        del judged
        return (0.0, 0.0) if self._limits is None else self._limits(false_alarm_rate)

    def turned(
        self, clip: Clip, subject: Subject, found: Explanation, judged: Judged, rate: float
    ) -> tuple[Counterfactual, ...]:
        """See `Explainable`; bands are chosen by the relevance that the method found."""
        del subject
        distance = self._distance(judged, rate)
        if distance is None:
            return ()
        sign = 1.0 if found.target == "ai" else -1.0
        rows = sign * found.relevance.sum((0, 2), dtype=np.float64)

        def measure(changed: Clip) -> Judged:
            return self.judge(changed, rate)

        axis = found.freqs_hz.astype(np.float64)
        return narrowest_band(clip, axis, rows, distance < 0, measure)


def explainable(detector: str | Path | Bundle | Explainable) -> Explainable:
    """Return a detector to explain; a name or a folder is that of a bundle.

    `unsung.training.opened` finds everything else: run folders, weights, checkpoints.
    """
    if isinstance(detector, Explainable):
        return detector
    return OfBundle(detector if isinstance(detector, Bundle) else load_bundle(detector))
