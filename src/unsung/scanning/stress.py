# SPDX-License-Identifier: MIT
"""How much a verdict endures: every attack at rising strengths on one track or on labelled ones.

Each track's middle is decoded once; attacks that need a model (gradients) or a second clip are left
out and named.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from unsung import registry
from unsung.attacks import Attack
from unsung.audio.read import sha256_file
from unsung.data.table import read_manifest
from unsung.errors import UnsungError, UsageError
from unsung.runtime import decide
from unsung.scanning._breaking import HALVINGS, neutral, search
from unsung.scanning._curve import Break, Curve, Heard, Judge, Point, fragile_first
from unsung.scanning._middle import SECONDS, beside, middle, named
from unsung.scanning._survival import (
    Survival,
    Weakness,
    by_fragility,
    clean_counts,
    survival,
    weakness,
)
from unsung.scanning.one import local
from unsung.scanning.settings import FALSE_ALARM_RATE, PRIOR, Settings
from unsung.types import Clip, Failure, Record

if TYPE_CHECKING:
    from unsung.runtime import Bundle

__all__ = [
    "SECONDS",
    "Break",
    "Curve",
    "Heard",
    "Point",
    "Stress",
    "Survival",
    "Weakness",
    "attack_names",
    "by_fragility",
    "clean_counts",
    "fragile_first",
    "is_manifest",
    "judge_with",
    "middle",
    "neutral",
    "stress_clip",
    "stress_file",
    "stress_manifest",
    "survival",
    "weakness",
]

_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True)
class Stress(Record):
    """One track under all attacks; ``curves`` is in the order of the attacks' names."""

    path: str
    sha256: str = ""
    label: str = ""
    detector: str = ""
    false_alarm_rate: float = FALSE_ALARM_RATE
    ai_logit: float | None = None
    human_logit: float | None = None
    trained_on: bool = False
    start_s: float = 0.0
    duration_s: float = 0.0
    seed: int = 0
    clean: Heard | None = None
    curves: tuple[Curve, ...] = ()
    seconds: float = 0.0
    error: Failure | None = None


def attack_names(wanted: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """Return the attacks to run and those left out: they need a model or a second clip.

    Raises:
        UnknownName: no attack of that name.
        UsageError: an attack that cannot run here was asked for by name.
    """
    names = list(dict.fromkeys(wanted)) or registry.names("attacks")
    kinds = {name: registry.get("attacks", name) for name in names}
    needy = [name for name, kind in kinds.items() if kind.needs_model or kind.needs_partner]
    if wanted and needy:
        raise UsageError(
            f"expected attacks on one clip alone, got {', '.join(needy)}, which must see a model "
            "or a second clip; leave them out here"
        )
    return [name for name in names if name not in needy], needy


def judge_with(bundle: Bundle, false_alarm_rate: float = FALSE_ALARM_RATE) -> Judge:
    """Return what scores a clip as a scan would: the bundle's analyzer, then its thresholds."""

    def judge(clip: Clip) -> Heard:
        analyzer = bundle.analyzer(clip.sample_rate_hz)
        analyzer.push(clip.mono())
        analysis = analyzer.finish()
        verdict, reason, _, _ = decide(bundle, analysis, false_alarm_rate, PRIOR)
        return Heard(analysis.logit, verdict, reason)

    return judge


def stress_clip(
    clip: Clip,
    judge: Judge,
    attacks: Sequence[tuple[str, Attack]],
    *,
    label: str = "",
    seed: int = 0,
    halvings: int = HALVINGS,
    jobs: int = 1,
) -> tuple[Heard, tuple[Curve, ...]]:
    """Score a clip clean, then under each attack; an attack that fails is a curve with its error.

    Args:
        clip: the clean sound.
        judge: clip in, logit and verdict out; called from several threads when jobs > 1.
        attacks: public names and instances.
        label: "human" or "ai" where the truth is known.
        seed: seed of every attack.
        halvings: bisection steps; 0 tells a breaking strength to the ladder's step.
        jobs: threads.
    """
    clean = judge(clip)

    def one(item: tuple[str, Attack]) -> Curve:
        started = time.perf_counter()
        curve = search(*item, clip, clean, judge, label=label, seed=seed, halvings=halvings)
        return replace(curve, seconds=round(time.perf_counter() - started, 4))

    return clean, tuple(_map(one, attacks, jobs))


def stress_file(
    source: str | Path,
    bundle: Bundle,
    attacks: Sequence[str] = (),
    *,
    label: str = "",
    seconds: float = SECONDS,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    seed: int = 0,
    jobs: int = 1,
) -> Stress:
    """Stress one track; what is wrong with its sound stands in the record.

    Raises:
        UsageError: an option is wrong, or no such attack.
    """
    Settings(false_alarm_rate=false_alarm_rate)
    ready = [(name, registry.get("attacks", name)()) for name in attack_names(attacks)[0]]
    blank = replace(_blank(str(source), bundle, false_alarm_rate), label=label, seed=seed)
    started = time.perf_counter()
    try:
        with local(named(str(source))) as path:
            sha256, clip = sha256_file(path), middle(path, seconds)
        blank = replace(
            blank,
            sha256=sha256,
            trained_on=bundle.trained_on(sha256),
            start_s=round(clip.start_s, 3),
            duration_s=round(clip.duration_s, 3),
        )
        judge = judge_with(bundle, false_alarm_rate)
        clean, curves = stress_clip(clip, judge, ready, label=label, seed=seed, jobs=jobs)
    except UsageError:
        raise
    except (UnsungError, OSError) as error:
        return replace(blank, error=Failure(type(error).__name__, str(error)))
    took = round(time.perf_counter() - started, 3)
    return replace(blank, clean=clean, curves=curves, seconds=took)


def _blank(path: str, bundle: Bundle, false_alarm_rate: float) -> Stress:
    limits = bundle.thresholds(false_alarm_rate)
    return Stress(
        path,
        detector=f"{bundle.name}@{bundle.sha256[:12]}",
        false_alarm_rate=false_alarm_rate,
        ai_logit=limits.ai_logit,
        human_logit=limits.human_logit,
    )


def stress_manifest(
    manifest: Path,
    bundle: Bundle,
    attacks: Sequence[str] = (),
    *,
    seconds: float = SECONDS,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    seed: int = 0,
    jobs: int = 1,
) -> Iterator[Stress]:
    """Yield the stress of every track of a manifest (CSV or .jsonl), in its order.

    Raises:
        ManifestError: the table cannot be read.
        UsageError: an option is wrong, or no such attack.
    """
    tracks = read_manifest(manifest)

    def one(item: tuple[str, str]) -> Stress:
        return stress_file(
            item[0],
            bundle,
            attacks,
            label=item[1],
            seconds=seconds,
            false_alarm_rate=false_alarm_rate,
            seed=seed,
        )

    return _map(one, [(beside(t.path, manifest.parent), t.label) for t in tracks], jobs)


def is_manifest(source: str) -> bool:
    """Say whether a name is a table of tracks, by its suffix."""
    return Path(source).suffix.lower() in (".csv", ".jsonl")


def _map(call: Callable[[_T], _R], items: Sequence[_T], jobs: int) -> Iterator[_R]:
    """Yield results in order; threads suffice, since DSP and graph release the interpreter."""
    if jobs == 1:
        yield from map(call, items)
        return
    with ThreadPoolExecutor(jobs) as crew:
        rest = iter(items)
        running = [crew.submit(call, item) for item in islice(rest, 2 * jobs)]
        try:
            while running:
                yield running.pop(0).result()
                running += [crew.submit(call, item) for item in islice(rest, 1)]
        finally:
            crew.shutdown(wait=True, cancel_futures=True)
