# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE_HZ = 22050
Wav = Callable[..., Path]


@pytest.fixture
def wav(tmp_path: Path) -> Wav:
    """Write noise with a few tones: enough sound for a verdict, cheap to decode."""

    def write(name: str = "song.wav", seconds: float = 4.0, seed: int = 0) -> Path:
        rng = np.random.default_rng(seed)
        times_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
        tones = sum(np.sin(2 * np.pi * hz * times_s) for hz in rng.uniform(200, 4000, 4))
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = rng.standard_normal(len(times_s))
        soundfile.write(path, 0.05 * tones + 0.05 * noise, RATE_HZ, subtype="PCM_16")
        return path

    return write


@pytest.fixture
def broken(tmp_path: Path, wav: Wav) -> dict[str, str]:
    """Write every kind of broken file into ``broken/``; return name → expected error type."""
    folder = tmp_path / "broken"
    folder.mkdir()
    whole = wav("whole.wav").read_bytes()

    def sound(name: str, samples: np.ndarray) -> None:
        soundfile.write(folder / name, samples.astype(np.float32), RATE_HZ, subtype="FLOAT")

    (folder / "empty.mp3").write_bytes(b"")
    (folder / "random.mp3").write_bytes(np.random.default_rng(1).bytes(5000))
    (folder / "zip.mp3").write_bytes(b"PK\x03\x04\x14\x00\x01\x00" + bytes(200))
    (folder / "page.mp3").write_text("<!doctype html><html><body>404</body></html>")
    (folder / "cut.wav").write_bytes(whole[: int(len(whole) * 0.9)])
    sound("silent.wav", np.zeros(3 * RATE_HZ))
    sound("constant.wav", np.full(3 * RATE_HZ, 0.25))
    sound("nan.wav", np.full(3 * RATE_HZ, np.nan))
    sound("short.wav", np.random.default_rng(2).standard_normal(RATE_HZ // 20) * 0.1)
    (folder / "dangling.wav").symlink_to(folder / "nowhere.wav")
    return {
        "empty.mp3": "EmptyAudio",
        "random.mp3": "UnreadableAudio",
        "zip.mp3": "NotAudio",
        "page.mp3": "NotAudio",
        "cut.wav": "TruncatedAudio",
        "silent.wav": "SilentAudio",
        "constant.wav": "SilentAudio",
        "nan.wav": "NotFinite",
        "short.wav": "TooShort",
        "dangling.wav": "UnreadableAudio",
    }
