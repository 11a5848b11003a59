# SPDX-License-Identifier: MIT
"""Measures explainers: planted evidence, deletion, insertion, shuffled weights, stability, time.

Every explainer gets the same clips. `random` and `edge_detector` are always among them: what does
not beat them explains nothing. A patch that the detector does not hear cannot be pointed at: the
rows of the explainer `DETECTOR` say how often the patch raised the logit, and by how much.
Places are 250 Hz × 0.5 s. A method that switches larger cells spreads each over many places, which
alone lifts its pointing game and AUC: "smoothed" averages every map over 1 kHz × 1 s first, so that
what is left is what the methods know. Intervals are over clips (bootstrap, 95 %); times are CPU
seconds of this process. One explainer that fails costs its own row only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from unsung.errors import UnsungError
from unsung.evaluation import faithfulness as f
from unsung.evaluation.intervals import percentile_interval
from unsung.explainers._explainable import Explainable, explainable
from unsung.explainers._fit import fitting, require
from unsung.explainers._grid import Grid
from unsung.explainers._planted import Planted, plant
from unsung.explainers._story import read_part
from unsung.explainers._subject import Subject
from unsung.explainers.base import Explainer, build
from unsung.outputs import Kind, json_with
from unsung.runtime import Bundle
from unsung.synthesis.render import render
from unsung.synthesis.score import PIECES, compose
from unsung.types import Clip, Explanation, FloatArray, Record

__all__ = ["CHECKED", "CheckRow", "check_explainers", "check_on", "heard", "measure"]

CHECKED = Kind(
    "rows of explain --check",
    (".jsonl", ".ndjson", ".json"),
    json_with("explainer", "metric", "n_clips"),
)

CELL_HZ, CELL_S = 250.0, 0.5
"""Places of the planted-evidence metrics."""
SMOOTHED = (4, 2)
"""Places averaged for the smoothed ones: 1 kHz × 1 s, the largest cells that a method is given."""
BANDS, SEGMENT_S, STEPS = 16, 1.0, 10
"""Cells of deletion and insertion, and the steps in which they go."""
INAUDIBLE_DB = -60.0
"""Noise relative to the clip, for stability."""
REPLICATES = 1000
CONTROLS = ("random", "edge_detector")
DETECTOR = "(the detector itself)"
Measure = Callable[[Clip], Subject]


@dataclass(frozen=True)
class CheckRow(Record):
    """One measured number of one explainer, with its interval over clips and each clip's value."""

    explainer: str
    detector: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n_clips: int
    error: str = ""
    values: tuple[float, ...] = ()


def check_explainers(
    songs: Sequence[str] = (),
    names: Sequence[str] = (),
    *,
    detector: str | Path | Bundle | Explainable = "default",
    seconds: float = 20.0,
    seed: int = 0,
    planted: str = "decoder",
) -> list[CheckRow]:
    """Measure explainers of a detector on songs with planted patches.

    Args:
        songs: human recordings; without any, pieces that this program plays itself.
        names: explainers; all that fit the detector if empty.
        detector: a bundle, its name or its folder; or what `unsung.training.opened` opened.
        seconds: of each song's middle.
        seed: of patches, noise and randomised weights.
        planted: kind of evidence, one of `_planted.KINDS`.
    """
    clips = [read_part(song, None, seconds) for song in songs] or list(_pieces(seconds, seed))
    return check_on(clips, names, explainable(detector), seed=seed, planted=planted)


def check_on(
    clips: Sequence[Clip],
    names: Sequence[str],
    detector: Explainable,
    *,
    seed: int = 0,
    planted: str = "decoder",
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[CheckRow]:
    """Measure explainers on clips of human music, as `check_explainers` does.

    ``settings`` holds those of explainers by name, where a default would take too long.
    """
    items = [plant(clip, seed + i, kind=planted) for i, clip in enumerate(clips)]
    wanted = [*(names or fitting(detector.subject(items[0].clip)))]
    wanted += [name for name in CONTROLS if name not in wanted]
    rows = heard(items, detector.subject, detector.name, seed)
    for name in wanted:
        own = (settings or {}).get(name, {})
        rows += measure(name, items, detector.subject, detector.name, seed=seed, settings=own)
    return rows


def heard(
    planted: Sequence[Planted], subject: Measure, detector: str, seed: int = 0
) -> list[CheckRow]:
    """Return how often a patch raises the detector's logit, and by how much."""
    rises = np.array(
        [subject(p.clip).logit - subject(p.clean).logit for p in planted if p.clean is not None]
    )
    if not len(rises):
        return []
    numbers = {"raised": (rises > 0).astype(np.float64), "rise": rises}
    return _rows(DETECTOR, detector, numbers, seed)


def measure(
    name: str,
    planted: Sequence[Planted],
    subject: Measure,
    detector: str,
    *,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
) -> list[CheckRow]:
    """Return the rows of one explainer; its error stands in a row of its own.

    Args:
        name: of the explainer.
        planted: clips with a known patch.
        subject: puts a clip before the detector.
        detector: its name, for the rows.
        seed: of noise and randomised weights.
        settings: of the explainer.
    """
    try:
        found = [
            _one(build(name, _settings(name, settings, seed + i)), item, subject, seed + i)
            for i, item in enumerate(planted)
        ]
    except UnsungError as error:
        return [CheckRow(name, detector, "error", None, None, None, 0, str(error))]
    numbers = {metric: np.array([one[metric] for one in found]) for metric in found[0]}
    return _rows(name, detector, numbers, seed)


def _settings(name: str, given: Mapping[str, Any] | None, seed: int) -> Mapping[str, Any] | None:
    """Return settings of one clip: the same noise in all would hit all patches or none."""
    return {"seed": seed, **(given or {})} if name == "random" else given


def _rows(
    name: str, detector: str, numbers: Mapping[str, NDArray[np.float64]], seed: int
) -> list[CheckRow]:
    """Return the mean of each number over clips, with its bootstrap interval."""
    rng = np.random.default_rng(seed)
    rows = []
    for metric, values in numbers.items():
        count = len(values)
        draws = rng.integers(count, size=(REPLICATES, count))
        interval = percentile_interval(float(values.mean()), values[draws].mean(axis=1))
        low, high = (interval.low, interval.high) if count > 1 else (None, None)
        mean, each = float(values.mean()), tuple(float(v) for v in values)
        rows.append(CheckRow(name, detector, metric, mean, low, high, count, "", each))
    return rows


def _one(explainer: Explainer, item: Planted, subject: Measure, seed: int) -> dict[str, float]:
    before = subject(item.clip)
    require(type(explainer).__module__.rsplit(".", 1)[-1], before)
    started = time.process_time()
    explanation = explainer(before)
    took = time.process_time() - started
    cells, region = _places(explanation, item)
    smooth = scipy.ndimage.uniform_filter(cells, SMOOTHED, mode="nearest")
    grid = Grid(before, BANDS, SEGMENT_S, "mean")
    weights = _by_cell(before, explanation, grid)
    deleted = f.deletion_curve(grid.scores, weights, STEPS)
    inserted = f.insertion_curve(grid.scores, weights, STEPS)
    noisy = explainer(subject(_noisy(item.clip, seed)))
    other = explainer(before.randomised(seed))
    return {
        "pointing": f.pointing_game(cells, region),
        "mass": f.relevance_mass(cells, region) / float(region.mean()),
        "auc": f.localisation_auc(cells, region),
        "pointing smoothed": f.pointing_game(smooth, region),
        "auc smoothed": f.localisation_auc(smooth, region),
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
