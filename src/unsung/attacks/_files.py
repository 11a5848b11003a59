# SPDX-License-Identifier: MIT
"""Attacks a file: reads it, runs the chain, writes the result, and says how far it went.

Units: seconds; dB of waveform SNR (only where time was kept) and of the difference between the two
long-term spectra. When not to use: for experiments, which keep clips in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import signal

from unsung import registry
from unsung.attacks._chain import Chain, parse
from unsung.attacks._options import setting_names
from unsung.attacks._presets import PRESETS
from unsung.audio.fetch import local_file
from unsung.audio.read import read_sound
from unsung.audio.write import write
from unsung.errors import UsageError
from unsung.outputs import Kind, output_file, replacing
from unsung.types import Clip, FloatArray, Record

__all__ = [
    "Attacked",
    "attack_file",
    "attack_source",
    "described",
    "snr_db",
    "spectrum_difference_db",
]

_FRAME, _DEAF_DB = 4096, 60.0
_MARK = "made by unsung attack"
"""Comment of every output: it tells whoever finds the file, and lets the next run replace it."""


def _is_marked(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(1 << 16)
        file.seek(max(0, path.stat().st_size - 4096))  # of an MP3 it stands at the end
        return _MARK.encode() in start + file.read()


ATTACKED = Kind("an attacked sound", (), _is_marked)


@dataclass(frozen=True)
class Attacked(Record):
    """What was done to one file; without `snr_db` time was moved, or nothing was changed."""

    chain: str
    seed: int
    duration_s: float
    attacked_s: float
    kept_time: bool
    snr_db: float | None
    spectrum_db: float
    peak: float


def attack_source(
    source: str,
    text: str,
    output: Path,
    *,
    strength: float | None = None,
    seed: int = 0,
    partner: Path | None = None,
) -> Attacked:
    """Attack a path, an address or ``-`` (standard input) with a chain given as text.

    Args:
        source: what to read.
        text: as `parse` reads it.
        output: file to write.
        strength: that of a single attack; a chain carries its own.
        seed: of everything drawn at random.
        partner: file of the second clip, for attacks that need one.

    Raises:
        UsageError: a strength for a chain, or what `parse` and `attack_file` raise.
    """
    if strength is not None:
        if "@" in text or "+" in text:
            raise UsageError(
                f"'{text}': expected a strength for one attack, got one for a chain; "
                "write it behind each name: mp3@64+pitch_shift@1"
            )
        text = f"{text}@{strength!r}"
    output_file(output, (source, partner), ATTACKED)
    parse(text)  # what is misspelt shows before anything is read
    chain = parse(text, read_sound(partner) if partner else None)
    for step in chain.steps:
        if step.attack.needs_partner and partner is None:
            raise UsageError(f"{step.name} needs a second clip, got none; give --partner FILE")
        if step.attack.needs_model:
            raise UsageError(
                f"{step.name} needs a model, which text cannot name; build it in Python "
                f"(help: unsung.attacks.{step.name})"
            )
    with local_file(source) as path:
        return attack_file(path, chain, output, seed)


def attack_file(source: str | Path, chain: Chain, output: Path, seed: int = 0) -> Attacked:
    """Write `source` after `chain` to `output`; the extension names the format.

    The output appears whole or not at all.

    Raises:
        UsageError: the output is the input, or a sound that no attack wrote.
        UnknownName: the output's extension is no known sound format.
        AudioError: the input cannot be read, or a scan would find no sound in it.
    """
    output_file(output, (source,), ATTACKED)
    clip = read_sound(source)
    with replacing(output) as part:
        # a wrong extension or folder shows before the work, not after it
        write(part, Clip(np.zeros((1, clip.sample_rate_hz // 10), np.float32), clip.sample_rate_hz))
        after = chain(clip, seed)
        write(part, after, _MARK)
    kept = chain.time_scale == 1
    snr = snr_db(clip, after) if kept else float("inf")
    return Attacked(
        chain=str(chain),
        seed=seed,
        duration_s=clip.duration_s,
        attacked_s=after.duration_s,
        kept_time=kept,
        snr_db=snr if np.isfinite(snr) else None,
        spectrum_db=spectrum_difference_db(clip, after),
        peak=float(np.abs(after.samples).max(initial=0.0)),
    )


def snr_db(before: Clip, after: Clip) -> float:
    """Return the energy of a clip over that of what was added; inf where nothing was.

    Shape: samples ``[channel, time]``, equal in both.
    """
    added = float(np.square(after.samples - before.samples, dtype=np.float64).sum())
    energy = float(np.square(before.samples, dtype=np.float64).sum())
    if added == 0:
        return float("inf")
    return float(10 * np.log10(max(energy, 1e-30) / added))


def spectrum_difference_db(before: Clip, after: Clip) -> float:
    """Return the root mean square difference of the long-term spectra, whatever the lengths.

    Bins 60 dB below the loudest count as if they lay there.
    """
    one, two = (_long_term(clip) for clip in (before, after))
    floor = max(float(one.max()), 1e-30) * 10 ** (-_DEAF_DB / 10)
    ratio = 10 * np.log10((one + floor) / (two + floor))
    return float(np.sqrt(np.mean(np.square(ratio))))


def described() -> tuple[list[tuple[str, str, str]], list[tuple[str, str]]]:
    """Return (name, strengths, summary) of every attack, and (name, chain) of every preset."""
    attacks = []
    for name in registry.names("attacks"):
        kind = registry.get("attacks", name)
        values = ", ".join(f"{value:g}" for value in kind.strengths)
        settings = "".join(f":{key}={value:g}" for key, value in setting_names(kind).items())
        extra = f" · settings {settings}" if settings else ""
        extra += " · needs --partner" if kind.needs_partner else ""
        extra += " · Python only (needs a model)" if kind.needs_model else ""
        line = f"{values} {kind.unit}; default {kind.default:g}{extra}"
        attacks.append((name, line, registry.summary("attacks", name)))
    return attacks, sorted(PRESETS.items())


def _long_term(clip: Clip) -> FloatArray:
    """Return the mean power spectrum of all channels. Shape: ``[bin]``."""
    missing = max(0, _FRAME - clip.samples.shape[1])
    samples = np.pad(clip.samples, ((0, 0), (0, missing)))
    spectra = signal.welch(samples, nperseg=_FRAME)[1]
    return np.asarray(spectra.mean(axis=0), dtype=np.float32)
