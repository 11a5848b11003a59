# SPDX-License-Identifier: MIT
"""Tracks of made-up generators: noise with lines at a decoder's spacing, and without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from unsung.audio import signals
from unsung.fingerprints.spectra import TrackSpectra, measure_clip
from unsung.types import Track

RATE_HZ, SECONDS = 16000, 5.0


def sound(seed: int, spacing_hz: float = 0.0, level: float = 5e-3) -> np.ndarray:
    """Return noise of its own colour, with lines if asked."""
    made = np.convolve(signals.noise(seed, SECONDS, RATE_HZ, 0.05), [1.0, 0.3 + 0.02 * (seed % 9)])
    made = made[: round(SECONDS * RATE_HZ)]
    if spacing_hz:
        made = made + signals.comb(spacing_hz, SECONDS, RATE_HZ, level, seed)
    return made.astype(np.float32)


def spectra(
    generator: str, seed: int, spacing_hz: float = 0.0, *, fold: str = "0", page: str = ""
) -> TrackSpectra:
    label = "human" if generator == "human" else "ai"
    name = f"{generator}-{seed}"
    track = Track(
        id=name,
        path=name,
        label=label,  # type: ignore[arg-type]
        generator="" if label == "human" else generator,
        family="" if label == "human" else generator.split("-", maxsplit=1)[0],
        group=page or name,
        recording=name,
        split=fold,
    )
    return measure_clip(sound(seed, spacing_hz), RATE_HZ, track)


def write_table(folder: Path, rows: list[tuple[str, int, float, str]]) -> Path:
    """Write sounds and their table: (generator or human, seed, spacing, fold)."""
    lines = ["path,label,generator,family,source,recording,fold"]
    for generator, seed, spacing, fold in rows:
        name = f"{generator}-{seed}.wav"
        soundfile.write(folder / name, sound(seed, spacing), RATE_HZ)
        label = "human" if generator == "human" else "ai"
        shown = "" if label == "human" else generator
        lines.append(f"{name},{label},{shown},{shown},page{fold}-{generator},{name},{fold}")
    table = folder / "music.csv"
    table.write_text("\n".join(lines) + "\n")
    return table
