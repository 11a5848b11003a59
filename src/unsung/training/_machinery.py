# SPDX-License-Identifier: MIT
"""Small parts of the loop: optimiser, clock, deterministic operations, the wrapper of processes."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel

from unsung.training.distributed import Team
from unsung.training.faults import TrainingError
from unsung.training.network import Network
from unsung.training.settings import Optimiser

__all__ = ["Clock", "deterministic", "make_optimiser", "wrapped"]

_SPEED_OVER = 20
"""Steps over which the speed is averaged."""


def make_optimiser(choice: Optimiser, network: torch.nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser over all parameters that learn."""
    learning = [p for p in network.parameters() if p.requires_grad]
    common: dict[str, Any] = {"lr": choice.lr, "weight_decay": choice.weight_decay}
    if choice.name == "sgd":
        return torch.optim.SGD(learning, momentum=choice.momentum, **common)
    kind = torch.optim.AdamW if choice.name == "adamw" else torch.optim.Adam
    return kind(learning, betas=(choice.betas[0], choice.betas[1]), eps=choice.eps, **common)


class Clock:
    """Measures the speed over the last steps.

    Args:
        audio_s: seconds of sound in a step.
    """

    def __init__(self, audio_s: float) -> None:
        self._audio_s = audio_s
        self._marks = deque([time.monotonic()], maxlen=_SPEED_OVER + 1)

    def tick(self) -> Clock:
        """Note the end of a step."""
        self._marks.append(time.monotonic())
        return self

    def step_s(self) -> float:
        """Return seconds a step; 0 before the first."""
        return (self._marks[-1] - self._marks[0]) / max(1, len(self._marks) - 1)

    def speed(self) -> float:
        """Return seconds of sound learned from in a second."""
        return self._audio_s / self.step_s() if self.step_s() > 0 else 0.0


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Refuse operations that may differ from run to run, and put the setting back afterwards.

    Raises:
        TrainingError: such an operation came up.
    """
    before = torch.are_deterministic_algorithms_enabled()
    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(wanted)
    try:
        yield
    except RuntimeError as error:
        if "deterministic" not in str(error):
            raise
        raise TrainingError(
            f"run.deterministic: this detector needs an operation that is not ("
            f"{str(error).splitlines()[0][:120]}); run with --set run.deterministic=false"
        ) from error
    finally:
        torch.use_deterministic_algorithms(before)


def wrapped(network: Network, samples: int, team: Team) -> torch.nn.Module:
    """Return what averages gradients over processes; the network itself if there is only one.

    Args:
        network: weights are made equal to those of the first process.
        samples: length of a window, to find out which parameters get a gradient at all.
        team: the processes.
    """
    if team.world == 1:
        return network
    _freeze_unused(network, samples, team.device)
    ids = [team.device.index] if team.device.type == "cuda" else None
    return DistributedDataParallel(network, device_ids=ids)


def _freeze_unused(network: Network, samples: int, device: torch.device) -> None:
    """Take parameters out that no gradient reaches (AASIST keeps some for its published keys).

    The other processes would wait for their gradients for ever.
    """
    state = {k: v.clone() for k, v in network.state_dict().items()}
    noise = torch.randn(2, samples, generator=torch.Generator().manual_seed(0)).to(device)
    was_training = network.training
    network.train()
    network.logits(0.1 * noise).sum().backward()  # type: ignore[no-untyped-call]
    for parameter in network.parameters():
        if parameter.grad is None:
            parameter.requires_grad_(False)
        parameter.grad = None
    network.load_state_dict(state)
    network.train(was_training)
