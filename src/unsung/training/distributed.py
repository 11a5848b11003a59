# SPDX-License-Identifier: MIT
"""Processes that train one network together: torchrun's, or as many as a recipe asks for here.

Every process holds the same weights and hears its own part of each step; gradients are averaged, so
that two processes take the very step that one takes with the whole batch (up to rounding, and to
batch normalisation, which sees its own part only). NCCL on GPUs, gloo on CPUs.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException, spawn

from unsung.errors import UnsungError, UsageError
from unsung.text import parse_json
from unsung.training.faults import TrainingError

__all__ = ["Team", "joined", "launch", "started_outside"]


@dataclass(frozen=True)
class Team:
    """This process's place among those that train together."""

    device: torch.device
    rank: int = 0
    world: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """Sum a tensor over all processes, in place."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def gather(self, value: Any) -> list[Any]:
        """Return every process's value, by rank."""
        if self.world == 1:
            return [value]
        found: list[Any] = [None] * self.world
        dist.all_gather_object(found, value)
        return found

    def same(self, value: Any) -> Any:
        """Return the first process's value everywhere."""
        return self.gather(value)[0]


def started_outside() -> bool:
    """Say whether torchrun or a cluster has started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


@contextmanager
def joined(device: str) -> Iterator[Team]:
    """Join the other processes that the environment names, if any.

    Raises:
        UsageError: a device that this machine does not have.
    """
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    place = _device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if world == 1:
        yield Team(place)
        return
    if place.type == "cuda":
        torch.cuda.set_device(place)
    dist.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        yield Team(place, rank, world)
    finally:
        dist.destroy_process_group()


def launch(work: Callable[..., None], arguments: tuple[Any, ...], count: int, out: Path) -> None:
    """Run ``work(*arguments)`` in so many processes of this machine and wait for all.

    Raises:
        TrainingError: what the first failing process said; the others are ended.
    """
    out.mkdir(parents=True, exist_ok=True)
    fault = out / "fault.json"
    fault.unlink(missing_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    try:
        start: Any = spawn
        start(_process, (count, port, fault, (work, arguments)), nprocs=count, join=True)
    except (ProcessExitedException, ProcessRaisedException) as error:
        if fault.exists():
            said = parse_json(fault.read_text(encoding="utf-8"))
            raise TrainingError(f"{said['message']} ({said['type']} in process {said['rank']})") \
                from error  # fmt: skip
        raise TrainingError(
            f"a training process ended ({str(error).strip().splitlines()[-1]}); the last "
            f"checkpoint stays in {out}: run the same command again to go on"
        ) from error


def _process(
    rank: int, world: int, port: int, fault: Path, call: tuple[Callable[..., None], Any]
) -> None:
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(world),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    try:
        call[0](*call[1])
    except UnsungError as error:
        said = {"type": type(error).__name__, "message": str(error), "rank": rank}
        if not fault.exists():
            fault.write_text(json.dumps(said), encoding="utf-8")
        raise SystemExit(1) from error


def _device(name: str, local_rank: int) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"run.device: expected auto, cpu, cuda, cuda:N or mps, got '{name}'") \
            from error  # fmt: skip
    if device.type == "cuda":
        count = torch.cuda.device_count()
        index = local_rank if device.index is None else device.index
        if index >= count:
            raise UsageError(
                f"run.device: expected a GPU number {index}, this machine shows {count}; "
                "use --set run.device=cpu or fewer processes"
            )
        return torch.device("cuda", index)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError("run.device: this machine has no mps; use --set run.device=cpu")
    return device
