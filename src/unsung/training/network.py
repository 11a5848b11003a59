# SPDX-License-Identifier: MIT
"""A detector as the loop runs it: front ends in float32, augmentation between them and the head.

Front ends without learned weights get no gradient. Mixed precision is for the head alone: decibels
and narrow peaks do not survive 8 bits of mantissa. Training windows are as long as the detector
hears at once, so what its ``forward`` does for longer clips is not needed there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from unsung.detectors.base import Detector
from unsung.errors import UsageError

__all__ = ["Change", "MovingAverage", "Network"]

Change = Callable[[Sequence[Tensor], Tensor], tuple[list[Tensor], Tensor]]
"""(pictures, targets) → (pictures, targets)."""

_TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class Network(torch.nn.Module):
    """Wraps a detector. Shape: samples ``[batch, time]`` → logits ``[batch, output]``."""

    def __init__(
        self,
        detector: Detector,
        precision: str = "float32",
        contrastive: tuple[float, float] | None = None,
    ) -> None:
        super().__init__()
        self._contrastive = contrastive  # weight of the detector's own loss, its supervised share
        if contrastive is not None and not hasattr(detector, "losses"):
            raise UsageError(
                f"loss.contrastive: {type(detector).__name__} has no contrastive loss; set it to 0"
            )
        self.detector = detector
        self._type = _TYPES.get(precision)
        self._learns = any(p.requires_grad for p in detector.engines.parameters())

    def forward(
        self, samples: Tensor, targets: Tensor, change: Change | None
    ) -> tuple[Tensor, Tensor, Tensor | float]:
        """Return logits, the targets that go with them, and a loss of the detector's own."""
        labels = (targets[:, 0] > 0.5).long() if self._contrastive is not None else targets
        with torch.set_grad_enabled(self._learns and torch.is_grad_enabled()):
            pictures = [engine(samples) for engine in self.detector.engines]
        if change is not None:
            pictures, targets = change(pictures, targets)
        with self._autocast(samples):
            if self._contrastive is not None and self.training:
                weight, supervision = self._contrastive
                own: Any = self.detector.losses
                logits, loss = own(tuple(pictures), labels, supervision=supervision)
                return logits, targets, weight * loss
            logits = self.detector.head(*pictures)
        return logits, targets, 0.0

    def logits(self, samples: Tensor) -> Tensor:
        """Return logits without any change. Shape: ``[batch, output]``."""
        return self.forward(samples, samples, None)[0]

    def _autocast(self, samples: Tensor) -> Any:
        kind = self._type
        return torch.autocast(samples.device.type, dtype=kind, enabled=kind is not None)


class MovingAverage:
    """Exponential moving average of weights (Polyak; as in timm), short at the beginning.

    The n-th update uses ``min(decay, (1 + n) / (10 + n))``, else the first weights would stay.
    """

    def __init__(self, module: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {k: p.detach().clone() for k, p in module.named_parameters()}
        self.updates = 0

    def update(self, module: torch.nn.Module) -> None:
        """Take in the weights after a step."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                self.weights[name].lerp_(parameter, 1 - decay)

    @contextmanager
    def applied(self, module: torch.nn.Module) -> Iterator[None]:
        """Put the average in place of the weights for a while."""
        own = {k: p.detach().clone() for k, p in module.named_parameters()}
        try:
            _copy(self.weights, module)
            yield
        finally:
            _copy(own, module)


def _copy(weights: dict[str, Tensor], module: torch.nn.Module) -> None:
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(weights[name])
