# SPDX-License-Identifier: MIT
"""How much a verdict endures: every attack at rising strengths on one track or on labelled ones.

Each track's middle is decoded once; attacks that need a model (gradients) or a second clip are left
out and named. With a log every finished curve is a line on disk, and a stopped run goes on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from unsung.attacks import code_sha256
from unsung.audio.mixing import heard
from unsung.audio.read import sha256_file
from unsung.data import read_manifest
from unsung.errors import ManifestError, NotFinite, UnsungError, UsageError
from unsung.runtime import decide
from unsung.scanning._breaking import HALVINGS, neutral, search
from unsung.scanning._choice import Ready, attack_names, chosen
from unsung.scanning._curve import Break, Curve, Heard, Judge, Point, Stress, fragile_first
from unsung.scanning._middle import SECONDS, beside, middle, named
from unsung.scanning._stress_log import StressLog, content_key
from unsung.scanning._survival import (
    Survival,
    Weakness,
    by_fragility,
    clean_counts,
    survival,
    weakness,
)
from unsung.scanning._threads import in_order
from unsung.scanning.one import local
from unsung.scanning.settings import FALSE_ALARM_RATE, PRIOR, Settings
from unsung.types import Clip, Failure

if TYPE_CHECKING:
    from unsung.runtime import Bundle

__all__ = [
    "SECONDS",
    "Break",
    "Curve",
    "Heard",
    "Point",
    "Stress",
    "StressLog",
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


def judge_with(bundle: Bundle, false_alarm_rate: float = FALSE_ALARM_RATE) -> Judge:
    """Return what scores a clip as a scan would: the bundle's analyzer, then its thresholds.

    A logit that is no number raises NotFinite: no threshold says anything about it.
    """

    def judge(clip: Clip) -> Heard:
        analyzer = bundle.analyzer(clip.sample_rate_hz)
        analyzer.push(heard(clip))
        analysis = analyzer.finish()
        if analysis.logit is not None and not math.isfinite(analysis.logit):
            raise NotFinite(f"{bundle.name}: expected a finite logit, got {analysis.logit}")
        verdict, reason, _, _ = decide(bundle, analysis, false_alarm_rate, PRIOR)
        return Heard(analysis.logit, verdict, reason)

    return judge


def stress_clip(
    clip: Clip,
    judge: Judge,
    attacks: Sequence[Ready],
    *,
    label: str = "",
    seed: int = 0,
    halvings: int = HALVINGS,
    jobs: int = 1,
    finished: Callable[[Curve], None] | None = None,
) -> tuple[Heard, tuple[Curve, ...]]:
    """Score a clip clean, then under each attack; an attack that fails is a curve with its error.

    Args:
        clip: the clean sound.
        judge: clip in, logit and verdict out; called from several threads when jobs > 1.
        attacks: names and attacks.
        label: "human" or "ai" where the truth is known.
        seed: seed of every attack.
        halvings: bisection steps; 0 tells a breaking strength to the ladder's step.
        jobs: threads.
        finished: called with each curve as soon as it is there, from any thread.
    """
    clean = judge(clip)

    def one(item: Ready) -> Curve:
        started = time.perf_counter()
        curve = search(*item, clip, clean, judge, label=label, seed=seed, halvings=halvings)
        curve = replace(curve, seconds=round(time.perf_counter() - started, 4))
        if finished is not None:
            finished(curve)
        return curve

    return clean, tuple(in_order(one, attacks, jobs))


def stress_file(
    source: str | Path,
    bundle: Bundle,
    attacks: Sequence[str] = (),
    *,
    battery: str = "",
    label: str = "",
    group: str = "",
    seconds: float = SECONDS,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    seed: int = 0,
    jobs: int = 1,
    log: StressLog | None = None,
) -> Stress:
    """Stress one track; what is wrong with its sound stands in the record.

    Args:
        source: path, address or ``-``.
        bundle: the detector, with the thresholds that count.
        attacks: attacks, presets or chains; all attacks where no battery is named either.
        battery: see `unsung.attacks.BATTERIES`.
        label: "human" or "ai" where the truth is known.
        group: what the track belongs to, for intervals.
        seconds: how much of the middle is heard.
        false_alarm_rate: selects the thresholds.
        seed: seed of every attack.
        jobs: threads.
        log: finished curves are taken from here and stored here.

    Raises:
        UsageError: an option is wrong, or no such attack.
    """
    Settings(false_alarm_rate=false_alarm_rate)
    ready = chosen(attacks, battery)[0]
    blank = replace(
        _blank(str(source), bundle, false_alarm_rate, seconds), label=label, group=group, seed=seed
    )
    started = time.perf_counter()
    try:
        with local(named(str(source))) as path:
            blank = replace(blank, sha256=sha256_file(path))
            done = _stressed(path, blank, bundle, ready, seconds, jobs=jobs, log=log)
    except UsageError:
        raise
    except (UnsungError, OSError) as error:
        return replace(blank, error=Failure(type(error).__name__, str(error)))
    return replace(done, seconds=round(time.perf_counter() - started, 3))


def _stressed(
    path: Path,
    blank: Stress,
    bundle: Bundle,
    ready: Sequence[Ready],
    seconds: float,
    *,
    jobs: int,
    log: StressLog | None,
) -> Stress:
    """Hear what the log does not know; where it knows everything nothing is decoded."""
    parts = {key: value for key, value in blank.to_dict().items() if key not in ("path", "group")}
    base = {**parts, "bundle": bundle.sha256, "seconds": seconds, "halvings": HALVINGS}
    keys = {name: _curve_key(base, (name, attack)) for name, attack in ready}
    head_key = content_key(**base)
    head = log.get(head_key) if log else None
    stored = {name: log.get(key) for name, key in keys.items()} if log else {}
    known = {name: Curve.from_dict(found) for name, found in stored.items() if found}
    missing = [(name, attack) for name, attack in ready if name not in known]
    if head is not None and not missing:
        track = replace(Stress.from_dict(head), path=blank.path, group=blank.group)
        return replace(track, curves=tuple(known[name] for name, _ in ready))

    def finished(curve: Curve) -> None:
        if log is not None and curve.error is None:  # what failed is tried again
            log.put(keys[curve.attack], "curve", blank.path, curve.to_dict())

    track = _heard(middle(path, seconds), blank, bundle, missing, jobs=jobs, finished=finished)
    if log is not None and head is None:
        log.put(head_key, "track", blank.path, replace(track, curves=()).to_dict())
    known |= {curve.attack: curve for curve in track.curves}
    return replace(track, curves=tuple(known[name] for name, _ in ready))


def _heard(
    clip: Clip,
    blank: Stress,
    bundle: Bundle,
    attacks: Sequence[Ready],
    *,
    jobs: int,
    finished: Callable[[Curve], None],
) -> Stress:
    judge = judge_with(bundle, blank.false_alarm_rate)
    clean, curves = stress_clip(
        clip, judge, attacks, label=blank.label, seed=blank.seed, jobs=jobs, finished=finished
    )
    return replace(
        blank,
        trained_on=bundle.trained_on(blank.sha256),
        start_s=round(clip.start_s, 3),
        duration_s=round(clip.duration_s, 3),
        clean=clean,
        curves=curves,
    )


def _curve_key(base: dict[str, object], item: Ready) -> str:
    name, attack = item
    chains = getattr(attack, "chains", ())
    return content_key(
        **base,
        attack=name,
        chains=list(chains),
        strengths=list(attack.strengths),
        code=code_sha256(attack),
    )


def _blank(path: str, bundle: Bundle, false_alarm_rate: float, seconds: float) -> Stress:
    limits = bundle.thresholds(false_alarm_rate, seconds)
    return Stress(
        path,
        detector=f"{bundle.name}@{bundle.sha256[:12]}",
        thresholds=str(bundle.info["calibration"].get("name", "")),
        false_alarm_rate=false_alarm_rate,
        ai_logit=limits.ai_logit,
        human_logit=limits.human_logit,
    )


def stress_manifest(
    manifest: Path,
    bundle: Bundle,
    attacks: Sequence[str] = (),
    *,
    battery: str = "",
    seconds: float = SECONDS,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    seed: int = 0,
    jobs: int = 1,
    log: StressLog | None = None,
) -> Iterator[Stress]:
    """Yield the stress of every track of a manifest (CSV or .jsonl), in its order.

    Raises:
        ManifestError: the table cannot be read or has no tracks.
        UsageError: an option is wrong, or no such attack.
    """
    tracks = tuple(read_manifest(manifest))
    if not tracks:
        raise ManifestError(f"{manifest}: expected at least one track, got none; nothing to stress")
    chosen(attacks, battery)  # what is misspelt shows before the first track

    def one(item: tuple[str, str, str]) -> Stress:
        return stress_file(
            item[0],
            bundle,
            attacks,
            battery=battery,
            label=item[1],
            group=item[2],
            seconds=seconds,
            false_alarm_rate=false_alarm_rate,
            seed=seed,
            log=log,
        )

    items = [(beside(t.path, manifest.parent), t.label, t.group or t.recording) for t in tracks]
    return in_order(one, items, jobs)


def is_manifest(source: str) -> bool:
    """Say whether a name is a table of tracks, by its suffix."""
    return Path(source).suffix.lower() in (".csv", ".jsonl")
