# SPDX-License-Identifier: MIT
"""Measures explainers: planted evidence, deletion, insertion, shuffled weights, stability, time.

Every explainer gets the same clips. `random` and `edge_detector` are always among them: what does
not beat them explains nothing. Intervals are over clips (bootstrap, 95 %). One explainer that fails
costs its own row only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unsung import registry
from unsung.errors import UnsungError
from unsung.evaluation import faithfulness as f
from unsung.evaluation.intervals import percentile_interval
from unsung.explainers._bundle import subject_of_bundle
from unsung.explainers._grid import Grid
from unsung.explainers._planted import Planted, plant
from unsung.explainers._story import read_part
from unsung.explainers._subject import Subject
from unsung.explainers.base import Explainer, build
from unsung.runtime import Bundle, load_bundle
from unsung.synthesis.render import render
from unsung.synthesis.score import PIECES, compose
from unsung.types import Clip, Explanation, FloatArray, Record

__all__ = ["CheckRow", "check_explainers", "measure"]

CELL_HZ, CELL_S = 250.0, 0.5
"""Places of the planted-evidence metrics."""
BANDS, SEGMENT_S = 16, 1.0
"""Cells of deletion and insertion."""
INAUDIBLE_DB = -60.0
"""Noise relative to the clip, for stability."""
REPLICATES = 1000
CONTROLS = ("random", "edge_detector")
Measure = Callable[[Clip], Subject]


@dataclass(frozen=True)
class CheckRow(Record):
    """One measured number of one explainer, with its interval over clips."""

    explainer: str
    detector: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n_clips: int
    error: str = ""


def check_explainers(
    songs: Sequence[str] = (),
    names: Sequence[str] = (),
    *,
    detector: str | Path | Bundle = "default",
    seconds: float = 20.0,
    seed: int = 0,
) -> list[CheckRow]:
    """Measure explainers of a packaged detector on songs with planted patches.

    Args:
        songs: human recordings; without any, pieces that this program plays itself.
        names: explainers; all that the detector can take if empty.
        detector: a bundle, its name or its folder.
        seconds: of each song's middle.
        seed: of patches, noise and randomised weights.
    """
    bundle = detector if isinstance(detector, Bundle) else load_bundle(detector)
    clips = [read_part(song, None, seconds) for song in songs] or list(_pieces(seconds, seed))
    wanted = [*(names or registry.names("explainers"))]
    wanted += [name for name in CONTROLS if name not in wanted]

    def subject(clip: Clip) -> Subject:
        return subject_of_bundle(bundle, clip)

    planted = [plant(clip, seed + i) for i, clip in enumerate(clips)]
    return [row for name in wanted for row in measure(name, planted, subject, bundle.name, seed)]


def measure(
    name: str, planted: Sequence[Planted], subject: Measure, detector: str, seed: int = 0
) -> list[CheckRow]:
    """Return the rows of one explainer; its error stands in a row of its own.

    Args:
        name: of the explainer.
        planted: clips with a known patch.
        subject: puts a clip before the detector.
        detector: its name, for the rows.
        seed: of noise and randomised weights.
    """
    try:
        explainer = build(name)
        found = [_one(explainer, item, subject, seed + i) for i, item in enumerate(planted)]
    except UnsungError as error:
        return [CheckRow(name, detector, "error", None, None, None, 0, str(error))]
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(found), size=(REPLICATES, len(found)))
    rows = []
    for metric in found[0]:
        values = np.array([one[metric] for one in found])
        interval = percentile_interval(float(values.mean()), values[draws].mean(axis=1))
        several = len(found) > 1
        low, high = (interval.low, interval.high) if several else (None, None)
        rows.append(CheckRow(name, detector, metric, float(values.mean()), low, high, len(found)))
    return rows


def _one(explainer: Explainer, item: Planted, subject: Measure, seed: int) -> dict[str, float]:
    before = subject(item.clip)
    started = time.perf_counter()
    explanation = explainer(before)
    took = time.perf_counter() - started
    cells, region = _places(explanation, item)
    grid = Grid(before, BANDS, SEGMENT_S, "mean")
    weights = _by_cell(before, explanation, grid)
    deleted = f.deletion_curve(grid.scores, weights)
    inserted = f.insertion_curve(grid.scores, weights)
    noisy = explainer(subject(_noisy(item.clip, seed)))
    other = explainer(before.randomised(seed))
    return {
        "pointing": f.pointing_game(cells, region),
        "mass": f.relevance_mass(cells, region) / float(region.mean()),
        "auc": f.localisation_auc(cells, region),
        "deletion": f.area(deleted),
        "insertion": f.area(inserted),
        "comprehensiveness": f.comprehensiveness(grid.scores, weights),
        "sufficiency": f.sufficiency(grid.scores, weights),
        "random weights": f.rank_similarity(cells, _places(other, item)[0]),
        "stability": f.stability(cells, _places(noisy, item)[0]),
        "conservation": f.conservation(
            explanation.relevance, explanation.logit, explanation.baseline
        ),
        "seconds": took,
    }


def _places(
    explanation: Explanation, item: Planted
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return relevance summed into places and which of them lie in the patch."""
    hz = np.arange(float(explanation.freqs_hz[0]), float(explanation.freqs_hz[-1]), CELL_HZ)
    start, end = item.clip.start_s, item.clip.start_s + item.clip.duration_s
    seconds = np.arange(start, end - CELL_S / 2, CELL_S)
    rows = np.clip(np.searchsorted(hz, explanation.freqs_hz, "right") - 1, 0, len(hz) - 1)
    columns = np.clip(
        np.searchsorted(seconds, explanation.times_s, "right") - 1, 0, len(seconds) - 1
    )
    total = np.zeros((len(hz), len(seconds)))
    np.add.at(total, (rows[:, None], columns[None]), explanation.relevance.sum(0, dtype=np.float64))
    return total, item.region(hz + CELL_HZ / 2, seconds + CELL_S / 2)


def _by_cell(subject: Subject, explanation: Explanation, grid: Grid) -> NDArray[np.float64]:
    """Sum an explanation into the cells of a grid."""
    cells = grid.cells(subject.freqs_hz, subject.times_s)
    total = explanation.relevance.sum(0, dtype=np.float64)
    sums = np.bincount(cells.ravel(), total.ravel(), minlength=grid.count)
    return np.asarray(sums, np.float64)


def _noisy(clip: Clip, seed: int) -> Clip:
    rng = np.random.default_rng(seed)
    level = float(np.sqrt(np.mean(np.square(clip.samples)))) * 10 ** (INAUDIBLE_DB / 20)
    noise: FloatArray = (level * rng.standard_normal(clip.samples.shape)).astype(np.float32)
    return replace(clip, samples=clip.samples + noise)


def _pieces(seconds: float, seed: int) -> Iterator[Clip]:
    for name in PIECES:
        played = render(compose(name, seed), seed)
        wanted = round(seconds * played.sample_rate_hz)
        start = max(0, (played.samples.shape[1] - wanted) // 2)
        yield replace(played, samples=played.samples[:, start : start + wanted])
