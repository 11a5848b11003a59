# SPDX-License-Identifier: MIT
"""Logistic regression on residual spectra of several resolutions.

The idea of a linear model on spectral peaks is that of Afchar et al., ISMIR 2025; ours whitens
every frame before averaging and joins several resolutions (results/detector-log.md has the
comparison). Logit units. A linear sum has an exact explanation: each bin's weight times its
distance from the training mean. Not for sped-up or pitched sound: the weights sit at fixed Hz.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor

from unsung.detectors.base import Detector
from unsung.errors import UnknownName
from unsung.frontends.residual_spectrum import ResidualSpectrum, Statistic
from unsung.types import FloatArray

__all__ = ["STATISTICS", "ResidualLinear", "packaged"]

SAMPLE_RATE_HZ = 16000
LONGEST_HOP = 8192
"""Overlap helps the long frames, of which a window holds few; short ones do without."""

STATISTICS: dict[str, dict[int, tuple[Statistic, ...]]] = {
    "default": {
        4096: ("mean", "persistence", "coherence"),
        16384: ("mean", "persistence", "coherence"),
    },
    "fast": {4096: ("mean", "persistence", "coherence")},
}
"""Statistics of each transform length, for each packaged detector.

"fast" is a part of the default detector: the coarse resolution, a third of the arithmetic. What
each gives stands in results/songs.md, what was tried in results/detector-log.md.
"""


def packaged(name: str) -> tuple[ResidualSpectrum, ...]:
    """Return the front ends of a packaged detector.

    Raises:
        UnknownName: there is none of that name.
    """
    if name not in STATISTICS:
        raise UnknownName("packaged detector", name, STATISTICS)
    return tuple(
        ResidualSpectrum(
            SAMPLE_RATE_HZ, n_fft=n_fft, hop=min(n_fft, LONGEST_HOP), statistics=statistics
        )
        for n_fft, statistics in STATISTICS[name].items()
    )


class ResidualLinear(Detector):
    """``logit = baseline + sum(weight · (picture − mean))`` over all front ends.

    Args:
        front_ends: residual spectra; the default is two resolutions, 4 and 1 Hz a bin.
    """

    def __init__(self, front_ends: tuple[ResidualSpectrum, ...] | None = None) -> None:
        front_ends = packaged("default") if front_ends is None else front_ends
        super().__init__(front_ends)
        shapes = [(f.channels, len(f.freqs_hz), 1) for f in front_ends]
        self.weights = torch.nn.ParameterList(torch.zeros(shape) for shape in shapes)
        self.means = torch.nn.ParameterList(
            torch.nn.Parameter(torch.zeros(shape), requires_grad=False) for shape in shapes
        )
        self.baseline = torch.nn.Parameter(torch.zeros(1))

    def head(self, *pictures: Tensor) -> Tensor:
        """Return the weighted sum. Shape: see `Detector.head`."""
        total = self.baseline
        for picture, weight, mean in zip(pictures, self.weights, self.means, strict=True):
            total = total + ((picture - mean) * weight).sum(dim=(1, 2, 3))
        return total[:, None]

    def set_linear(self, baseline: float, weights: FloatArray, means: FloatArray) -> None:
        """Fill in a fitted model. Shape: weights and means ``[all bins of all front ends]``."""
        with torch.no_grad():
            self.baseline.fill_(baseline)
            for name, values in (("weights", weights), ("means", means)):
                parameters = cast(torch.nn.ParameterList, getattr(self, name))
                cuts = np.cumsum([p.numel() for p in parameters])[:-1]
                for parameter, part in zip(parameters, np.split(values, cuts), strict=True):
                    parameter.copy_(torch.from_numpy(part.reshape(parameter.shape).copy()))
