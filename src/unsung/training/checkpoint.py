# SPDX-License-Identifier: MIT
"""Checkpoints that a kill cannot damage, read without executing anything.

A file is written beside its place, synced and renamed: the old one is whole until the new one is.
They are read by torch's weights-only reader; pickled code never runs. Weights to start from are
read by `unsung.detectors`; this file knows whole states of a run only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from unsung.data._atomic import full_disk
from unsung.errors import MissingExtra
from unsung.training.faults import TrainingError

__all__ = ["load_checkpoint", "save_checkpoint", "save_weights"]


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write a state of tensors and plain values, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            torch.save(dict(state), file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True)
        cause = error if isinstance(error, OSError) else OSError(28, str(error))
        raise full_disk(cause, path) from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote.

    Raises:
        TrainingError: the file is damaged or is no checkpoint.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # garbage makes the reader fail in any way
        raise TrainingError(
            f"{path}: expected a checkpoint of tensors and plain values, cannot read it "
            f"({type(error).__name__}: {str(error)[:99].splitlines()[0]}); delete it to begin again"
        ) from error
    return state


def save_weights(path: Path, detector: torch.nn.Module) -> None:
    """Write the detector's state as safetensors."""
    try:
        from safetensors.torch import save
    except ModuleNotFoundError as error:
        raise MissingExtra("safetensors", "research", "saving what was trained") from error
    state = {k: v.detach().cpu().contiguous().clone() for k, v in detector.state_dict().items()}
    path.write_bytes(save(state))
