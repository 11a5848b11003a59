# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import soundfile

from unsung.api.settings import Limits, ServerSettings

from .helpers import NAUGHTY, Live, running

RATE_HZ = 22050


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    with running(ServerSettings(limits=Limits(workers=1))) as found:
        yield found


@pytest.fixture(scope="module")
def naughty() -> Iterator[Live]:
    limits = Limits(
        workers=2, queue=1, upload_mb=1.0, files=3, decode_s=3.0, duration_s=20.0, stall_s=1.5
    )
    with running(ServerSettings(limits=limits), program=NAUGHTY) as found:
        yield found


@pytest.fixture(scope="session")
def song(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """Make the bytes of a file: noise with a few tones, enough for a verdict."""
    folder = tmp_path_factory.mktemp("songs")

    def make(
        seed: int = 0, seconds: float = 4.0, kind: str = "WAV", subtype: str | None = None
    ) -> bytes:
        rng = np.random.default_rng(seed)
        times_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
        tones = sum(np.sin(2 * np.pi * hz * times_s) for hz in rng.uniform(200, 4000, 4))
        path = folder / f"{seed}-{seconds}.{kind.lower()}"
        noise = rng.standard_normal(len(times_s))
        soundfile.write(path, 0.05 * tones + 0.05 * noise, RATE_HZ, format=kind, subtype=subtype)
        return path.read_bytes()

    return make
