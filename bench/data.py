# SPDX-License-Identifier: MIT
"""Speed of framing a set over processes: the wall time of one process over that of two.

    python bench/data.py [-o results/data-speed.md] [--files 1000] [--rounds 3]

The set is our own demo music, cut into stereo FLAC files of 10 s at 44.1 kHz, each of its own
content; the work is that of WaveFake's preprocessing (`unsung data frames --trim`): decode, mix,
resample to 22.05 kHz, trim silence, write frames of 1 s and the manifest. Rounds alternate between
one and two processes, each from nothing; times are the best of each, the ratio is the median of the
rounds' own, so that load that comes and goes touches both alike; starting the processes counts too.
The last table also has a second run that finds everything done. Other load on the machine is
stated: what two processes gain is only right on an idle machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import soundfile

import unsung
from unsung.data.framing import Framing
from unsung.data.preprocess import preprocess
from unsung.types import Track

RATE, SECONDS = 44100, 10
FRAMING = Framing(1.0, 22050, trim=True)
WHOLE_SET = 25_000


def make_set(folder: Path, count: int) -> list[Track]:
    """Write the files; a little noise of its own makes each content another."""
    from unsung.synthesis.demo import make_demo  # not in the workers, which import this file

    demo = [p for p in make_demo(folder / "demo", seed=1) if p.suffix == ".flac"]
    sound = np.concatenate([soundfile.read(p, dtype="float32")[0] for p in demo])
    sound = sound if sound.ndim == 2 else np.stack([sound, sound], axis=1)
    sound = np.resize(sound, (max(len(sound), 2 * RATE * SECONDS), 2))
    tracks = []
    for number in range(count):
        rng = np.random.default_rng(number)
        start = int(rng.integers(len(sound) - RATE * SECONDS))
        piece = sound[start : start + RATE * SECONDS]
        piece = piece + 1e-3 * rng.standard_normal(piece.shape).astype("f4")
        path = folder / "in" / f"{number:05d}.flac"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, piece.clip(-1, 1), RATE, subtype="PCM_16")
        tracks.append(Track(id=path.name, path=str(path), label="human"))
    return tracks


def timed(tracks: list[Track], out: Path, jobs: int) -> tuple[float, float]:
    """Return wall and CPU seconds of a run (workers are waited for, so their time counts)."""
    before, start = os.times(), time.perf_counter()
    made = preprocess(tracks, out, FRAMING, jobs=jobs)
    wall = time.perf_counter() - start
    if made.problems or made.n_files != len(tracks):
        sys.exit(f"expected every file to be framed, got {made.problems[:3]}")
    return wall, sum(os.times()[:4]) - sum(before[:4])


def cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def report(
    wall: dict[int, float],
    cpu: dict[int, float],
    gains: list[float],
    again: float,
    n: int,
    load: str,
) -> str:
    rounds = ", ".join(f"{gain:.2f}" for gain in gains)
    hours = wall[2] / n * WHOLE_SET / 60
    return "\n".join(
        [
            "# Speed of data preprocessing",
            "",
            "Written by `python bench/data.py`; do not edit. "
            + __doc__.split("\n\n")[2].replace("\n", " ").strip(),
            "",
            f"Machine: {cpu_name()}, {len(os.sched_getaffinity(0))} cores used; Python "
            f"{platform.python_version()}; unsung {unsung.__version__}; {n} files of {SECONDS} s. "
            f"Load average (other programs and this one): {load}.",
            "",
            "| | one process | two processes |",
            "|---|--:|--:|",
            f"| wall, s | {wall[1]:.2f} | {wall[2]:.2f} |",
            f"| CPU, s | {cpu[1]:.2f} | {cpu[2]:.2f} |",
            f"| files/s | {n / wall[1]:.1f} | {n / wall[2]:.1f} |",
            f"| x real time | {n * SECONDS / wall[1]:.0f} | {n * SECONDS / wall[2]:.0f} |",
            "",
            "| | measured | goal |",
            "|---|--:|---|",
            f"| one process / two (wall; rounds: {rounds}) | {np.median(gains):.2f} | ≥ 1.8 |",
            f"| a second run over finished work, ms a file | {again / n * 1e3:.2f} | |",
            f"| {WHOLE_SET} such files with two processes, minutes | {hours:.1f} | |",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, default=Path("results/data-speed.md"))
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, cores)
    load = "before " + "/".join(f"{value:.1f}" for value in os.getloadavg())
    wall, cpu = {1: np.inf, 2: np.inf}, {1: np.inf, 2: np.inf}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tracks = make_set(folder, arguments.files)
        gains = []
        for _ in range(arguments.rounds):
            both = {}
            for jobs in (1, 2):
                shutil.rmtree(folder / "out", ignore_errors=True)
                seconds, used = timed(tracks, folder / "out", jobs)
                both[jobs] = seconds
                wall[jobs], cpu[jobs] = min(wall[jobs], seconds), min(cpu[jobs], used)
                print(f"{jobs} process(es): {seconds:.2f} s wall, {used:.2f} s CPU", flush=True)
            gains.append(both[1] / both[2])
        again, _ = timed(tracks, folder / "out", 1)
    load += ", after " + "/".join(f"{value:.1f}" for value in os.getloadavg())
    text = report(wall, cpu, gains, again, arguments.files, load)
    print(text)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
