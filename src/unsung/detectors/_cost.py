# SPDX-License-Identifier: MIT
"""What a detector costs in arithmetic: learned values and floating-point operations of its head.

Counted by torch's own counter: matrix products, convolutions and attention, a multiplication and an
addition as two. Front ends, norms and activations are not counted. fvcore, the source of SONICS'
figures, counts a multiplication with its addition as one: halve ours to compare.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from unsung.detectors.base import Detector
from unsung.types import Record

__all__ = ["Cost", "cost"]


@dataclass(frozen=True)
class Cost(Record):
    """``flops`` are for one window of ``window_s`` seconds."""

    n_parameters: int
    flops: int
    window_s: float

    @property
    def flops_per_audio_s(self) -> float:
        """Operations for a second of sound, windows side by side."""
        return self.flops / self.window_s


def cost(detector: Detector) -> Cost:
    """Count one window's arithmetic; the detector is in its former mode afterwards."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    training = detector.training
    detector.eval()
    try:
        with torch.no_grad():
            pictures = []
            for front_end, engine in zip(detector.front_ends, detector.engines, strict=True):
                n_samples = round(detector.window_s * front_end.sample_rate_hz)
                pictures.append(engine(0.1 * torch.ones(1, n_samples)))
            # The plain kernel is made of matrix products, which are counted on every device.
            with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
                detector.head(*pictures)
    finally:
        detector.train(training)
    n_parameters = sum(parameter.numel() for parameter in detector.parameters())
    return Cost(n_parameters, int(counter.get_total_flops()), detector.window_s)
