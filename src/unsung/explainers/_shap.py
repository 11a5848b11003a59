# SPDX-License-Identifier: MIT
"""Lends `shap`, quiet about what it draws with, and the random numbers that libraries take."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from unsung.errors import MissingExtra

__all__ = ["borrowed_random", "the_shap"]


def the_shap(need: str) -> Any:
    """Return the package shap.

    Raises:
        MissingExtra: it is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import shap
        except ModuleNotFoundError as error:
            raise MissingExtra("shap", "research", need) from error
    return shap


@contextmanager
def borrowed_random(seed: int) -> Iterator[None]:
    """Seed NumPy's global generator inside; outside, nothing was drawn from it."""
    kept = np.random.get_state()
    try:
        np.random.seed(seed)
        yield
    finally:
        np.random.set_state(kept)
