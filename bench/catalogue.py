# SPDX-License-Identifier: MIT
"""What a catalogue costs: files a second, CPU seconds an hour of sound, memory, two processes.

    python bench/catalogue.py [-o results/catalogue-speed] [--files 48] [--seconds 180] [--rounds 3]
        [--docs docs/catalogue.md]

The set is our own demo music as stereo MP3 at 44.1 kHz, each file with a tag of its own; the
work is `unsung scan --catalogue` from nothing, as a user runs it: start, decode, score, rows, tags,
Parquet, summary. Rounds alternate between one and two processes; times are the best of each, the
speed-up is the median of the rounds' own ratios. CPU is what the system charged all processes of
the scan, less that of a scan of one short file (start and summary), so that it can be multiplied.
Memory is the sum over all processes, twenty times a second. The writer's own limit is measured with
rows alone. From these the last table works out 100 million tracks; its assumptions stand in it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
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
from unsung.scanning.resume import ResumeFile
from unsung.scanning.settings import FileFacts, Row, Stamp
from unsung.types import Score

RATE = 44100
TRACKS = 100_000_000
ASSUMED = {
    "track_s": 210.0,
    "kbps": 256.0,
    "usd_per_core_hour": 0.04,
    "usd_per_core_hour_spot": 0.015,
    "usd_per_1000_reads": 0.0004,
    "cores": 1000,
}
"""Length and bit rate of a usual track, and prices as clouds list them: put in your own."""


def arithmetic(measured: dict[str, float]) -> dict[str, float]:
    """Work out 100 million tracks from what one machine measured and what is assumed."""
    hours = TRACKS * ASSUMED["track_s"] / 3600
    core_hours = hours * measured["cpu_s_per_hour"] / 3600
    wall_hours = core_hours / ASSUMED["cores"]
    terabytes = TRACKS * ASSUMED["track_s"] * ASSUMED["kbps"] * 1000 / 8 / 1e12
    return {
        "audio_hours": hours,
        "core_hours": core_hours,
        "wall_hours": wall_hours,
        "usd": core_hours * ASSUMED["usd_per_core_hour"],
        "usd_spot": core_hours * ASSUMED["usd_per_core_hour_spot"],
        "usd_reads": TRACKS / 1000 * ASSUMED["usd_per_1000_reads"],
        "read_tb": terabytes,
        "read_gbit_per_s": terabytes * 8000 / (wall_hours * 3600),
        "rows_per_s": TRACKS / (wall_hours * 3600),
        "writers": TRACKS / (wall_hours * 3600) / measured["rows_per_s"],
        "jsonl_gb": TRACKS * measured["jsonl_bytes"] / 1e9,
        "parquet_gb": TRACKS * measured["parquet_bytes"] / 1e9,
        "index_gb": TRACKS * 48 / 1e9,
    }


def make_set(folder: Path, count: int, seconds: float) -> None:
    """Write the files; a tag of its own makes each content another."""
    from unsung.synthesis.demo import make_demo

    demo = [p for p in make_demo(folder / "demo", seed=1) if p.suffix == ".flac"]
    sound = np.concatenate([soundfile.read(p, dtype="float32")[0] for p in demo])
    sound = sound if sound.ndim == 2 else np.stack([sound, sound], axis=1)
    sound = np.resize(sound, (round(seconds * RATE), 2))
    (folder / "music").mkdir()
    (folder / "one").mkdir()
    soundfile.write(folder / "whole.mp3", sound.clip(-1, 1), RATE, format="MP3")
    whole = (folder / "whole.mp3").read_bytes()
    for number in range(count):
        tag = b"TAG" + f"song {number}".encode().ljust(125, b"\0")  # ID3v1: 128 bytes at the end
        (folder / "music" / f"{number:05d}.mp3").write_bytes(whole + tag)
    soundfile.write(folder / "one" / "short.mp3", sound[: 2 * RATE], RATE, format="MP3")


def scan(folder: Path, music: str, jobs: int) -> dict[str, float]:
    """Scan into a fresh catalogue in a process of its own; return wall, CPU and memory."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    words = [sys.executable, "-m", "unsung", "scan", str(folder / music), "--quiet", "--csv"]
    words += ["--catalogue", str(folder / "out"), "--jobs", str(jobs)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    peak, parent = 0, 0
    while process.poll() is None:
        sizes = _sizes(process.pid)
        peak, parent = max(peak, sum(sizes)), max(parent, sizes[0] if sizes else 0)
        time.sleep(0.05)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise SystemExit(f"the scan ended with exit code {process.returncode}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": wall, "cpu_s": cpu, "peak_mb": peak / 1e6, "parent_mb": parent / 1e6}


def _sizes(pid: int) -> list[int]:
    try:
        process = psutil.Process(pid)
        return [p.memory_info().rss for p in (process, *process.children(recursive=True))]
    except psutil.Error:
        return []


def rows_per_s(folder: Path, count: int = 20_000) -> float:
    """Return how many rows one writer indexes and appends a second."""
    stamp = Stamp("default-1@0", 0.01, 0.5, "set")
    windows = tuple((10.0 * n, 0.5) for n in range(21))
    started = time.perf_counter()
    with ResumeFile(folder / "rows.jsonl", stamp) as store:
        for n in range(count):
            score = Score(f"/music/{n}.mp3", f"{n:064x}", 210.0, "default-1@0", windows, 0.5)
            store.settle(Row(n, score, facts=FileFacts(1, n, n + 10**12)))
    return count / (time.perf_counter() - started)


def skips_per_s(folder: Path, files: int) -> float:
    """Return how many finished files a second scan passes by a second, start left out."""
    words = [sys.executable, "-m", "unsung", "scan", "--quiet", "--jobs", "1", "--catalogue"]

    def wall(*inputs: str) -> float:
        started = time.perf_counter()
        subprocess.run([*words, str(folder / "out"), *inputs], check=True, capture_output=True)
        return time.perf_counter() - started

    music, often = str(folder / "music"), 20
    return files * (often - 1) / max(1e-3, wall(*[music] * often) - wall(music))


def measure(folder: Path, files: int, seconds: float, rounds: int) -> dict[str, float]:
    make_set(folder, files, seconds)
    start = min((scan(folder, "one", 1) for _ in range(2)), key=lambda found: found["cpu_s"])
    pairs = [(scan(folder, "music", 1), scan(folder, "music", 2)) for _ in range(rounds)]
    one, two = (min((p[k] for p in pairs), key=lambda found: found["wall_s"]) for k in (0, 1))
    hours = files * seconds / 3600
    lines = folder / "out" / "scores.jsonl"
    parts = sum(p.stat().st_size for p in (folder / "out" / "parts").iterdir())
    return {
        "files": files,
        "seconds": seconds,
        "start_s": start["wall_s"],
        **{f"one_{k}": v for k, v in one.items()},
        **{f"two_{k}": v for k, v in two.items()},
        "speed_up": statistics.median(a["wall_s"] / b["wall_s"] for a, b in pairs),
        "cpu_s_per_hour": min(a["cpu_s"] - start["cpu_s"] for a, _ in pairs) / hours,
        "rows_per_s": rows_per_s(folder),
        "skips_per_s": skips_per_s(folder, files),
        "jsonl_bytes": lines.stat().st_size / files,
        "parquet_bytes": parts / files,
    }


def table(measured: dict[str, float], far: dict[str, float]) -> str:
    """Return the tables as Markdown."""
    m = measured
    audio_s = m["files"] * m["seconds"]
    one, two = m["one_wall_s"], m["two_wall_s"]
    measured_rows = [
        ("wall, s (start and summary included)", f"{one:.2f}", f"{two:.2f}"),
        ("files/s", f"{m['files'] / one:.2f}", f"{m['files'] / two:.2f}"),
        ("x real time", f"{audio_s / one:.0f}", f"{audio_s / two:.0f}"),
        ("CPU, s", f"{m['one_cpu_s']:.2f}", f"{m['two_cpu_s']:.2f}"),
        ("memory of all processes, MB", f"{m['one_peak_mb']:.0f}", f"{m['two_peak_mb']:.0f}"),
        ("of the parent, MB", f"{m['one_parent_mb']:.0f}", f"{m['two_parent_mb']:.0f}"),
    ]
    single = [
        ("speed-up, one process to two (median of rounds)", f"{m['speed_up']:.2f}"),
        ("CPU seconds for an hour of sound", f"{m['cpu_s_per_hour']:.2f}"),
        ("start, one short file and summary, s", f"{m['start_s']:.2f}"),
        ("finished files passed by a second", f"{m['skips_per_s']:.0f}"),
        ("rows that one writer takes a second", f"{m['rows_per_s']:.0f}"),
        ("bytes a row: JSON Lines, Parquet", f"{m['jsonl_bytes']:.0f}, {m['parquet_bytes']:.0f}"),
    ]
    a = ASSUMED
    million = [
        (f"sound, hours (at {a['track_s']:.0f} s a track)", f"{far['audio_hours']:,.0f}"),
        ("core hours", f"{far['core_hours']:,.0f}"),
        (f"hours on {a['cores']} cores", f"{far['wall_hours']:.1f}"),
        (
            f"USD at {a['usd_per_core_hour']} a core hour ({a['usd_per_core_hour_spot']} spot)",
            f"{far['usd']:,.0f} ({far['usd_spot']:,.0f})",
        ),
        (
            f"USD for reading objects at {a['usd_per_1000_reads']} for 1000",
            f"{far['usd_reads']:,.0f}",
        ),
        (f"to read at {a['kbps']:.0f} kbit/s, TB", f"{far['read_tb']:,.0f}"),
        ("reading meanwhile, Gbit/s", f"{far['read_gbit_per_s']:.0f}"),
        ("rows a second; writers that takes", f"{far['rows_per_s']:.0f}; {far['writers']:.2f}"),
        ("rows: JSON Lines, Parquet, GB", f"{far['jsonl_gb']:.0f}, {far['parquet_gb']:.0f}"),
        ("index in memory, one writer for all, GB", f"{far['index_gb']:.1f}"),
    ]
    lines = ["| | one process | two processes |", "|---|--:|--:|"]
    lines += [f"| {a} | {b} | {c} |" for a, b, c in measured_rows]
    lines += ["", "| | measured |", "|---|--:|", *(f"| {a} | {b} |" for a, b in single)]
    lines += ["", "| 100 million tracks | |", "|---|--:|", *(f"| {a} | {b} |" for a, b in million)]
    return "\n".join(lines) + "\n"


def with_costs(page: str, measured: dict[str, float]) -> str:
    """Return the page with its table of costs made from these figures."""
    begin, end = "<!-- begin costs -->\n", "<!-- end costs -->"
    before, _, rest = page.partition(begin)
    after = rest.partition(end)[2]
    return f"{before}{begin}{table(measured, arithmetic(measured))}{end}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("results/catalogue-speed"))
    parser.add_argument("--files", type=int, default=48)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--docs", type=Path, default=None, help="page whose table is replaced")
    options = parser.parse_args()
    load = [f"{value:.1f}" for value in os.getloadavg()]
    with tempfile.TemporaryDirectory() as name:
        measured = measure(Path(name), options.files, options.seconds, options.rounds)
    loads = f"{'/'.join(load)}, after {'/'.join(f'{v:.1f}' for v in os.getloadavg())}"
    far = arithmetic(measured)
    about = (__doc__ or "").split("\n\n", 2)[2].replace("\n", " ").strip()
    head = (
        "# What a catalogue costs\n\nWritten by `python bench/catalogue.py`; do not edit. "
        f"{about}\n\nMachine: {len(os.sched_getaffinity(0))} cores, Python "
        f"{platform.python_version()}, unsung {unsung.__version__}; {options.files} files of "
        f"{options.seconds:g} s, {options.rounds} rounds. Load average (other programs and this "
        f"one): before {loads}.\n\n"
    )
    options.output.with_suffix(".md").write_text(head + table(measured, far), encoding="utf-8")
    found = {"measured": measured, "assumed": ASSUMED, "hundred_million": far, "load": loads}
    options.output.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    if options.docs is not None:
        text = options.docs.read_text(encoding="utf-8")
        options.docs.write_text(with_costs(text, measured), encoding="utf-8")
    print(table(measured, far))


if __name__ == "__main__":
    main()
