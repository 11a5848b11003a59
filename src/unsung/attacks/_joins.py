# SPDX-License-Identifier: MIT
"""Cross-fades for attacks that cut sound and put it together again.

Source: equal-power fades (the two pieces are unrelated, so their powers add). Unit: samples.
"""

from __future__ import annotations

import numpy as np

from unsung.types import FloatArray

__all__ = ["FADE_S", "fades"]

FADE_S = 0.006
"""Long enough to hide a click, short against any note."""


def fades(length: int) -> tuple[FloatArray, FloatArray]:
    """Return rising and falling gains whose squares add up to one. Shape: ``[length]`` each.

    >>> up, down = fades(5)
    >>> bool(np.allclose(up**2 + down**2, 1))
    True
    """
    angle = 0.5 * np.pi * (np.arange(length) + 0.5) / max(1, length)
    return np.sin(angle).astype(np.float32), np.cos(angle).astype(np.float32)
