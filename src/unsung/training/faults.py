# SPDX-License-Identifier: MIT
"""What stops a training run, said so that the next step is clear; the last checkpoint stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from unsung.errors import UnsungError

__all__ = ["EmptyClass", "LossNotFinite", "OutOfMemory", "TrainingError", "memory_watch"]


class TrainingError(UnsungError):
    """A training run that cannot start or go on."""


class EmptyClass(TrainingError):
    """A part of the data lacks a class that the detector is to learn."""


class LossNotFinite(TrainingError):
    """The loss became NaN or infinite."""


class OutOfMemory(TrainingError):
    """A step does not fit into the memory of the device or of the machine."""


@contextmanager
def memory_watch(batch: int, accumulate: int, step: int, folder: Path) -> Iterator[None]:
    """Turn running out of memory into an error that names the remedy."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
        text = str(error)
        full = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not full and "allocate memory" not in text and "out of memory" not in text:
            raise
        raise OutOfMemory(
            f"out of memory in step {step} ({(text or 'no detail').splitlines()[0][:160]}); "
            f"run again with --set optimiser.accumulate={accumulate * 2}: the same batch of "
            f"{batch} in smaller parts, from the last checkpoint in {folder}"
        ) from error
