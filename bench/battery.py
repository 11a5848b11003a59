# SPDX-License-Identifier: MIT
"""Time of the full battery: every attack once, on the middle 10 s of 60 tracks, in two processes.

    python bench/battery.py DATA/music.csv [-o results/battery-time]

30 human and 30 fully generated tracks, drawn by the hash of their path; all of a
track is heard where it is shorter. Each is decoded once,
attacked at every attack's default strength, and judged by the default detector after each attack.
Attacks that need a second clip get the next track. Adversarial attacks, which ask the detector
hundreds of times or follow its gradient, are timed apart and on fewer tracks. Wall time is what a
user waits; CPU time is summed over the processes.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import hashlib
import json
import platform
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from unsung import registry
from unsung.attacks import Attack
from unsung.data.table import read_table
from unsung.errors import UnsungError
from unsung.runtime import load_bundle
from unsung.scanning.stress import judge_with, middle
from unsung.types import Clip, Track

EACH, SECONDS, PROCESSES, ADVERSARIAL_TRACKS = 30, 10.0, 2, 4
LIMIT_S = 600.0


def drawn(table: Path) -> list[Track]:
    """Return 30 human and 30 fully generated tracks, alternating, the same on every machine."""

    def order(track: Track) -> str:
        return hashlib.sha256(Path(track.path).name.encode()).hexdigest()

    tracks = read_table(table).tracks
    human = sorted((t for t in tracks if t.label == "human"), key=order)[:EACH]
    ai = sorted((t for t in tracks if t.label == "ai" and t.use == "full"), key=order)[:EACH]
    return [track for pair in zip(human, ai, strict=True) for track in pair]


def kinds(adversarial: bool) -> dict[str, type[Attack]]:
    every = {name: registry.get("attacks", name) for name in registry.names("attacks")}
    return {name: kind for name, kind in every.items() if kind.needs_model == adversarial}


def battery_of(paths: tuple[str, str]) -> dict[str, list[float]]:
    """Return CPU seconds of attack and of judging by name; "decode" for the reading."""
    started = time.process_time()
    clip, other = (middle(Path(path), SECONDS) for path in paths)
    times = {"decode": [time.process_time() - started, 0.0]}
    judge = judge_with(load_bundle("default"))
    for name, kind in kinds(adversarial=False).items():
        attack = kind(other) if kind.needs_partner else kind()  # type: ignore[call-arg]
        times[name] = _timed(attack, clip, judge)
    return times


def adversarial_of(path: str) -> dict[str, list[float]]:
    """Return the same for the black-box attack, which needs nothing but the detector's score."""
    from unsung.attacks.black_box import BlackBox

    clip, bundle = middle(Path(path), SECONDS), load_bundle("default")
    judge = judge_with(bundle)
    rate_hz = bundle.sample_rate_hz

    def score(batch: np.ndarray) -> np.ndarray:
        heard = (judge(Clip(row[None].astype(np.float32), rate_hz)).logit for row in batch)
        return np.array([0.0 if logit is None else logit for logit in heard])

    return {"black_box": _timed(BlackBox(score, model_rate_hz=rate_hz), clip, judge)}


def _timed(attack: Attack, clip: Clip, judge: object) -> list[float]:
    started = time.process_time()
    try:
        after = attack(clip, attack.default, 0)
    except UnsungError as error:
        raise SystemExit(f"{type(attack).__name__} failed on {clip.track_id}: {error}") from error
    between = time.process_time()
    judge(after)  # type: ignore[operator]
    return [between - started, time.process_time() - between]


def summed(found: Iterable[dict[str, list[float]]]) -> dict[str, np.ndarray]:
    total: dict[str, np.ndarray] = {}
    for times in found:
        for name, pair in times.items():
            total[name] = total.get(name, np.zeros(2)) + pair
    return total


def measure(paths: list[str]) -> dict[str, object]:
    """Time both parts in two fresh processes; CPU times are sums over the tracks."""
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as crew:
        list(crew.map(str, range(PROCESSES)))  # the processes exist before the clock starts
        started = time.perf_counter()
        total = summed(crew.map(battery_of, zip(paths, [*paths[1:], paths[0]], strict=True)))
        wall_s = time.perf_counter() - started
        started = time.perf_counter()
        adversarial = summed(crew.map(adversarial_of, paths[:ADVERSARIAL_TRACKS]))
        adversarial_s = time.perf_counter() - started
    return {
        "attacks": len(total) - 1,
        "wall_s": round(wall_s, 1),
        "limit_s": LIMIT_S,
        "within_limit": wall_s < LIMIT_S,
        "cpu_s": round(float(sum(pair.sum() for pair in total.values())), 1),
        "adversarial_tracks": ADVERSARIAL_TRACKS,
        "adversarial_wall_s": round(adversarial_s, 1),
        "cpu_ms_a_track": _each(total, len(paths)),
        "adversarial_cpu_ms_a_track": _each(adversarial, ADVERSARIAL_TRACKS),
    }


def _each(total: dict[str, np.ndarray], n: int) -> dict[str, list[float]]:
    """Return milliseconds a track, the dearest first."""
    dearest = sorted(total.items(), key=lambda item: -item[1].sum())
    return {name: [round(1e3 * float(v) / n, 1) for v in pair] for name, pair in dearest}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=Path("results/battery-time"))
    arguments = parser.parse_args()
    tracks, load = drawn(arguments.table), os.getloadavg()[0]
    measured = measure([track.path for track in tracks])
    values: dict[str, object] = {
        "tracks": dict(Counter(track.label for track in tracks)),
        "seconds_of_each": SECONDS,
        "heard_s": round(sum(min(t.duration_s or SECONDS, SECONDS) for t in tracks), 1),
        "processes": PROCESSES,
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(load, 2),
        "load_after": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "numpy": np.__version__,
        **measured,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(page(values))
    arguments.out.with_suffix(".json").write_text(json.dumps(values, indent=2) + "\n")
    arguments.out.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


def page(values: dict[str, object]) -> list[str]:
    """Return the lines of the written page; every number comes from `values`."""
    costs: dict[str, list[float]] = {
        **values["cpu_ms_a_track"],  # type: ignore[dict-item]
        **values["adversarial_cpu_ms_a_track"],  # type: ignore[dict-item]
    }
    counts = ", ".join(f"{n} {label}" for label, n in values["tracks"].items())  # type: ignore[attr-defined]
    within = "under" if values["within_limit"] else "NOT under"
    about = __doc__.split("\n\n")[2].strip().replace("\n", " ")
    return [
        "# Time of the full battery",
        "",
        f"Written by `python bench/battery.py`; do not edit. {about}",
        "",
        f"- Tracks: {counts}; at most {values['seconds_of_each']:g} s of each, "
        f"{values['heard_s']:.0f} s in all; {values['attacks']} attacks "
        f"at their default strength, each judged by the default detector.",
        f"- Wall time: **{values['wall_s']:.0f} s** in {values['processes']} processes on "
        f"{values['cores']} cores, {within} {values['limit_s']:.0f} s; CPU time "
        f"{values['cpu_s']:.0f} s.",
        f"- Load of the machine one minute before: {values['load_before']}, after: "
        f"{values['load_after']} (2 is full; more means that others waited too).",
        f"- Apart: black-box attack on {values['adversarial_tracks']} tracks, "
        f"{values['adversarial_wall_s']:.0f} s of wall time. The gradient attack needs a "
        "differentiable detector and is not in the default one's reach.",
        f"- Python {values['python']}, NumPy {values['numpy']}.",
        "",
        "| attack | CPU ms a track | judging, CPU ms |",
        "|---|--:|--:|",
        *(f"| {name} | {pair[0]:.0f} | {pair[1]:.0f} |" for name, pair in costs.items()),
        "",
    ]


if __name__ == "__main__":
    main()
