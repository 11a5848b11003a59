# SPDX-License-Identifier: MIT
"""One scored pair for all tests of integrations: demo music, and the same through a decoder."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def sounds():
    return load(Path(__file__).with_name("sounds.py"), "integration_sounds")


@pytest.fixture(scope="session")
def pair(tmp_path_factory):
    """Return two FLAC files: music by rule, and its copy whose lines make the verdict `ai`."""
    from unsung.synthesis.decoder import resynthesise
    from unsung.synthesis.render import render
    from unsung.synthesis.score import compose

    folder = tmp_path_factory.mktemp("pair")
    played = render(compose("bells", 0), 0)
    for name, clip in (("human", played), ("decoded", resynthesise(played, (8, 8, 8), 0))):
        sound = np.clip(clip.samples, -1, 1)
        soundfile.write(folder / f"{name}.flac", sound.T, clip.sample_rate_hz, subtype="PCM_16")
    return folder / "human.flac", folder / "decoded.flac"
