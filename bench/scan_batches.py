# SPDX-License-Identifier: MIT
"""Whether batches that mix songs would pay: a scan window by window, and with mixed batches.

    python bench/scan_batches.py FOLDER... [-o results/scan-batches] [--size 16] [--rounds 5]

Each FOLDER is a bundle that judges windows one by one (`unsung export` writes such); weights do not
matter. The same songs (stereo MP3, 44.1 kHz, made here) are scanned both ways by one process on one
core: decoding, resampling, pictures and graph. "Mixed" keeps windows back until `--size` of
them, from whichever songs, go through front end and graph together. What is counted is processor
time, which other programs disturb less than the clock; rounds alternate, the best of each counts.
No pipe between processes is in it: a scan with one scoring process pays for that as well. Memory is
what the process grew by from the first use of graph and front end, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import psutil
import soundfile

import unsung
from unsung.runtime import Bundle, load_bundle, windowed
from unsung.runtime.windowed import window_outputs
from unsung.scanning import score_file

RATE = 44100
SONGS = 6
SECONDS = 31.0
"""No multiple of usual windows, and too few windows for a song to fill batches by itself."""


def make_songs(folder: Path) -> list[Path]:
    paths = []
    for number in range(SONGS):
        rng = np.random.default_rng(number)
        size = round(RATE * (SECONDS + number))
        tones = sum(
            np.sin(2 * np.pi * hz * np.arange(size) / RATE) for hz in rng.uniform(100, 6000, 5)
        )
        sound = 0.05 * tones[:, None] + 0.05 * rng.standard_normal((size, 2))
        paths.append(folder / f"{number}.mp3")
        soundfile.write(paths[-1], sound, RATE, format="MP3")
    return paths


class Singly:
    """Each window by itself, as a scan does it."""

    def __init__(self) -> None:
        self.outputs: list[np.ndarray] = []

    def __call__(self, bundle: Bundle, samples: np.ndarray) -> np.ndarray:
        """Stand in for `window_outputs`."""
        self.outputs.append(window_outputs(bundle, samples))
        return self.outputs[-1]

    def rest(self, bundle: Bundle) -> None:
        """Nothing was kept back."""


class Mixed(Singly):
    """Windows wait until a batch is full; the logits of the rows are thrown away."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self._waiting: list[np.ndarray] = []

    def __call__(self, bundle: Bundle, samples: np.ndarray) -> np.ndarray:
        """Keep the window back; the zeros returned are nobody's logit."""
        self._waiting.append(samples.copy())
        if len(self._waiting) == self._size:
            self.rest(bundle)
        return np.zeros((1, len(bundle.info["outputs"])), np.float32)

    def rest(self, bundle: Bundle) -> None:
        """Judge what waits."""
        if self._waiting:
            self.outputs.append(window_outputs(bundle, np.concatenate(self._waiting)))
            self._waiting = []


def scan(paths: list[Path], bundle: Bundle, way: Singly) -> tuple[float, np.ndarray]:
    """Return the processor seconds of a scan and the outputs of all its windows."""
    windowed.window_outputs = way  # type: ignore[assignment]
    try:
        started = time.process_time()
        for path in paths:
            error = score_file(path, bundle)[0].error
            if error is not None:
                raise SystemExit(f"{path}: {error.message}")
        way.rest(bundle)
        spent = time.process_time() - started
    finally:
        windowed.window_outputs = window_outputs
    return spent, np.concatenate(way.outputs)


def memory_mb(folder: Path, size: int) -> float:
    """Return what a fresh process grows by when it judges a batch of this size."""
    words = [sys.executable, "-W", "ignore", __file__, str(folder), "--grow", str(size)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return float(done.stdout)


def grown_mb(folder: Path, size: int) -> float:
    import onnxruntime  # noqa: F401  the library itself is not counted

    bundle = load_bundle(folder)
    samples = np.zeros((size, round(bundle.window_s * bundle.sample_rate_hz)), np.float32)
    process = psutil.Process()
    before = process.memory_info().rss
    for _ in range(2):
        window_outputs(bundle, samples)
    return float((process.memory_info().rss - before) / 1e6)


def measure(folder: Path, paths: list[Path], size: int, rounds: int) -> dict[str, object]:
    bundle = load_bundle(folder)
    if not bundle.windowed:
        raise SystemExit(f"{folder}: expected a bundle that judges windows one by one")
    scan(paths[:1], bundle, Singly())
    one, many = [], []
    for _ in range(rounds):
        single_s, single = scan(paths, bundle, Singly())
        mixed_s, mixed = scan(paths, bundle, Mixed(size))
        one.append(single_s)
        many.append(mixed_s)
    audio_s = sum(soundfile.info(path).duration for path in paths)
    return {
        "bundle": bundle.name,
        "window_s": bundle.window_s,
        "windows": len(single),
        "singly_x_real_time": audio_s / min(one),
        "mixed_x_real_time": audio_s / min(many),
        "gain": min(one) / min(many),
        "largest_difference": float(np.abs(single - mixed).max()),
        "singly_mb": memory_mb(folder, 1),
        "mixed_mb": memory_mb(folder, size),
    }


def table(rows: list[dict[str, object]], size: int) -> str:
    """Return the figures as Markdown."""
    lines = [
        "| bundle | window, s | windows | x real time, singly | "
        f"in batches of {size} | gain | largest difference | memory, MB: singly | in batches |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {row['bundle']} | {row['window_s']:g} | {row['windows']} "
        f"| {row['singly_x_real_time']:.0f} | {row['mixed_x_real_time']:.0f} | {row['gain']:.2f} "
        f"| {row['largest_difference']:.0e} | {row['singly_mb']:.0f} | {row['mixed_mb']:.0f} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("bundles", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, default=Path("results/scan-batches"))
    parser.add_argument("--size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--grow", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.grow:
        print(grown_mb(options.bundles[0], options.grow))
        return
    load = f"{os.getloadavg()[0]:.1f}"
    with tempfile.TemporaryDirectory() as name:
        paths = make_songs(Path(name))
        rows = [measure(b, paths, options.size, options.rounds) for b in options.bundles]
    about = (__doc__ or "").split("\n\n", 2)[2].replace("\n", " ").strip()
    head = (
        "# Batches that mix songs\n\nWritten by `python bench/scan_batches.py`; do not edit. "
        f"{about}\n\nMachine: {len(os.sched_getaffinity(0))} cores, Python "
        f"{platform.python_version()}, unsung {unsung.__version__}; {SONGS} songs of {SECONDS:g} s "
        f"and more, {options.rounds} rounds. Load average: before {load}, after "
        f"{os.getloadavg()[0]:.1f}.\n\n"
    )
    options.output.with_suffix(".md").write_text(head + table(rows, options.size), "utf-8")
    options.output.with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n")
    print(table(rows, options.size))


if __name__ == "__main__":
    main()
