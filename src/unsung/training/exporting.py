# SPDX-License-Identifier: MIT
"""Weights of any origin → a bundle that scans: what `unsung export` does.

A finished run brings its calibration and card along. Weights alone have none: their scans give
logits and the verdict "undecided", until `unsung calibrate` has set thresholds on known human
music. When not to use: for the default detector, which `unsung.training.default` builds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unsung import registry
from unsung.audio.read import read_clip
from unsung.audio.resample import resample
from unsung.audio.windows import spread_starts
from unsung.errors import BundleError, MissingExtra, UsageError
from unsung.text import parse_json

try:
    import torch  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingExtra("torch", "research", "writing bundles of detectors") from error

from unsung.core.settings import replaced
from unsung.detectors._checkpoints import put_weights, read_weights
from unsung.detectors.base import Detector
from unsung.export import export_bundle
from unsung.export.bundle import UNCALIBRATED, WRITTEN
from unsung.export.pretrained import CONFIG, load_pretrained, make
from unsung.outputs import output_folder
from unsung.training.checkpoint import load_checkpoint
from unsung.training.fitting import option_values
from unsung.training.publish import LIMITS
from unsung.training.recipe import Recipe
from unsung.types import FloatArray, Record

__all__ = ["Exported", "Wanted", "export", "last_round"]

RECIPE, WEIGHTS, ROUNDS = "recipe.json", "detector.safetensors", "rounds.json"
WINDOWS_A_FILE = 4


@dataclass(frozen=True)
class Wanted(Record):
    """What `unsung export` asks for.

    Attributes:
        detector: registered name, where the source is a file of weights.
        settings: ``key=value`` arguments of that detector.
        released: the file is the detector's authors' own.
        name: of the bundle; by default the run's or the source's.
        version: of these weights.
        int8: weights of eight bits.
        sounds: files that their drift is measured on.
    """

    detector: str = ""
    settings: tuple[str, ...] = ()
    released: bool = False
    name: str = ""
    version: str = "1"
    int8: bool = False
    sounds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exported(Record):
    """A written bundle; ``calibration`` names its set, "none" without one."""

    folder: str
    name: str
    detector: str
    sizes: dict[str, int]
    calibration: str
    int8: dict[str, Any]


@dataclass(frozen=True)
class _Source:
    """A detector with what is known about it."""

    detector: Detector
    name: str
    calibration: Mapping[str, Any]
    card: dict[str, Any]
    training_files: tuple[str, ...] = ()


def export(source: Path, out: Path, wanted: Wanted) -> Exported:
    """Write a bundle of a run, a checkpoint of one, a weights folder or a file of weights.

    Raises:
        UsageError: the source is none of these, or a file comes without its detector.
        UnknownName: no such detector or setting.
        BundleError: weights that do not fit, or a bundle that disagrees with torch.
    """
    output_folder(out, (source, *wanted.sounds), WRITTEN, signs=("bundle.json",))
    found = _opened(source, wanted)
    detector = found.detector.cpu().eval()
    folder = export_bundle(
        detector,
        out,
        name=wanted.name or found.name,
        version=wanted.version,
        reference=0,
        calibration=found.calibration,
        limits=LIMITS,
        card=found.card,
        training_files=found.training_files,
        int8=wanted.int8,
        sounds=_windows(detector, wanted.sounds) if wanted.sounds else None,
    )
    info = parse_json((folder / "bundle.json").read_text(encoding="utf-8"))
    sizes = {p.name: p.stat().st_size for p in sorted(folder.iterdir()) if p.is_file()}
    return Exported(
        str(folder), info["name"], type(detector).__name__, sizes,
        str(info["calibration"]["name"]), info["card"].get("int8", {}),
    )  # fmt: skip


def last_round(run: Path) -> Path:
    """Return where a run's last weights lie: the run itself, or its last round."""
    if not (run / ROUNDS).exists():
        return run
    return max(run.glob("round-*/"), key=lambda path: int(path.name.split("-")[1]))


def _opened(source: Path, wanted: Wanted) -> _Source:
    if source.is_dir():
        run = last_round(source)
        if (run / RECIPE).exists():
            return _run(run, run / WEIGHTS)
        if (source / CONFIG).exists():
            return _alone(load_pretrained(source), source.resolve().name)
        raise UsageError(
            f"{source}: expected a finished run (with {RECIPE}) or a weights folder (with "
            f"{CONFIG}), found neither; for a run that goes on give its last.pt and --detector"
        )
    if not source.is_file():
        raise UsageError(f"{source}: expected a run, a weights folder or a file of weights")
    if not wanted.detector and (source.parent / RECIPE).exists():
        return _run(source.parent, source)
    if not wanted.detector:
        raise UsageError(f"{source}: a file does not say what it fits; give --detector NAME")
    return _alone(_of_file(source, wanted), source.stem)


def _run(run: Path, weights: Path) -> _Source:
    """Open a finished run; its calibration holds for the weights that it kept, and no others."""
    recipe = Recipe.from_plain(parse_json((run / RECIPE).read_text(encoding="utf-8")))
    kind = registry.get("detectors", recipe.detector)
    detector: Detector = kind(**option_values(recipe.options))
    _fill(detector, weights)
    document = run / "bundle" / "bundle.json"
    if weights.name != WEIGHTS or not document.exists():
        return _alone(detector, recipe.name)
    known = parse_json(document.read_text(encoding="utf-8"))
    card = {key: value for key, value in known["card"].items() if key != "int8"}
    files = tuple(known.get("training_files", ()))
    return _Source(detector, recipe.name, known["calibration"], card, files)


def _of_file(path: Path, wanted: Wanted) -> Detector:
    settings = option_values(replaced({}, wanted.settings))
    if wanted.released:
        return _released(path, wanted.detector, settings)
    detector = make(wanted.detector, settings)
    _fill(detector, path)
    return detector


def _released(path: Path, name: str, settings: Mapping[str, Any]) -> Detector:
    """Read a file of a detector's authors, built as the file says or as the settings do."""
    kind: Any = registry.get("detectors", name)
    if not hasattr(kind, "from_released"):
        raise UsageError(f"--released: {name} reads no files of its authors; leave it out")
    if not settings:
        detector: Detector = kind.from_released(path)
        return detector
    if not hasattr(kind, "load_released"):
        raise UsageError(f"--released: a file of {name} says how it was built; leave out --set")
    detector = make(name, settings)
    kind.load_released(detector, path)
    return detector


def _fill(detector: Detector, path: Path) -> None:
    """Put weights of a file, or of a training checkpoint, into the detector."""
    if path.suffix == ".pt" and path.stem in ("last", "best"):
        network = load_checkpoint(path).get("network", {})
        state = {k.removeprefix("detector."): v for k, v in network.items()}
    else:
        state = read_weights(path)
    put_weights(detector, state, str(path))


def _alone(detector: Detector, name: str) -> _Source:
    kind = type(detector).__module__.rsplit(".", 1)[-1]
    card = {
        "summary": f"{kind} of given weights; not calibrated.",
        "trained_on": ["unknown: the weights came without a card"],
        "parameters": sum(parameter.numel() for parameter in detector.parameters()),
        "intended_use": "Research. Without thresholds of your own there is no verdict.",
    }
    return _Source(detector, name, UNCALIBRATED, card)


def _windows(detector: Detector, files: Sequence[str]) -> FloatArray:
    """Return windows spread through files at the detector's rate. Shape: ``[window, time]``."""
    rate = detector.front_ends[0].sample_rate_hz
    size = round(detector.window_s * rate)
    made = []
    for path in files:
        clip = read_clip(path, mono=True)
        sound = resample(clip.samples[0], clip.sample_rate_hz, rate)
        if not len(sound):
            raise BundleError(f"{path}: expected sound to measure the drift on, got none")
        sound = np.resize(sound, max(size, len(sound)))
        starts = spread_starts(len(sound) / rate, WINDOWS_A_FILE, detector.window_s)
        firsts = [min(round(float(start) * rate), len(sound) - size) for start in starts]
        made += [sound[first : first + size] for first in firsts]
    return np.stack(made).astype(np.float32)
