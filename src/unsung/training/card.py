# SPDX-License-Identifier: MIT
"""The model card: what the detector learned from, where it fails, what it may be used for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from unsung.detectors.base import Detector
from unsung.frontends.residual_spectrum import ResidualSpectrum
from unsung.training.outcome import Outcome
from unsung.types import Result

__all__ = ["model_card"]

_SHOWN = ("auc", "eer", "detection_at_0.05", "detection_at_0.01", "min_cllr")
_WEAK_BELOW = 0.2


def model_card(
    outcome: Outcome, rows: Sequence[Result], detector: Detector, cost: str = ""
) -> dict[str, Any]:
    """Return the card of a build; every figure comes from the rows.

    Args:
        outcome: what the build learned from and how it scored.
        rows: its figures.
        detector: which pictures it sees.
        cost: what the build took, in words.
    """
    labels = Counter(
        track.label for track, kind in zip(outcome.tracks, outcome.kind, strict=True)
        if kind == "table"
    )  # fmt: skip
    further = [t for t, kind in zip(outcome.tracks, outcome.kind, strict=True) if kind == "full"]
    packages = sorted({t.group.removeprefix("debian:") for t in further})
    families = sorted(
        {t.family or t.generator for t in outcome.tracks if t.label in ("ai", "resynth")}
    )
    trained_on = [
        f"{labels['human']} human, {labels['ai']} AI and {labels['resynth']} resynthesised "
        "excerpts of 4 to 15 s from public demo pages (audio not redistributed)",
    ]
    if further:
        trained_on.append(
            f"excerpts of {len(further)} human tracks from the Debian packages "
            f"{', '.join(packages)} (free licences, stated in each package)"
        )
    trained_on.append(f"families: {', '.join(families)}")
    metrics = [
        {
            "name": f"{row.metric}, {row.dataset}, {row.condition}",
            "value": row.value,
            "low": row.low,
            "high": row.high,
            "n": row.n_tracks,
        }
        for row in rows
        if row.detector == outcome.name and row.metric in _SHOWN
        and row.dataset in ("AI, all", "AI, fully generated")
    ]  # fmt: skip
    return {
        "summary": "A linear model (logistic regression) on whitened residual spectra "
        f"(0.25 to 8 kHz) over 10-s windows, {_pictures(detector)}; the track's logit is the "
        "windows' mean, joined by a soft maximum with a search for the same lines at frequencies "
        "up to 8 % off and with a second linear model that has heard reverberant and re-encoded "
        "copies; those two speak only above what human recordings reach. Positive logit = AI.",
        "trained_on": trained_on,
        "metrics": metrics,
        "failures": _failures(rows, outcome.name),
        "training_cost": cost or "not measured",
        "intended_use": "Sorting catalogues and pointing experts at tracks worth a closer look, "
        "with the stated false-alarm rate.",
        "forbidden_use": "Accusing an artist, removing or demonetising a track on this verdict "
        "alone; speech.",
        "patent_note": "Peak-based detection of upsampling artefacts is subject to patent "
        "applications by others; check before commercial use.",
        "class_note": "Human recordings passed through a neural codec or vocoder were trained as "
        "positives and are not AI-generated music; a high score can mean either.",
    }


def _pictures(detector: Detector) -> str:
    """Return the statistics of each resolution in words."""
    seen = []
    for front_end in detector.front_ends:
        if isinstance(front_end, ResidualSpectrum):
            width_hz = front_end.sample_rate_hz / front_end.n_fft
            seen.append(f"{', '.join(front_end.statistics)} at {width_hz:.1f} Hz")
    return "; ".join(seen)


def _failures(rows: Sequence[Result], name: str) -> list[str]:
    mark = "detection_at_0.01[family="
    weak = [
        f"{row.metric.removeprefix(mark).rstrip(']')} ({row.value:.0%} of {row.n_tracks})"
        for row in rows
        if row.metric.startswith(mark) and row.condition == "as published"
        and row.detector == name and row.value < _WEAK_BELOW
    ]  # fmt: skip
    found = []
    if weak:
        found.append("hardly found at 1 % false alarms when the page is unseen: " + ", ".join(weak))
    return [
        *found,
        "stretching and pitching that ties weak lines to loud ones (phase locking, overlap-add) "
        "remove the lines it looks for, reverb smears them (results/robustness)",
        "a plain phase vocoder, as most scripts stretch sound, hides half of what is found without "
        "it, a change of speed more than half (results/robustness)",
        "heavy compression, resampling below 16 kHz and loud noise hide them",
        "solo instruments with sustained notes come closest to false alarms",
    ]
