# SPDX-License-Identifier: MIT
"""Speed of the instrument corpus: real time per core, two processes, and rendering alone.

    python bench/instruments.py [-o results/instruments-speed.md] [--clips 400]

Clips are those of the preset `wimu` (5 s, 44.1 kHz, mono, 1 to 4 instruments in turn). A clip's
time covers drawing, rendering every part alone, mixing, FLAC, MIDI, hashes and labels. Rendering
alone is compared with FluidSynth's own command line program on the same MIDI files and SoundFont,
without reverb and chorus, in CPU seconds. Labels are checked on the clips that were timed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import resource
import subprocess
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import soundfile

from unsung.errors import SilentAudio
from unsung.synthesis.instruments import PRESETS, find_soundfont, make_corpus, program, read_labels
from unsung.synthesis.instruments.midi import read_midi
from unsung.synthesis.instruments.render import render_parts
from unsung.synthesis.instruments.verify import check_pitch

RENDERED = 40  # clips for the comparison of engines
ROUNDS, SCALED = 2, 96  # rounds and clips for the comparison of one process with two
SPIN = 50_000_000
AUDIBLE_DB = -40.0


def child_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def engines(folder: Path, soundfont: Path) -> dict[str, float]:
    """Seconds of sound per CPU second, both engines on the same MIDI files."""
    files = sorted((folder / "midi").glob("*.mid"))[:RENDERED]
    start = time.process_time()
    for file in files:
        render_parts(read_midi(file), soundfont, 5.0)
    inside = 5.0 * len(files) / (time.process_time() - start)
    out = folder / "cli.wav"
    command = ["fluidsynth", "-ni", "-q", "-R", "0", "-C", "0", "-r", "44100", "-O", "float"]
    seconds, start = 0.0, child_cpu_s()
    for file in files:
        subprocess.run([*command, "-F", out, soundfont, file], check=True, capture_output=True)
        seconds += soundfile.info(out).duration  # the program decides where the tail ends
    program_speed = seconds / (child_cpu_s() - start)
    hashes = set()
    for _ in range(8):
        subprocess.run([*command, "-F", out, soundfont, files[3]], check=True, capture_output=True)
        hashes.add(hashlib.sha256(out.read_bytes()).hexdigest())
    ours = {render_parts(read_midi(files[3]), soundfont, 5.0).tobytes() for _ in range(8)}
    return {
        "inside": inside,
        "program": program_speed,
        "program_files": len(hashes),
        "inside_files": len(ours),
    }


def scaling(folder: Path) -> tuple[float, bool]:
    """Best wall time of one process over that of two, alternating; and whether results agree."""
    spec = replace(PRESETS["wimu"], n_clips=SCALED)
    walls: dict[int, list[float]] = {1: [], 2: []}
    manifests = set()
    for number in range(ROUNDS):
        for jobs, seconds in walls.items():
            out = folder / f"{jobs}-{number}"
            seconds.append(make_corpus(spec, out, jobs=jobs).wall_s)
            manifests.add((out / "manifest.jsonl").read_bytes())
    return min(walls[1]) / min(walls[2]), len(manifests) == 1


def spin(count: int) -> int:
    return sum(range(count))


def control() -> float:
    """The same ratio for bare additions: what the machine had to give at that moment."""
    best = {1: float("inf"), 2: float("inf")}
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        list(pool.map(spin, [10, 10]))
        for _ in range(ROUNDS):
            start = time.perf_counter()
            spin(SPIN), spin(SPIN)
            best[1] = min(best[1], time.perf_counter() - start)
            start = time.perf_counter()
            list(pool.map(spin, [SPIN, SPIN]))
            best[2] = min(best[2], time.perf_counter() - start)
    return best[1] / best[2]


def pitches(soundfont: Path) -> list[str]:
    rows = []
    for number in PRESETS["wimu"].programs:
        entry, cents, octaves = program(number), [], []
        for pitch in range(60, 73):
            try:
                found = check_pitch(entry, pitch, soundfont)
            except SilentAudio:
                continue
            cents.append(abs(found.error_cents))
            octaves.append(found.octave)
        off = ", ".join(f"{o:+d}" for o in sorted(set(octaves)) if o) or "–"
        rows.append(
            f"| {entry.name} | {len(cents)} of 13 | {np.median(cents):.1f} | {max(cents):.1f} "
            f"| {off} |"
        )
    return rows


def page(clips: int) -> str:
    soundfont = find_soundfont()
    spec = replace(PRESETS["wimu"], n_clips=clips)
    with tempfile.TemporaryDirectory() as name:
        one_folder = Path(name) / "one"
        load = os.getloadavg()[0]
        one = make_corpus(spec, one_folder, jobs=1)
        faster, same = scaling(Path(name))
        free = control()
        size = sum(p.stat().st_size for p in (one_folder / "audio").iterdir())
        shares = [
            i.share_db for r in read_labels(one_folder / "labels.jsonl") for i in r.instruments
        ]
        engine = engines(one_folder, soundfont)
    hours = 8000 * 5.0 / one.real_time_per_core / 3600
    lines = [
        "# Speed of the instrument corpus",
        "",
        f"Written by `python bench/instruments.py`; do not edit. {' '.join(_purpose())}",
        "",
        f"Machine: {os.cpu_count()} cores; Python {platform.python_version()}; {clips} clips; "
        f"SoundFont {soundfont.resolve().name}; load average {load:.1f} at the start (above 0, "
        "other work shared the cores: wall times are then worse than CPU times, and two processes "
        "gain less).",
        "",
        "| | measured |",
        "|---|--:|",
        f"| whole clips, × real time per core | {one.real_time_per_core:.0f} |",
        f"| one process / two (wall, {SCALED} clips, best of {ROUNDS}) | {faster:.2f} |",
        f"| the same ratio for bare additions, right after | {free:.2f} |",
        f"| clips that failed | {len(one.failures)} |",
        f"| one process and two gave the same manifest (hashes of all files) | {same} |",
        f"| rendering alone in the process, × real time | {engine['inside']:.0f} |",
        f"| rendering alone by the program `fluidsynth`, × real time | {engine['program']:.0f} |",
        f"| different results of 8 renderings, in the process | {engine['inside_files']:.0f} |",
        f"| different results of 8 renderings, program | {engine['program_files']:.0f} |",
        f"| MiB a clip (FLAC, 24 bit, mono) | {size / one.n_made / 2**20:.2f} |",
        f"| 8 000 clips on one core, hours (extrapolated from these {clips}) | {hours:.2f} |",
        "",
        f"Labels of the same clips: {len(shares)} parts, the quietest at {min(shares):.1f} dB of "
        f"its mix; {sum(share <= AUDIBLE_DB for share in shares)} at or below {AUDIBLE_DB:.0f} dB.",
        "",
        "Pitch of single notes, 60 to 72, against the label. Octaves are the instrument's own (an "
        "organ's lowest drawbar) or, where cents are in the hundreds, an inharmonic sound whose "
        "partials have no common fundamental.",
        "",
        "| instrument | notes with a pitch | median error, cents | largest | octaves off |",
        "|---|--:|--:|--:|--:|",
        *pitches(soundfont),
    ]
    return "\n".join(lines) + "\n"


def _purpose() -> list[str]:
    text = (__doc__ or "").split("\n\n")[2]
    return text.split()


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed of the instrument corpus.")
    parser.add_argument("-o", "--output", type=Path, default=Path("results/instruments-speed.md"))
    parser.add_argument("--clips", type=int, default=400)
    wanted = parser.parse_args()
    wanted.output.write_text(page(wanted.clips), encoding="utf-8")
    print(wanted.output.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
