# SPDX-License-Identifier: MIT
"""Where tests find released weights, and the sounds that their stored logits belong to."""

import os
from pathlib import Path

import numpy as np
import pytest


def weights(relative):
    """Return a released file under $UNSUNG_WEIGHTS, or skip the test and say so."""
    folder = os.environ.get("UNSUNG_WEIGHTS")
    if not folder:
        pytest.skip(f"UNSUNG_WEIGHTS is not set: {relative} was not compared with its authors'")
    path = Path(folder) / relative
    if not path.is_file():
        pytest.skip(f"UNSUNG_WEIGHTS holds no {relative}: not compared with its authors'")
    return path


def published_tone(rate_hz, n_samples, sweep_over_clip):
    """Tone, sweep and beating tone; the sweep ends after the clip, or rises 400 Hz a second.

    Shape: → ``[1, time]``.
    """
    t = np.arange(n_samples) / rate_hz
    rise = 400 * t / t[-1] if sweep_over_clip else 400 * t
    sound = 0.3 * np.sin(2 * np.pi * 220 * t) + 0.2 * np.sin(2 * np.pi * (300 + rise) * t)
    sound = sound + 0.1 * np.sin(2 * np.pi * 3000 * t) * np.sin(4 * np.pi * t)
    return sound.astype("f4")[None]


def fill(module, scale=0.04):
    """Fill a module with weights anyone can make again: sines over sorted names.

    Variances and the weights of norms are near 1, so that signals survive.
    """
    import torch

    state = module.state_dict()
    names = [name for name in sorted(state) if not name.endswith("num_batches_tracked")]
    for j, name in enumerate(names):
        value = state[name]
        wave = np.sin(0.731 * np.arange(value.numel()) + 1.37 * (j + 1)).reshape(value.shape)
        norm = ("bn" in name or "norm" in name) and name.endswith("weight")
        wave = 1 + 0.1 * wave if norm or name.endswith("running_var") else scale * wave
        state[name] = torch.from_numpy(np.asarray(wave, "f4"))
    module.load_state_dict(state)
    return module
