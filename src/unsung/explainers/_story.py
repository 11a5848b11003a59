# SPDX-License-Identifier: MIT
"""One song explained: read, measured, explained by a method, and what would turn the verdict.

Seconds, Hz, logits. The part of the song is its middle unless another is named; a verdict of a part
is not the verdict of the song.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unsung.audio.fetch import open_url, stdin_file
from unsung.audio.read import open_audio, read_clip
from unsung.errors import UsageError
from unsung.explainers._bundle import LinearSubject, subject_of_bundle
from unsung.explainers._counterfactual import (
    Counterfactual,
    Judged,
    counterfactual,
    removal_gains,
)
from unsung.explainers._subject import moved
from unsung.explainers.base import build
from unsung.runtime import Bundle, decide, load_bundle
from unsung.types import Clip, Explanation, Record

__all__ = ["SECONDS", "Explained", "Row", "explain", "judge"]

SECONDS = 30.0
BAND_HZ = 500.0
SEGMENT_S = 1.0


@dataclass(frozen=True)
class Row(Record):
    """Relevance of one band or stretch of time, in logits."""

    low: float
    high: float
    relevance: float


@dataclass(frozen=True)
class Explained:
    """Everything that a page shows of one explained song."""

    path: str
    clip: Clip
    method: str
    settings: dict[str, Any]
    detector: str
    explanation: Explanation
    judged: Judged
    thresholds: tuple[float | None, float | None]
    false_alarm_rate: float
    counterfactuals: tuple[Counterfactual, ...]
    seconds: float
    complete: bool

    def bands(self, width_hz: float = BAND_HZ) -> tuple[Row, ...]:
        """Return relevance by band."""
        return _rows(self.explanation.freqs_hz, self.explanation.relevance.sum((0, 2)), width_hz)

    def times(self, width_s: float = SEGMENT_S) -> tuple[Row, ...]:
        """Return relevance by stretch of time."""
        return _rows(self.explanation.times_s, self.explanation.relevance.sum((0, 1)), width_s)


def explain(
    source: str,
    method: str = "exact_linear",
    *,
    detector: str | Path | Bundle = "default",
    target: str = "ai",
    settings: Mapping[str, Any] | None = None,
    start_s: float | None = None,
    seconds: float = SECONDS,
    reference: str = "",
    false_alarm_rate: float = 0.01,
    turn: bool = True,
) -> Explained:
    """Explain the verdict on a part of a song.

    Args:
        source: a path, an address, or ``-``.
        method: name of an explainer.
        detector: a bundle, its name or its folder.
        target: "ai" or "human": which side positive relevance speaks for.
        settings: of the explainer.
        start_s: where the part begins; None takes the middle.
        seconds: its length.
        reference: a human recording for the baseline "human".
        false_alarm_rate: that the verdict is set for.
        turn: also look for what turns the verdict.

    Raises:
        AudioError: the song cannot be read.
        UsageError: a setting that does not fit; UnknownName for names.
    """
    bundle = detector if isinstance(detector, Bundle) else load_bundle(detector)
    explainer = build(method, settings)
    clip = read_part(source, start_s, seconds)
    other = read_part(reference, None, seconds) if reference else None
    started = time.perf_counter()
    subject = subject_of_bundle(bundle, clip, other)
    explanation = explainer(subject, target)
    took = time.perf_counter() - started
    limits = bundle.thresholds(false_alarm_rate)
    judged = judge(bundle, clip, false_alarm_rate)
    turned: tuple[Counterfactual, ...] = ()
    if turn:
        turned = _turned(bundle, subject, clip, judged, false_alarm_rate)
    return Explained(
        source,
        clip,
        method,
        dict(settings or {}),
        bundle.name,
        explanation,
        judged,
        (limits.ai_logit, limits.human_logit),
        false_alarm_rate,
        turned,
        took,
        explainer.complete,
    )


def judge(bundle: Bundle, clip: Clip, false_alarm_rate: float = 0.01) -> Judged:
    """Measure a clip as a scan does."""
    analyzer = bundle.analyzer(clip.sample_rate_hz)
    analyzer.push(clip.mono())
    analysis = analyzer.finish()
    verdict, _, _, _ = decide(bundle, analysis, false_alarm_rate, 0.5)
    return Judged(analysis.logit, verdict)


def read_part(source: str, start_s: float | None, seconds: float) -> Clip:
    """Decode a part of a file, an address or standard input; its middle if no start is given.

    Raises:
        UsageError: a length or start that cannot be.
        AudioError: as `unsung.audio.read_clip`.
    """
    if not seconds > 0 or (start_s is not None and start_s < 0):
        raise UsageError(
            f"expected a start from 0 s and more than 0 s of sound, got {start_s} and {seconds:g}"
        )
    with _local(source) as path:
        with open_audio(path, source) as stream:
            total_s = stream.duration_s
        if start_s is None:
            start_s = max(0.0, ((total_s or 0.0) - seconds) / 2)
        return read_clip(path, start_s, seconds)


def _local(source: str) -> Any:
    if source == "-":
        return stdin_file()
    if source.lower().startswith(("http://", "https://")):
        return open_url(source)
    return nullcontext(Path(source))


def _turned(
    bundle: Bundle, subject: LinearSubject, clip: Clip, judged: Judged, rate: float
) -> tuple[Counterfactual, ...]:
    """Look for what turns the verdict, towards the threshold that is nearest."""
    limits = bundle.thresholds(rate)
    known = [t for t in (limits.ai_logit, limits.human_logit) if t is not None]
    if judged.logit is None or not known:
        return ()
    if judged.verdict == "ai" and limits.ai_logit is not None:
        distance = limits.ai_logit - judged.logit
    elif judged.verdict == "human" and limits.human_logit is not None:
        distance = limits.human_logit - judged.logit
    else:
        distance = min((t - judged.logit for t in known), key=abs)
    gains = removal_gains(list(subject.weights), [p.values for p in subject.planes])
    parts = zip(gains, subject.planes, strict=True)
    axis, when = subject.freqs_hz, subject.times_s
    total = sum(moved(g, p.freqs_hz, p.times_s, axis, when).sum((0, 2)) for g, p in parts)

    def measure(changed: Clip) -> Judged:
        return judge(bundle, changed, rate)

    return counterfactual(clip, axis, np.asarray(total, np.float64), distance, measure)


def _rows(
    axis: np.ndarray[Any, Any], values: np.ndarray[Any, Any], width: float
) -> tuple[Row, ...]:
    low = np.floor(float(axis[0]) / width) * width
    edges = np.arange(low, float(axis[-1]) + width + 1e-9, width)
    sums, _ = np.histogram(axis, edges, weights=values.astype(np.float64))
    filled, _ = np.histogram(axis, edges)
    return tuple(
        Row(round(float(a), 6), round(float(b), 6), float(v))
        for a, b, v, n in zip(edges[:-1], edges[1:], sums, filled, strict=True)
        if n
    )
