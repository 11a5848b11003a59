# SPDX-License-Identifier: MIT
"""Measures what the detector says of tracks that are partly AI, and where it finds the AI part.

    python -m unsung.training.localisation --data music.csv --human FOLDER --cache CACHE \
        --folds FOLDS --work SCORES.jsonl --results results/localisation

Splices: excerpts of one generator, one after another, at the level of the human track that they are
set into. Shares: the AI part grows from nothing to everything. Mixes: an AI excerpt and a human
excerpt sound together, a stand-in for AI vocals over a human backing and the reverse, since stems
of both kinds of one song are not at hand. AI and human sound come from one fold and are scored by
the bundle of `unsung.training.folds` that has seen neither. Scores are kept in ``--work``; a killed
run goes on. When not to use: for how convincing a splice sounds; keys and tempi do not match.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from unsung.audio.read import read_clip
from unsung.audio.resample import resample
from unsung.core.records import Records
from unsung.detectors.residual_linear import ResidualLinear
from unsung.errors import AudioError
from unsung.runtime import load_bundle
from unsung.training._localisation_cases import Case, cases
from unsung.training.material import gather
from unsung.training.stability import read_rows
from unsung.types import FloatArray

__all__ = ["build", "main", "score_case"]

FADE_S = 0.02
"""At each join, so that the cut itself makes no click."""


def main(argv: Sequence[str] | None = None) -> None:
    """Score what is missing, measure and write the page."""
    from unsung.training._localisation_page import write

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="table: path, label, source, fold")
    parser.add_argument("--human", type=Path, required=True, help="folder of whole human music")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="measured features")
    parser.add_argument("--folds", type=Path, required=True, help="bundles of training.folds")
    parser.add_argument("--work", type=Path, required=True, help="JSON Lines that keep the scores")
    parser.add_argument("--results", type=Path, required=True, help="folder for the figures")
    parser.add_argument("--n", type=int, default=40, help="tracks of each kind and length")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args(argv)
    planned = cases(gather(arguments, ResidualLinear()), arguments.n)
    rows = _all_rows(planned, arguments.folds, arguments.work, arguments.jobs)
    write(rows, arguments.folds, arguments.results)


def build(case: Case, sample_rate_hz: int) -> tuple[FloatArray, tuple[float, float] | None]:
    """Return a case's sound and where AI plays in it, in seconds (None: nowhere).

    Shape: → ``[time]``.
    """
    human = _heard(case.human, sample_rate_hz, case.human_s) if case.human else None
    if case.kind not in ("splice", "share", "mix") or not case.ai:
        assert human is not None
        return human, None
    ai = np.concatenate([_heard(path, sample_rate_hz, None) for path in case.ai])
    if case.kind == "mix":
        assert human is not None
        length = min(len(human), len(ai))
        human, ai = human[:length], ai[:length]
        mixed = human + ai * np.float32(_gain(human, ai) * 10 ** (case.strength / 20))
        return mixed.astype(np.float32), (0.0, length / sample_rate_hz)
    ai = ai[: round(case.ai_s * sample_rate_hz)]
    if human is None or case.ai_s >= (case.human_s or 0.0):
        return ai, (0.0, len(ai) / sample_rate_hz)
    ai = ai * np.float32(_gain(human, ai))
    start = min(round(case.start_s * sample_rate_hz), len(human) - len(ai))
    found = human.copy()
    fade = round(FADE_S * sample_rate_hz)
    share = np.ones(len(ai), np.float32)
    share[:fade] = np.linspace(0, 1, fade, dtype=np.float32)
    share[len(ai) - fade :] = share[:fade][::-1]
    part = slice(start, start + len(ai))
    found[part] = share * ai + (1 - share) * found[part]
    return found, (start / sample_rate_hz, (start + len(ai)) / sample_rate_hz)


def score_case(case: Case, bundle_folder: str) -> dict[str, Any]:
    """Return a case's row: its windows, logit, and where AI plays; or its error."""
    bundle = _bundle(bundle_folder)
    row: dict[str, Any] = {"key": case.key, **case.facts()}
    try:
        sound, region = build(case, bundle.sample_rate_hz)
    except (AudioError, ValueError) as error:
        return row | {"error": f"{type(error).__name__}: {error}"}
    analyzer = bundle.analyzer(bundle.sample_rate_hz)
    analyzer.push(sound)
    found = analyzer.finish()
    return row | {
        "duration_s": round(len(sound) / bundle.sample_rate_hz, 3),
        "region": region,
        "logit": found.logit,
        "reason": found.reason,
        "windows": [[start, round(logit, 4)] for start, logit in found.windows],
    }


_bundle = cache(load_bundle)


def _heard(path: str, sample_rate_hz: int, length_s: float | None) -> FloatArray:
    """Read a file as mono at a rate; at most so many seconds from its beginning."""
    clip = read_clip(path, 0.0, length_s, mono=True)
    sound, rate = clip.samples[0], clip.sample_rate_hz
    return resample(sound, rate, sample_rate_hz) if rate != sample_rate_hz else sound


def _gain(reference: FloatArray, sound: FloatArray) -> float:
    """Return what brings a sound to another's root mean square."""
    own = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    return float(np.sqrt(np.mean(np.square(reference, dtype=np.float64)))) / max(own, 1e-9)


def _all_rows(planned: Sequence[Case], folds: Path, work: Path, jobs: int) -> list[dict[str, Any]]:
    known = read_rows(work)
    missing = [case for case in planned if case.key not in known]
    work.parent.mkdir(parents=True, exist_ok=True)
    with Records(work) as file, ProcessPoolExecutor(jobs) as pool:
        named = [str(folds / f"fold-{case.fold}") for case in missing]
        for row in pool.map(score_case, missing, named, chunksize=2):
            file.append(row)
            known[row["key"]] = row
    order: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for case in planned:
        order[case.kind].append(known[case.key])
    return [row for rows in order.values() for row in rows]


if __name__ == "__main__":
    main()
