# SPDX-License-Identifier: MIT
"""Lengths of clips as the published anti-spoofing systems fit them."""

from __future__ import annotations

from torch import Tensor

from unsung.errors import UsageError

__all__ = ["fit_length", "repeat_short"]


def repeat_short(samples: Tensor, length: int) -> Tensor:
    """Repeat a clip that is too short until it is long enough; leave others alone.

    Shape: ``[batch, time]`` → ``[batch, max(time, length)]``.
    """
    short = samples.shape[-1]
    if not short:
        raise UsageError("expected at least one sample, got an empty clip")
    return samples if short >= length else samples.repeat(1, -(-length // short))[:, :length]


def fit_length(samples: Tensor, length: int) -> Tensor:
    """Repeat a clip that is too short and cut one that is too long.

    Shape: ``[batch, time]`` → ``[batch, length]``.
    """
    return repeat_short(samples, length)[:, :length]
