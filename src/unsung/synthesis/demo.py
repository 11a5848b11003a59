# SPDX-License-Identifier: MIT
"""Writes the demo folder: each piece as played, and once more through a strided decoder.

Source: `unsung.synthesis.score`, `.render` and `.decoder`; nothing recorded, nothing downloaded.
Units: Hz, dB. When not to use: to measure a detector; three pieces by one program prove nothing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from unsung.outputs import FOREIGN, Kind, output_folder, replacing, text_with, write_whole
from unsung.synthesis.decoder import predicted_peaks_hz, resynthesise
from unsung.synthesis.render import render
from unsung.synthesis.score import PIECES, compose
from unsung.types import Clip

__all__ = ["STRIDES", "make_demo"]

STRIDES: dict[str, tuple[int, ...]] = {
    "ensemble": (8, 8, 4, 2),
    "guitar": (8, 5, 4, 2),
    "bells": (8, 8, 8),
}
"""Piece → strides of the decoder it passes. Their products set the spacing of the lines."""

_TITLE = "Demo sound of unsung, made by this program itself"
WRITTEN = {
    "README.txt": Kind("the demo's note", (), text_with(_TITLE)),
    **{f"{name}{kind}.flac": FOREIGN for name in STRIDES for kind in ("", "-decoded")},
}
"""What stands in the folder; the note is its sign."""
_ABOUT = (
    _TITLE
    + """ (seed {seed}).

{names}.flac
    Small original pieces, composed by rule and played by formulas: struck and plucked strings,
    bells, pads, drums, a room, a noise floor at -78 dB. No recording, no neural network.
    Stereo, 44.1 kHz.

*-decoded.flac
    The same samples through a strided decoder: a lapped transform into slow latents, then a
    stack of transposed convolutions with slightly wrong kernels, small biases and a mild
    nonlinearity. That is the mechanism that leaves regularly spaced lines in the spectrum of
    neural decoders (Afchar et al., ISMIR 2025). The music is the same; only the lines tell.

{table}

Three pieces by one program show the mechanism. They measure no detector.
Dedicated to the public domain (CC0 1.0).
"""
)


def make_demo(folder: Path, seed: int = 0) -> list[Path]:
    """Write all pieces, decoded and not, and a README.txt; return the paths written."""
    output_folder(folder, (), WRITTEN, signs=("README.txt",))
    paths: list[Path] = []
    lines: list[str] = []
    readme = folder / "README.txt"
    write_whole(readme, _TITLE)  # the sign of the folder: from here on it is known as ours
    for name in PIECES:
        played = render(compose(name, seed), seed)
        decoded = resynthesise(played, STRIDES[name], seed)
        paths.append(_write(played, folder / f"{name}.flac"))
        paths.append(_write(decoded, folder / f"{name}-decoded.flac"))
        first_hz = predicted_peaks_hz(STRIDES[name], played.sample_rate_hz)[0]
        strides = " x ".join(str(stride) for stride in STRIDES[name])
        lines.append(f"{name}-decoded.flac: strides {strides}, lines every {first_hz:.2f} Hz")
    text = _ABOUT.format(seed=seed, names=".flac, ".join(PIECES), table="\n".join(lines))
    write_whole(readme, text)
    return [*paths, readme]


def _write(clip: Clip, path: Path) -> Path:
    with replacing(path) as part:
        soundfile.write(part, np.clip(clip.samples, -1, 1).T, clip.sample_rate_hz, subtype="PCM_24")
    return path
