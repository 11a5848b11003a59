# SPDX-License-Identifier: MIT
"""The contract of a front end: one parameter record, a NumPy engine and a torch engine."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unsung import registry
from unsung.errors import UsageError
from unsung.types import FloatArray, Record

if TYPE_CHECKING:
    import torch

__all__ = ["FrontEnd", "build"]


@dataclasses.dataclass(frozen=True)
class FrontEnd(Record, ABC):
    """Waveform ``[batch, time]`` → picture ``[batch, channel, freq, frame]``.

    The record's fields are all there is to know: `to_dict` goes into a bundle and `build` makes
    the same front end again. Both engines agree to 1e-4 (conformance tests hold them to it).
    """

    CAPABILITY: ClassVar[bool] = True

    sample_rate_hz: int

    @property
    @abstractmethod
    def hop_s(self) -> float:
        """Seconds from one frame to the next."""

    @property
    @abstractmethod
    def freqs_hz(self) -> NDArray[np.float64]:
        """Centre of each row in Hz. Shape: ``[freq]``."""

    @abstractmethod
    def times_s(self, n_samples: int) -> NDArray[np.float64]:
        """Centre of each frame in seconds for a clip of that many samples. Shape: ``[frame]``."""

    @abstractmethod
    def __call__(self, samples: FloatArray) -> FloatArray:
        """Compute the picture with NumPy and SciPy.

        Shape: ``[batch, time]`` → ``[batch, channel, freq, frame]``.
        """

    @abstractmethod
    def module(self) -> torch.nn.Module:
        """Return the torch engine: the same picture, differentiable and exportable."""

    def checked(self, samples: FloatArray) -> FloatArray:
        """Return float32 samples of shape ``[batch, time]`` or say what is wrong with them."""
        samples = np.asarray(samples, dtype=np.float32)
        if samples.ndim != 2:
            raise UsageError(
                f"{type(self).__name__}: expected samples [batch, time], got shape "
                f"{list(samples.shape)}; add a batch axis with samples[None]"
            )
        return samples


def build(name: str, values: Mapping[str, Any] | None = None) -> FrontEnd:
    """Make a front end from its registered name and its parameters.

    Raises:
        UnknownName: no front end, or no parameter, of that name.
    """
    front_end: FrontEnd = registry.get("frontends", name).from_dict(dict(values or {}))
    return front_end
