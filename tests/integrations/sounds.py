# SPDX-License-Identifier: MIT
"""Sound for the tests of integrations: a calm recording-like noise, and a comb of steady lines."""

import os
import sys
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[2]
RATE_HZ = 16000


def programs(folder):
    """Write a program `unsung` that runs the source tree, and return PATH with it in front."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, call in (("unsung", "-m unsung"), ("python", "")):
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" {call} "$@"\n')
        path.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def surroundings(folder):
    return {
        **os.environ,
        "PATH": programs(folder),
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHONWARNINGS": "ignore",
        "NO_COLOR": "1",
        "OMP_NUM_THREADS": "1",
    }


def plain(seed=0, duration_s=8.0):
    """Return noise with a gently falling spectrum. Shape: [time]."""
    rng = np.random.default_rng(seed)
    white = rng.standard_normal(round(duration_s * RATE_HZ))
    return (0.05 * (white + np.concatenate([[0.0], white[:-1]]))).astype(np.float32)


def write_plain(path, seed=0, **kwargs):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, plain(seed), RATE_HZ, **kwargs)
    return path
