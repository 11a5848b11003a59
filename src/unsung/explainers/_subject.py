# SPDX-License-Identifier: MIT
"""What is explained: the pictures of one clip, with axes, and the function that scores them.

Relevance is found on the pictures and then moved to one axis of Hz and seconds. Moving keeps the
sum: finer bins are added up, coarser ones split evenly. Logits, Hz, seconds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UnknownName, UsageError
from unsung.types import Explanation, FloatArray

if TYPE_CHECKING:
    import torch

    from unsung.explainers._grid import Grid

__all__ = ["BASELINES", "Plane", "Subject", "moved"]

BASELINES = ("mean", "silence", "human")


@dataclass(frozen=True)
class Plane:
    """One picture of the clip and what stands for "nothing there".

    Shape: values, silence, mean and human ``[channel, freq, frame]``; freqs_hz ``[freq]``;
    times_s ``[frame]``. ``human`` is the mean of a human recording, where one was given.
    """

    values: FloatArray
    freqs_hz: NDArray[np.float64]
    times_s: NDArray[np.float64]
    silence: FloatArray
    mean: FloatArray
    human: FloatArray | None = None


class Subject(ABC):
    """A clip before a detector.

    Args:
        planes: the pictures that the detector sees.
        name: of the detector.
    """

    whole = False
    """Whether only whole sources can be switched, not cells of a picture."""

    def __init__(self, planes: Sequence[Plane], name: str) -> None:
        if not planes:
            raise UsageError("expected at least one picture to explain, got none")
        self.planes = tuple(planes)
        self.name = name
        self.logit = float(self.scores([p.values[None] for p in self.planes])[0])

    @abstractmethod
    def scores(self, batch: Sequence[FloatArray]) -> NDArray[np.float64]:
        """Return the logits of changed pictures.

        Shape: for each plane ``[batch, channel, freq, frame]`` → ``[batch]``.
        """

    def grid(self, bands: int, segment_s: float, baseline: str) -> Grid:
        """Return the parts that methods on scores switch: here cells of bands × segments."""
        from unsung.explainers._grid import Grid

        return Grid(self, bands, segment_s, baseline)

    def network(self) -> torch.nn.Module:
        """Return a module that maps the planes to logits ``[batch]``, differentiably.

        Raises:
            UsageError: the detector is known by its scores alone.
        """
        raise UsageError(
            f"{self.name}: expected a network with gradients, this detector gives scores alone; "
            "use occlusion, lime, shap_partition or random"
        )

    def exact(self, baseline: str = "silence") -> tuple[list[FloatArray], float]:  # noqa: ARG002
        """Return the exact share of every cell and the baseline's logit of a linear detector.

        Raises:
            UsageError: the detector is not linear.
            UnknownName: neither silence, mean nor human.
        """
        raise UsageError(
            f"{self.name}: expected a linear detector, this one is not; "
            "use integrated_gradients or lrp"
        )

    def randomised(self, seed: int = 0) -> Subject:  # noqa: ARG002 (of those that can)
        """Return the same clip before the same detector with its weights shuffled.

        Raises:
            UsageError: the detector is known by its scores alone.
        """
        raise UsageError(f"{self.name}: expected weights to shuffle, this detector has none to see")

    def baseline(self, kind: str) -> list[FloatArray]:
        """Return what stands for "nothing there", one array a plane.

        Raises:
            UnknownName: neither silence, mean nor human.
            UsageError: human without a reference recording.
        """
        if kind not in BASELINES:
            raise UnknownName("baseline", kind, BASELINES)
        if kind == "human":
            found = [p.human for p in self.planes if p.human is not None]
            if len(found) != len(self.planes):
                raise UsageError(
                    "baseline 'human': expected a human recording to compare with, got none; "
                    "give one with --reference FILE"
                )
            return found
        return [p.silence if kind == "silence" else p.mean for p in self.planes]

    @property
    def freqs_hz(self) -> NDArray[np.float64]:
        """Axis of the explanation: that of the plane with most rows. Shape: ``[freq]``."""
        return self._finest.freqs_hz

    @property
    def times_s(self) -> NDArray[np.float64]:
        """Axis of the explanation in seconds. Shape: ``[frame]``."""
        return self._finest.times_s

    @property
    def _finest(self) -> Plane:
        return max(self.planes, key=lambda p: len(p.freqs_hz))

    def explanation(
        self, relevance: Sequence[FloatArray], baseline: float, target: str = "ai"
    ) -> Explanation:
        """Bring relevance of all planes to one axis and name the target.

        For the target "human" every sign turns round: what speaks against AI.

        Shape: for each plane ``[channel, freq, frame]``.
        """
        if target not in ("ai", "human"):
            raise UnknownName("target", target, ("ai", "human"))
        sign = 1.0 if target == "ai" else -1.0
        parts = [
            moved(values, plane.freqs_hz, plane.times_s, self.freqs_hz, self.times_s)
            for values, plane in zip(relevance, self.planes, strict=True)
        ]
        return Explanation(
            target,
            np.float32(sign) * np.concatenate(parts),
            self.freqs_hz.astype(np.float32),
            self.times_s.astype(np.float32),
            sign * self.logit,
            sign * baseline,
        )


def moved(
    values: FloatArray,
    freqs_hz: NDArray[np.float64],
    times_s: NDArray[np.float64],
    to_hz: NDArray[np.float64],
    to_s: NDArray[np.float64],
) -> FloatArray:
    """Move relevance to other axes; the sum stays.

    Shape: ``[channel, freq, frame]`` → ``[channel, len(to_hz), len(to_s)]``.
    """
    rows = _moved(values, 1, freqs_hz, to_hz)
    return _moved(rows, 2, times_s, to_s).astype(np.float32)


def _moved(
    values: NDArray[np.floating], axis: int, old: NDArray[np.float64], new: NDArray[np.float64]
) -> NDArray[np.floating]:
    if len(old) == len(new) and np.allclose(old, new):
        return values
    if len(old) >= len(new):
        places = np.clip(np.searchsorted(_edges(new), old) - 1, 0, len(new) - 1)
        shape = list(values.shape)
        shape[axis] = len(new)
        out = np.zeros(shape, values.dtype)
        where: Any = (slice(None),) * axis + (places,)
        np.add.at(out, where, values)
        return out
    places = np.clip(np.searchsorted(_edges(old), new) - 1, 0, len(old) - 1)
    counts = np.bincount(places, minlength=len(old))
    # A coarse cell that no fine one lies nearest to gives itself to its neighbour.
    share = np.take(values, places, axis) / counts[places].reshape([-1] + [1] * (2 - axis))
    lost = np.flatnonzero(counts == 0)
    near = np.clip(np.searchsorted(new, old[lost]), 0, len(new) - 1)
    where = (slice(None),) * axis + (near,)
    np.add.at(share, where, np.take(values, lost, axis))
    return share


def _edges(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(centres) < 2:
        return np.array([-np.inf, np.inf])
    middle = (centres[1:] + centres[:-1]) / 2
    first, last = 2 * centres[0] - middle[0], 2 * centres[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])
