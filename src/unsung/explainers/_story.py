# SPDX-License-Identifier: MIT
"""One song explained: read, measured, explained by a method, and what would turn the verdict.

Seconds, Hz, logits. The part of the song is its middle unless another is named; a verdict of a part
is not the verdict of the song.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unsung.audio.fetch import local_file
from unsung.audio.read import open_audio, read_sound
from unsung.errors import DamagedAudio, EmptyAudio, TooShort, TruncatedAudio, UsageError
from unsung.explainers._counterfactual import Counterfactual, Judged
from unsung.explainers._explainable import Explainable, Limits, OfBundle, explainable
from unsung.explainers._fit import require
from unsung.explainers._separate import Separator, separated
from unsung.explainers._sources import SourceSubject
from unsung.explainers._subject import Subject
from unsung.explainers.base import build
from unsung.runtime import Bundle
from unsung.types import Clip, Explanation, Record

__all__ = ["SECONDS", "Explained", "Row", "explain", "judge"]

SECONDS = 30.0
BAND_HZ = 500.0
SEGMENT_S = 1.0
STRIPS = ("temporal tokens", "spectral tokens")
"""Channels of an explanation by the attention of SpecTTTra."""
USUAL_OF_SOURCES = "lime"


@dataclass(frozen=True)
class Row(Record):
    """Relevance of one band or stretch of time, in logits."""

    low: float
    high: float
    relevance: float


@dataclass(frozen=True)
class Explained:
    """Everything that a page shows of one explained song.

    Attributes:
        channels: names of the relevance's channels, where they are not pictures of one thing:
            sources of the song, or temporal and spectral tokens.
        note: what a reader of the detector's verdicts must know.
    """

    path: str
    clip: Clip
    method: str
    settings: dict[str, Any]
    detector: str
    explanation: Explanation
    judged: Judged
    thresholds: Limits
    false_alarm_rate: float
    counterfactuals: tuple[Counterfactual, ...]
    seconds: float
    complete: bool
    channels: tuple[str, ...] = ()
    note: str = ""

    @property
    def strips(self) -> bool:
        """Whether the channels are temporal and spectral tokens, which resolve one axis each."""
        return self.channels == STRIPS

    def bands(self, width_hz: float = BAND_HZ) -> tuple[Row, ...]:
        """Return relevance by band; of strips, what the spectral tokens say alone."""
        values = self.explanation.relevance[1:] if self.strips else self.explanation.relevance
        return _rows(self.explanation.freqs_hz, values.sum((0, 2)), width_hz)

    def times(self, width_s: float = SEGMENT_S) -> tuple[Row, ...]:
        """Return relevance by stretch of time; of strips, what the temporal tokens say alone."""
        values = self.explanation.relevance[:1] if self.strips else self.explanation.relevance
        return _rows(self.explanation.times_s, values.sum((0, 1)), width_s)

    def parts(self) -> tuple[tuple[str, float], ...]:
        """Return the relevance of each named channel."""
        totals = self.explanation.relevance.sum((1, 2), dtype=np.float64)
        return tuple(zip(self.channels, map(float, totals), strict=False))


def explain(
    source: str,
    method: str = "",
    *,
    detector: str | Path | Bundle | Explainable = "default",
    target: str = "ai",
    settings: Mapping[str, Any] | None = None,
    start_s: float | None = None,
    seconds: float = SECONDS,
    reference: str = "",
    false_alarm_rate: float = 0.01,
    turn: bool = True,
    sources: str | Separator = "",
) -> Explained:
    """Explain a part of one song.

    Args:
        source: file, address, or "-" for standard input.
        method: name of an explainer; "" takes the one that suits the detector.
        detector: a bundle, its name or its folder; or what `unsung.training.opened` opened.
        target: "ai" or "human": which side positive relevance speaks for.
        settings: of the explainer.
        start_s: where the part begins; None takes the middle.
        seconds: its length.
        reference: a human recording for the baseline "human".
        false_alarm_rate: that the verdict is set for.
        turn: also look for what turns the verdict.
        sources: a separator: its sources are explained in place of bands and seconds.

    Raises:
        AudioError: the song cannot be read.
        UsageError: a setting or method that does not fit; UnknownName for names.
    """
    judge_of = explainable(detector)
    method = method or (USUAL_OF_SOURCES if sources else judge_of.usual)
    explainer = build(method, settings)
    clip = read_part(source, start_s, seconds)
    other = read_part(reference, None, seconds) if reference else None
    started = time.perf_counter()
    if sources:
        subject: Subject = _of_sources(judge_of, clip, sources, false_alarm_rate)
    else:
        subject = judge_of.subject(clip, other)
    require(method, subject)
    explanation = explainer(subject, target)
    took = time.perf_counter() - started
    judged = judge_of.judge(clip, false_alarm_rate)
    turned: tuple[Counterfactual, ...] = ()
    if turn:
        turned = judge_of.turned(clip, subject, explanation, judged, false_alarm_rate)
    return Explained(
        source,
        clip,
        method,
        dict(settings or {}),
        judge_of.name,
        explanation,
        judged,
        judge_of.limits(false_alarm_rate, judged),
        false_alarm_rate,
        turned,
        took,
        explainer.complete,
        _channels(subject, explainer.needs, explanation),
        judge_of.note,
    )


def judge(bundle: Bundle, clip: Clip, false_alarm_rate: float = 0.01) -> Judged:
    """Measure a clip as a scan does."""
    return OfBundle(bundle).judge(clip, false_alarm_rate)


def read_part(source: str, start_s: float | None, seconds: float) -> Clip:
    """Decode a part of a file, an address or standard input; its middle if no start is given.

    Of a file that ends before the middle that its header promises, the beginning is taken.

    Raises:
        UsageError: a length or start that cannot be.
        AudioError: as `unsung.audio.read.read_sound`.
    """
    if not seconds > 0 or (start_s is not None and start_s < 0):
        raise UsageError(
            f"expected a start from 0 s and more than 0 s of sound, got {start_s} and {seconds:g}"
        )
    with local_file(source) as path:
        with open_audio(path, source) as stream:
            total_s = stream.duration_s
        if start_s is not None:
            return read_sound(path, start_s, seconds)
        middle_s = max(0.0, ((total_s or 0.0) - seconds) / 2)
        try:
            return read_sound(path, middle_s, seconds)
        except (DamagedAudio, EmptyAudio, TooShort, TruncatedAudio):
            if not middle_s:
                raise
            return read_sound(path, 0.0, seconds)  # a file cut short: what there is of it


def _of_sources(
    detector: Explainable, clip: Clip, separator: str | Separator, rate: float
) -> SourceSubject:
    def measure(sound: Clip) -> float:
        logit = detector.judge(sound, rate).logit
        if logit is None:
            raise UsageError(
                f"{detector.name}: expected a logit of every mix of sources, this part is too "
                "short or too quiet; choose another with --start and --seconds"
            )
        return logit

    return SourceSubject(clip, separated(clip, separator), measure, detector.name)


def _channels(subject: Subject, needs: str, found: Explanation) -> tuple[str, ...]:
    if isinstance(subject, SourceSubject):
        return subject.names
    return STRIPS if needs == "attention" and len(found.relevance) == len(STRIPS) else ()


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
