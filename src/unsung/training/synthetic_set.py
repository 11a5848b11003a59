# SPDX-License-Identifier: MIT
"""A set made by this program, on which every recipe must learn within minutes.

    python -m unsung.training.synthetic_set --out synthetic
    python -m unsung.training.architectures --data synthetic/set.jsonl --out crews-synthetic

Pieces composed and played by `unsung.synthesis` stand for "human"; "ai" is the same excerpt with
steady lines at multiples of 500 Hz from 500 to 7500 Hz, together as loud as that band, and brought
back to the level it had. Anyone can make it again, bit by bit, without data. Folds are by piece.
When not to use: to measure a detector. It shows that a recipe's training works, and nothing else.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from unsung.data.manifests import write_manifest
from unsung.errors import UnsungError, UsageError
from unsung.explainers._planted import with_tones
from unsung.synthesis.render import render
from unsung.synthesis.score import PIECES, compose
from unsung.types import Clip, Track

__all__ = ["FOLDS", "LINES_HZ", "main", "make_set", "marked"]

LINES_HZ = (500.0, 7500.0)
FOLDS = 5
LEAD_S = 1.0
"""Left out at the start: a piece begins with near silence."""


def main(argv: Sequence[str] | None = None) -> None:
    """Make the set from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for FLAC and set.jsonl")
    parser.add_argument("--pieces", type=int, default=60, help="three in turn, a seed each")
    parser.add_argument("--excerpts", type=int, default=3, help="of each piece")
    parser.add_argument("--seconds", type=float, default=6.0, help="length of an excerpt")
    given = parser.parse_args(argv)
    print(make_set(given.out, given.pieces, given.excerpts, given.seconds))


def make_set(out: Path, pieces: int, excerpts: int, seconds: float) -> Path:
    """Write the excerpts and their manifest; return the manifest's path.

    Args:
        out: ``NAME.flac`` (mono, 44.1 kHz, 16 bit) and ``set.jsonl``.
        pieces: how many; piece K lies in fold ``K mod 5``.
        excerpts: of each piece, one after the other.
        seconds: length of each.

    Raises:
        UsageError: fewer pieces than folds, or excerpts longer than a piece.
    """
    if pieces < FOLDS:
        raise UsageError(f"expected at least {FOLDS} pieces, one a fold, got {pieces}")
    out.mkdir(parents=True, exist_ok=True)
    tracks = [track for n in range(pieces) for track in _piece(out, n, excerpts, seconds)]
    manifest = out / "set.jsonl"
    write_manifest(manifest, "synthetic", "1", tracks)
    return manifest


def marked(clip: Clip) -> Clip:
    """Return the clip with the lines of class "ai", as loud in all as it was."""
    low, high = LINES_HZ
    samples = with_tones(clip, low, high)
    level = np.sqrt(np.mean(np.square(clip.samples)) / np.mean(np.square(samples)))
    return replace(clip, samples=np.asarray(level * samples, np.float32))


def _piece(out: Path, n: int, excerpts: int, seconds: float) -> Iterator[Track]:
    name = list(PIECES)[n % len(PIECES)]
    whole = render(compose(name, seed=n), seed=n)
    rate = whole.sample_rate_hz
    if LEAD_S + excerpts * seconds > whole.duration_s:
        raise UsageError(
            f"expected excerpts that fit into {name} ({whole.duration_s:.1f} s after a lead of "
            f"{LEAD_S:g} s), got {excerpts} of {seconds:g} s; take fewer or shorter ones"
        )
    mono = whole.samples.mean(axis=0, keepdims=True)
    for k in range(excerpts):
        start = round((LEAD_S + k * seconds) * rate)
        played = Clip(mono[:, start : start + round(seconds * rate)], rate)
        for label, clip in (("human", played), ("ai", marked(played))):
            path = out / f"{name}-{n}-{k}-{label}.flac"
            soundfile.write(path, np.clip(clip.samples[0], -1, 1), rate, subtype="PCM_16")
            yield Track(
                id=path.name, path=str(path), label=label,  # type: ignore[arg-type]
                generator="lines" if label == "ai" else "", group=f"{name}-{n}",
                split=str(n % FOLDS), duration_s=seconds, sample_rate_hz=rate, channels=1,
                codec="flac", licence="CC0-1.0", use="full", recording=f"{name}-{n}-{k}",
            )  # fmt: skip


if __name__ == "__main__":
    try:
        main()
    except UnsungError as error:
        sys.exit(str(error))
