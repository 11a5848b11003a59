# SPDX-License-Identifier: MIT
"""What some detectors need beside gradient steps: stages, normalisation, fits in closed form.

A detector says by its methods what it needs: ``set_stage`` (contrastive: which layers learn),
``fit_normalisation`` (mean and deviation of the training set, before the first step), ``fit`` (the
GMM's expectation-maximisation, scikit-learn on a table of descriptors), ``losses`` (a contrastive
loss beside the classifier's), ``load_backbone`` (weights of another task, all but the last layer).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unsung import frontends, registry
from unsung.detectors._checkpoints import load_weights
from unsung.detectors.base import Detector
from unsung.errors import UsageError
from unsung.training.loader import Windows
from unsung.training.sampling import Draw, epoch_draws
from unsung.training.targets import Targets

__all__ = ["fit_closed_form", "load_start", "normalise", "option_values", "set_stage"]

_BATCH = 16


def option_values(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a constructor's arguments; a table with a name becomes a front end.

    ``front_end = {name = "wavelet_packets", wavelet = "haar"}``, or with ``preset = "wavefake"``.
    """
    return {k: _front_end(v) if isinstance(v, Mapping) else v for k, v in options.items()}


def set_stage(detector: Detector, stage: str, last_layers: int) -> None:
    """Choose what learns, for detectors that are trained in stages.

    Raises:
        UsageError: this detector has no stages.
    """
    if not stage:
        return
    method: Any = getattr(detector, "set_stage", None)
    if method is None:
        raise UsageError(f"stage: {type(detector).__name__} is not trained in stages; leave it out")
    method(stage, last_layers)


def load_start(detector: Detector, path: Path, skip: tuple[str, ...]) -> None:
    """Load the weights that a run starts from.

    Args:
        detector: changed in place.
        path: weights of the same detector; with `skip`, of another task.
        skip: beginnings of names that stay as initialised. A detector with a way of its own to
            take over a backbone (ImageNet's ResNet18) uses that.

    Raises:
        BundleError: unreadable, or names or shapes that do not fit.
    """
    method: Any = getattr(detector, "load_backbone", None)
    if skip and method is not None:
        method(path)
        return

    def rest(weights: dict[str, Tensor]) -> dict[str, Tensor]:
        return {k: v for k, v in weights.items() if not (skip and k.startswith(skip))}

    load_weights(detector, path, change=rest, keep=skip)


def normalise(detector: Detector, windows: Windows, seed: int) -> None:
    """Set a detector's constants of the training set, if it has any, from one window a track."""
    method: Any = getattr(detector, "fit_normalisation", None)
    if method is None:
        return

    def pictures() -> Iterator[Tensor]:
        device = next(detector.parameters()).device
        for part in _parts(windows, 1, seed):
            with torch.no_grad():
                yield detector.engines[0](_sound(windows, part).to(device)).cpu()

    method(pictures())


def fit_closed_form(
    detector: Detector, windows: Windows, targets: Targets, count: int, seed: int
) -> None:
    """Fit a detector that has a `fit` of its own, on so many windows of each track.

    Raises:
        UsageError: this detector is trained by gradient only.
    """
    method: Any = getattr(detector, "fit", None)
    takes = set(inspect.signature(method).parameters) if method is not None else set()
    draws = epoch_draws(None, len(windows), count, seed, 0)
    positive = targets.labels(windows.tracks)[[draw.row for draw in draws]] == 1
    sound = [windows[draw] for draw in draws]
    if {"human", "ai"} <= takes:
        clips = np.stack(sound)
        method(clips[~positive], clips[positive], seed=seed)
    elif {"features", "positive", "groups"} <= takes:
        describe: Any = detector.features  # one row a window
        features = np.concatenate([describe(clip[None]) for clip in sound])
        groups = [windows.tracks[d.row].group or windows.tracks[d.row].path for d in draws]
        method(features, positive, groups, seed=seed)
    else:
        raise UsageError(
            f'optimiser.name: {type(detector).__name__} has no fit in closed form; use "adamw"'
        )


def _parts(windows: Windows, count: int, seed: int) -> Iterator[list[Draw]]:
    draws = epoch_draws(None, len(windows), count, seed, 0)
    for start in range(0, len(draws), _BATCH):
        yield draws[start : start + _BATCH]


def _sound(windows: Windows, part: list[Draw]) -> Tensor:
    return torch.from_numpy(np.stack([windows[draw] for draw in part]))


def _front_end(values: Mapping[str, Any]) -> Any:
    rest = dict(values)
    name = str(rest.pop("name", ""))
    if "preset" in rest:
        kind: Any = registry.get("frontends", name)
        return kind.preset(rest["preset"])
    return frontends.build(name, rest)
