# SPDX-License-Identifier: MIT
"""An adversary who only sees the score: random noise bands, kept where the score falls.

Source: random search on the edge of the budget (the idea of Andriushchenko et al., "Square Attack",
ECCV 2020) with bands of noise instead of squares, because detectors read spectra. Unit: dB of clip
over disturbance. When not to use: with a gradient at hand; ``pgd`` is stronger for the same budget.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np

from unsung.attacks._budget import disturbed, norm
from unsung.attacks.base import Attack
from unsung.errors import UsageError
from unsung.types import FloatArray

__all__ = ["BlackBox"]

ScoreOf = Callable[[FloatArray], FloatArray]
_WIDTH = (0.002, 0.5)  # of a band, as a share of all frequencies
_SIZE = (0.7, 0.2)  # of a proposal against what is there: first and last query


class BlackBox(Attack):
    """Keeps what lowers (or raises) the score, for a number of queries.

    Args:
        score: ``[batch, time]`` → logits ``[batch]``, of mono sound at `model_rate_hz`.
        model_rate_hz: the rate the model hears; 16 kHz is the default bundle's.
        goal: "human" lowers the logit (hides AI), "ai" raises it (accuses a human).
        queries: scores asked for in all.
    """

    unit: ClassVar[str] = "dB"
    strengths: ClassVar[tuple[float, ...]] = (60.0, 50.0, 40.0, 30.0, 20.0)
    default: ClassVar[float] = 30.0
    limits: ClassVar[tuple[float, float] | None] = (0.0, 120.0)
    seeded: ClassVar[bool] = True
    needs_model: ClassVar[bool] = True

    def __init__(
        self,
        score: ScoreOf | None = None,
        model_rate_hz: int = 16000,
        goal: Literal["human", "ai"] = "human",
        queries: int = 200,
    ) -> None:
        self.score = score
        self.model_rate_hz = model_rate_hz
        self.goal = goal
        self.queries = queries

    def _apply(
        self, samples: FloatArray, sample_rate_hz: int, strength: float, seed: int
    ) -> FloatArray:
        score = self.score
        if score is None:
            raise UsageError(
                "black_box needs a model, got none; build it in Python as BlackBox(score), a "
                "function from sound [batch, time] to logits [batch]"
            )
        sign = 1.0 if self.goal == "human" else -1.0

        def search(heard: FloatArray, radius: float) -> FloatArray:
            rng, best = np.random.default_rng(seed), np.zeros_like(heard)
            least = sign * float(score(heard[None])[0])
            for query in range(1, self.queries):
                size = float(np.interp(query, (1, self.queries), _SIZE))
                tried = _scaled(best + np.float32(size * radius) * _band(len(heard), rng), radius)
                reached = sign * float(score((heard + tried)[None])[0])
                if reached < least:
                    best, least = tried, reached
            return best

        return disturbed(samples, sample_rate_hz, self.model_rate_hz, strength, search)


def _scaled(disturbance: FloatArray, radius: float) -> FloatArray:
    return disturbance * np.float32(radius / max(norm(disturbance), 1e-30))


def _band(length: int, rng: np.random.Generator) -> FloatArray:
    """Return noise of length one in a random band. Shape: ``[length]``."""
    bins = length // 2 + 1
    width = max(1, round(bins * float(np.exp(rng.uniform(*np.log(_WIDTH))))))
    start = int(rng.integers(0, max(1, bins - width + 1)))
    spectrum = np.zeros(bins, dtype=np.complex64)
    parts = rng.standard_normal((2, width), dtype=np.float32)
    spectrum[start : start + width] = parts[0] + 1j * parts[1]
    return _scaled(np.fft.irfft(spectrum, n=length).astype(np.float32), 1.0)
