# SPDX-License-Identifier: MIT
"""CPU time of attacks as ratios to well-known twins, in one run on one pinned core.

    python bench/attacks.py [-o results/attacks-speed.md]

Twins: `librosa.effects.pitch_shift` and `time_stretch`, a bare `scipy.signal.butter` + `sosfilt`
of the same order, and libsndfile's own MP3 writer and reader in memory (the same LAME, without
FFmpeg and without alignment). The sound is 30 s of 44.1 kHz stereo. Times are CPU seconds, the best
of several rounds in which the contenders alternate. A ratio above 1 means that the twin is slower.
"Core" is the one library call inside ours that no wrapper can make faster: SciPy's `sosfilt` (the
twin itself) for the low-pass, LAME as FFmpeg builds it for MP3; where it is nearly everything, what
is left of the ratio is the steady start, the float32 result and the check for finite samples, or
the other build of LAME.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import librosa
import numpy as np
import scipy
import soundfile
from scipy import signal

from unsung import registry
from unsung.attacks._filters import butterworth
from unsung.audio.write import encode
from unsung.types import Clip

SECONDS, RATE, ROUNDS = 30, 44100, 5
CORES = ("low_pass", "mp3")
STRENGTHS = {"pitch_shift": 2.0, "time_stretch": 1.1, "low_pass": 4000.0, "mp3": 128.0}


def sound() -> Clip:
    """Decaying chords over a floor of noise, in stereo."""
    rng = np.random.default_rng(0)
    t = np.arange(SECONDS * RATE) / RATE
    out = 0.003 * rng.standard_normal((2, len(t)))
    for start_s in np.arange(0, SECONDS, 0.5):
        since = np.maximum(t - start_s, 0)
        root = 110 * 2 ** (rng.integers(0, 24) / 12)
        for k in range(1, 12):
            wave = (t >= start_s) * np.exp(-since * (2 + k)) * np.sin(2 * np.pi * k * root * since)
            out += 0.15 / k * wave * rng.uniform(0.5, 1, (2, 1))
    return Clip((0.7 * out / np.abs(out).max()).astype(np.float32), RATE)


def twins(clip: Clip) -> dict[str, Callable[[], object]]:
    samples = clip.samples

    def low_pass() -> object:
        sections = signal.butter(4, STRENGTHS["low_pass"], "lowpass", fs=RATE, output="sos")
        return signal.sosfilt(sections, samples, axis=-1)

    def mp3() -> object:
        file = io.BytesIO()
        options = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT"}
        # libsndfile maps 1 - level linearly on 32 to 320 kbps
        soundfile.write(file, samples.T, RATE, compression_level=1 - (128 - 32) / 288, **options)
        file.seek(0)
        return soundfile.read(file, dtype="float32")

    return {
        "pitch_shift": lambda: librosa.effects.pitch_shift(samples, sr=RATE, n_steps=2.0),
        "time_stretch": lambda: librosa.effects.time_stretch(samples, rate=1.1),
        "low_pass": low_pass,
        "mp3": mp3,
    }


def cores(clip: Clip) -> dict[str, Callable[[], object]]:
    """Return the calls inside ours that cost most."""
    sections = butterworth("lowpass", STRENGTHS["low_pass"], 24, RATE)
    return {
        "low_pass": lambda: signal.sosfilt(sections, clip.samples, axis=-1),
        "mp3": lambda: encode(clip.samples, RATE, "mp3", STRENGTHS["mp3"]),
    }


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def measure(clip: Clip) -> dict[str, list[float]]:
    """Return the best seconds of (ours, twin, core) by name."""
    found, inside = {}, cores(clip)
    for name, twin in twins(clip).items():
        attack = registry.get("attacks", name)()
        strength = STRENGTHS[name]
        works = [lambda a=attack, s=strength: a(clip, s), twin, inside.get(name, lambda: None)]
        rounds = [[cpu(work) for work in works] for _ in range(ROUNDS)]
        found[name] = [min(times) for times in zip(*rounds, strict=True)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, default=Path("results/attacks-speed.md"))
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-1]})
    rows = [
        f"| {name}@{STRENGTHS[name]:g} | {1e3 * ours:.0f} | {1e3 * twin:.0f} | {twin / ours:.2f} "
        f"| {f'{core / ours:.0%}' if name in CORES else ''} |"
        for name, (ours, twin, core) in measure(sound()).items()
    ]
    about = __doc__.split("\n\n")[2].strip().replace("\n", " ")
    lines = [
        "# Speed of attacks",
        "",
        f"Written by `python bench/attacks.py`; do not edit. {about}",
        "",
        f"Python {platform.python_version()}, librosa {librosa.__version__}, "
        f"SciPy {scipy.__version__}; best of {ROUNDS} rounds.",
        "",
        "| attack | ours, CPU ms | twin, CPU ms | twin / ours | core / ours |",
        "|---|--:|--:|--:|--:|",
        *rows,
        "",
    ]
    text = "\n".join(lines)
    print(text)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
