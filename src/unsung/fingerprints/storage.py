# SPDX-License-Identifier: MIT
"""Keeps fingerprints in files: all figures as JSON, all arrays as NPZ, the packaged gallery small.

The gallery that ships is made by `unsung fingerprint TABLE --save gallery.npz`: differences of each
generator in 8 bits, and the human reference. It holds statistics, no sound. Units: dB.
When not to use: to keep the spectra of single tracks; they are measured again in 0.1 s.
"""

from __future__ import annotations

import json
import zipfile
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unsung.errors import UsageError
from unsung.fingerprints.attribution import Gallery
from unsung.fingerprints.compare import Reference
from unsung.fingerprints.spectra import AXIS_HZ
from unsung.outputs import Kind, json_with, output_file, replacing, write_whole, zip_with
from unsung.types import FloatArray

if TYPE_CHECKING:
    from unsung.fingerprints.compare import Fingerprint
    from unsung.fingerprints.survey import Survey

__all__ = ["SAVED", "load_gallery", "save", "summary"]

_PACKAGED = "gallery.npz"
_STEPS = 127.0
_GALLERY = zip_with("names.npy", "steps.npy", "human_db.npy")
_FIGURES = json_with("tracks_with_comb", "significant_share", "comb")
SAVED = Kind(
    "fingerprints",
    (".json", ".npz"),
    lambda path: (_GALLERY if path.suffix.lower() == ".npz" else _FIGURES)(path),
)
"""What `save` writes."""


def save(survey: Survey, path: Path) -> None:
    """Write a survey: .json for figures, .npz for a gallery that `load_gallery` reads.

    Raises:
        UsageError: another extension, or an .npz of a survey without a gallery.
    """
    kind = output_file(path, (), SAVED).suffix.lower()
    if kind == ".json":
        text = json.dumps([summary(one) for one in survey.fingerprints], indent=1)
        write_whole(path, text + "\n")
    else:
        if survey.gallery is None:
            raise UsageError(
                f"{path}: a gallery needs human tracks, several pages and three tracks of a "
                "generator; this list has not, save it as .json instead"
            )
        with replacing(path) as part:
            _write_gallery(survey.gallery, survey.human, part)


@cache
def load_gallery(path: Path | None = None) -> tuple[Gallery, Reference]:
    """Return a saved gallery with its human reference; without a path the package's.

    Raises:
        UsageError: not a gallery file.
    """
    try:
        if path is None:
            with files("unsung.fingerprints").joinpath(_PACKAGED).open("rb") as stream:
                return _read(np.load(stream, allow_pickle=False))
        with path.open("rb") as stream:
            return _read(np.load(stream, allow_pickle=False))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        name = path or f"the package's {_PACKAGED}"
        raise UsageError(
            f"{name}: expected a gallery written by `unsung fingerprint --save gallery.npz`; "
            f"{type(error).__name__}: {error}"
        ) from error


def summary(one: Fingerprint) -> dict[str, Any]:
    """Return a fingerprint's figures without its arrays, ready for JSON."""
    comb = one.comb.to_dict() | {"found": one.comb.found}
    return {
        "name": one.name,
        "family": one.family,
        "label": one.label,
        "tracks": one.n_tracks,
        "recordings": one.n_recordings,
        "pages": one.n_pages,
        "sample_rates_hz": list(one.rates_hz),
        "significant_share": round(one.significant, 4),
        "tracks_with_comb": one.tracks_with_comb,
        "comb": comb,
        "lines": [line.to_dict() for line in one.lines],
    }


def _write_gallery(gallery: Gallery, human: Reference, path: Path) -> None:
    centres = np.nan_to_num(gallery.difference_db)
    scale = np.maximum(np.abs(centres).max(axis=1), 1e-6)
    np.savez_compressed(
        path,
        names=np.array(gallery.names),
        families=np.array(gallery.families),
        threshold=np.float32(gallery.threshold),
        scale=scale.astype(np.float32),
        steps=np.rint(centres / scale[:, None] * _STEPS).astype(np.int8),
        human_db=gallery.human_db.astype(np.float16),
        human_count=human.count.astype(np.uint16),
        human_mean=human.mean.astype(np.float16),
        human_variance=human.variance.astype(np.float16),
        human_stft=human.stft_db.astype(np.float16),
        human_packets=human.packets.astype(np.float16),
        human_tracks=np.int64(human.n_tracks),
    )


def _read(held: Any) -> tuple[Gallery, Reference]:
    def array(name: str) -> FloatArray:
        return np.asarray(held[name], np.float32)

    steps, scale = array("steps"), array("scale")
    if steps.shape != (len(held["names"]), len(AXIS_HZ)):
        raise ValueError(f"steps of shape {steps.shape}")
    gallery = Gallery(
        tuple(str(name) for name in held["names"]),
        tuple(str(name) for name in held["families"]),
        steps * scale[:, None] / np.float32(_STEPS),
        array("human_db"),
        float(held["threshold"]),
    )
    human = Reference(
        array("human_count"),
        array("human_mean"),
        array("human_variance"),
        array("human_stft"),
        array("human_packets"),
        int(held["human_tracks"]),
    )
    return gallery, human
