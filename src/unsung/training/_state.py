# SPDX-License-Identifier: MIT
"""All that a run must remember to go on to the bit: weights, optimiser, counters, history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from unsung.training.faults import TrainingError

if TYPE_CHECKING:
    from unsung.training.loop import Trainer

__all__ = ["BEST", "LAST", "restored", "stored"]

LAST, BEST = "last.pt", "best.pt"
_PLAIN = ("step", "epoch", "into", "loss_sum", "elapsed_s", "history", "best")


def stored(trainer: Trainer) -> dict[str, Any]:
    """Return the state as tensors and plain values."""
    state: dict[str, Any] = {
        "recipe": trainer.recipe.sha256,
        "data": trainer.material.sha256,
        "network": trainer.network.state_dict(),
        "optimiser": trainer.optimiser.state_dict(),
        "scaler": trainer.scaler.state_dict(),
        **{name: getattr(trainer, name) for name in _PLAIN},
    }
    if trainer.average is not None:
        state["average"] = trainer.average.weights
        state["updates"] = trainer.average.updates
    if trainer.dro is not None:
        state["dro"] = trainer.dro.q
    return state


def restored(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Put a state back.

    Raises:
        TrainingError: it is the state of another recipe or of other data.
    """
    same = {"recipe": trainer.recipe.sha256, "data": trainer.material.sha256}
    for name, value in same.items():
        if state.get(name) != value:
            raise TrainingError(
                f"{trainer.out / LAST}: belongs to another {name} ({str(state.get(name))[:12]}, "
                f"now {value[:12]}); choose another folder with -o, or begin again with --fresh"
            )
    trainer.network.load_state_dict(state["network"])
    trainer.optimiser.load_state_dict(state["optimiser"])
    trainer.scaler.load_state_dict(state["scaler"])
    for name in _PLAIN:
        setattr(trainer, name, state[name])
    if trainer.average is not None:
        device = trainer.team.device
        trainer.average.weights = {k: v.to(device) for k, v in state["average"].items()}
        trainer.average.updates = state["updates"]
    if trainer.dro is not None:
        trainer.dro.q = state["dro"]
