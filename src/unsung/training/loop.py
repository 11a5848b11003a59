# SPDX-License-Identifier: MIT
"""The one training loop: plain torch, on one process or several, resumable to the bit.

Everything random in a step follows from the seed, the step and the process, and the learning rate
from the position, so that a checkpoint is weights, optimiser and counters, and a run that was
killed goes on as if nothing had happened. Why no framework: docs/training.md.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unsung.data._workers import cores
from unsung.detectors.base import Detector
from unsung.training._machinery import Clock, deterministic, make_optimiser, wrapped
from unsung.training._state import BEST, LAST, restored, stored
from unsung.training.augment import Distorter, mix_up, spec_augment
from unsung.training.checkpoint import load_checkpoint, save_checkpoint
from unsung.training.distributed import Team
from unsung.training.faults import LossNotFinite, memory_watch
from unsung.training.fitting import normalise
from unsung.training.loader import Windows, parts_ahead
from unsung.training.logs import CsvLog, OnProgress, Progress, TensorBoard
from unsung.training.losses import GroupDro, group_numbers, window_losses
from unsung.training.network import MovingAverage, Network
from unsung.training.prepare import Material
from unsung.training.recipe import Recipe
from unsung.training.sampling import Draw, Share, chances, epoch_draws, mixed_seed, step_draws
from unsung.training.schedule import learning_rate
from unsung.training.validation import better, epoch_row, in_words, score_tracks

__all__ = ["Trainer"]

MOST_JOBS = 8
"""Processes that distort sound, where the recipe leaves their number open."""


class Trainer:
    """Trains a detector on prepared material into a folder; goes on where the folder stands.

    Args:
        recipe: all settings.
        detector: moved to the team's device and changed in place.
        material: tracks and their sound.
        out: folder of checkpoints and logs.
        team: this process's place.
        on_progress: called after every step of the first process.
    """

    def __init__(
        self,
        recipe: Recipe,
        detector: Detector,
        material: Material,
        out: Path,
        *,
        team: Team,
        on_progress: OnProgress | None = None,
    ) -> None:
        self.recipe, self.material, self.out, self.team = recipe, material, out, team
        self._tell = on_progress or (lambda _: None)
        own = (recipe.loss.contrastive, recipe.loss.supervision)
        self.network = Network(
            detector.to(team.device), recipe.run.precision, own if own[0] else None
        )
        self.optimiser = make_optimiser(recipe.optimiser, self.network)
        self.scaler = torch.amp.GradScaler(
            team.device.type, enabled=recipe.run.precision == "float16"
        )
        decay = recipe.optimiser.ema
        self.average = MovingAverage(self.network, decay) if decay else None
        self._windows = Windows(
            material.store, material.train, material.window_s,
            Distorter(recipe.distortions, recipe.augment.distortions),
        )  # fmt: skip
        self._valid = Windows(material.store, material.valid, material.window_s, Distorter({}, ()))
        self._targets = torch.from_numpy(material.targets.matrix(material.train))
        positive = material.targets.positive
        groups = group_numbers(material.train, positive, recipe.loss.dro_group)
        self._groups = torch.tensor(groups)
        self.dro = (
            GroupDro(max(groups) + 1, recipe.loss.dro, (team.sum, team.world))
            if recipe.loss.dro
            else None
        )
        balance = recipe.augment.balance
        self._weights = chances(material.train, positive, balance) if balance else None
        self.step = self.epoch = self.into = 0
        self.loss_sum, self.elapsed_s = 0.0, 0.0
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] | None = None
        if (out / LAST).exists():
            restored(self, load_checkpoint(out / LAST))
        else:
            normalise(detector, self._windows, recipe.run.seed)
        samples = round(material.window_s * material.store.sample_rate_hz)
        self._parallel: Any = wrapped(self.network, samples, team)

    def run(self) -> list[dict[str, Any]]:
        """Train until the epochs, the patience or the minutes are used up.

        Returns:
            One row an epoch: training loss, validation numbers, times.

        Raises:
            LossNotFinite: names the step and the files; the last checkpoint is whole.
            OutOfMemory: says how to make a step smaller.
        """
        settings = self.recipe.run
        self._started = time.monotonic() - self.elapsed_s
        first = self.step + 1 if self.step else 0
        with (
            TensorBoard(
                self.out / "tensorboard", settings.tensorboard and self.team.leads, self.step
            ) as board,
            deterministic(settings.deterministic),
        ):
            self._board = board
            if self.team.leads:
                self._steps = CsvLog(self.out / "steps.csv", "step", first)
                self._epochs = CsvLog(self.out / "epochs.csv", "epoch", self.epoch + 1)
            jobs = self.recipe.data.jobs or min(MOST_JOBS, cores() - 1)
            parts = self._parts_to_come(self.epoch, self.into)
            supply = parts_ahead(self._windows, parts, jobs if self._windows.distorter else 0)
            with closing(supply) as self._supply:
                while self.epoch < settings.epochs and not self._enough():
                    self._one_epoch()
        return self.history

    def load_best(self) -> None:
        """Put the weights of the best validation into the network."""
        state = load_checkpoint(self.out / BEST)
        self.network.load_state_dict(state["network"])

    def _steps_of(self, epoch: int) -> list[list[list[Draw]]]:
        """Return this process's part of every step of an epoch."""
        settings, team = self.recipe.run, self.team
        draws = epoch_draws(
            self._weights, len(self._windows), self.recipe.data.windows, settings.seed, epoch
        )
        share = Share(team.rank, team.world)
        return step_draws(draws, settings.batch, self.recipe.optimiser.accumulate, share)

    def _parts_to_come(self, epoch: int, into: int) -> Iterator[list[Draw]]:
        """Yield all parts from a place in the run to its end; workers go on between epochs."""
        for number in range(epoch, self.recipe.run.epochs):
            for step in self._steps_of(number)[into:]:
                yield from step
            into = 0

    def _one_epoch(self) -> None:
        settings = self.recipe.run
        steps = self._steps_of(self.epoch)
        self.network.train()
        clock = Clock(settings.batch * self.material.window_s)
        for into in range(self.into, len(steps)):
            with memory_watch(settings.batch, len(steps[into]), self.step, self.out):
                row = self._one_step(steps[into], self.epoch + into / len(steps))
            self.loss_sum += row["loss"]
            self.into = into + 1
            self.step += 1
            self._log_step(row, len(steps), clock.tick())
            often = settings.checkpoint_steps
            if often and self.step % often == 0 and self.into < len(steps):
                self._save()
        self._end_epoch(len(steps), clock)

    def _one_step(self, parts: Sequence[list[Draw]], at: float) -> dict[str, Any]:
        """Take one optimiser step over all parts of all processes."""
        choice = self.recipe.optimiser
        losses = [row["valid_loss"] for row in self.history]
        rate = learning_rate(self.recipe.schedule, choice.lr, at, self.recipe.run.epochs, losses)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.team.device)
        seen: list[tuple[Draw, Tensor]] = []
        for number, part in enumerate(parts):
            samples = next(self._supply).to(self.team.device, non_blocking=True)
            last = number == len(parts) - 1
            with nullcontext() if last or self.team.world == 1 else self._parallel.no_sync():
                each, loss = self._loss(samples, part, number)
                self.scaler.scale(loss / len(parts)).backward()  # type: ignore[no-untyped-call]
            total += loss.detach() / len(parts)
            seen += list(zip(part, each.detach().cpu(), strict=True))
        mean = float(self.team.sum(total)) / self.team.world
        if not math.isfinite(mean):
            raise self._not_finite("loss", seen)
        self.scaler.unscale_(self.optimiser)
        norm = float(torch.nn.utils.clip_grad_norm_(
            [p for p in self.network.parameters() if p.grad is not None],
            choice.clip_norm or math.inf,
        ))  # fmt: skip
        if not math.isfinite(norm) and not self.scaler.is_enabled():
            raise self._not_finite("gradient", seen)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        if self.average is not None:
            self.average.update(self.network)
        return {"loss": mean, "lr": rate, "grad_norm": norm}

    def _loss(self, samples: Tensor, part: Sequence[Draw], number: int) -> tuple[Tensor, Tensor]:
        """Return each window's loss and what is minimised."""
        rows = torch.tensor([draw.row for draw in part])
        targets = self._targets[rows].to(samples.device)
        seed = mixed_seed(self.recipe.run.seed, 3, self.step, number, self.team.rank)
        torch.manual_seed(seed)  # dropout follows from the step too
        chosen, dice = self.recipe.augment, torch.Generator().manual_seed(seed)

        def change(pictures: Sequence[Tensor], wanted: Tensor) -> tuple[list[Tensor], Tensor]:
            mixed, wanted = mix_up(pictures, wanted, chosen, dice)
            return [spec_augment(picture, chosen, dice) for picture in mixed], wanted

        wants = chosen.mixup_p or chosen.spec_p
        logits, targets, own = self._parallel(samples, targets, change if wants else None)
        each = window_losses(logits, targets, self.recipe.loss)
        if self.dro is not None:
            return each, self.dro(each, self._groups[rows].to(each.device)) + own
        return each, each.mean() + own

    def _end_epoch(self, steps: int, clock: Clock) -> None:
        with self.average.applied(self.network) if self.average else nullcontext():
            logits = score_tracks(
                self.network, self._valid, self.recipe.data.valid_windows,
                batch=self.recipe.run.batch, team=self.team,
            )  # fmt: skip
            row = epoch_row(logits, self._valid, self.material.targets, self.recipe.loss)
            row = self.team.same(row)
            improved = better(row, self.best, self.recipe.run.metric)
            if improved and self.team.leads:
                save_checkpoint(self.out / BEST, {"network": self.network.state_dict()})
        self.epoch += 1
        self.elapsed_s = self.team.same(time.monotonic() - self._started)
        whole = {"epoch": self.epoch, "step": self.step, "train_loss": self.loss_sum / steps,
                 **row, "audio_s_per_s": round(clock.speed(), 1),
                 "elapsed_s": round(self.elapsed_s, 2)}  # fmt: skip
        self.history.append(whole)
        if improved:
            self.best = whole
        self.into, self.loss_sum = 0, 0.0
        self._save()
        if self.team.leads:
            self._epochs.add(whole)
            self._board.add("epoch", whole, self.step)
            self._tell(self._progress(steps, clock, in_words(whole)))

    def _enough(self) -> bool:
        patience, minutes = self.recipe.run.patience, self.recipe.run.minutes
        best = self.best["epoch"] if self.best else 0
        tired = bool(patience) and self.epoch - best >= patience
        return tired or bool(minutes and self.elapsed_s > 60 * minutes)

    def _log_step(self, row: dict[str, Any], steps: int, clock: Clock) -> None:
        if self.team.leads:
            numbered = {"step": self.step, "epoch": self.epoch + 1, **row}
            self._steps.add(numbered)
            self._board.add("step", numbered | {"audio_s_per_s": clock.speed()}, self.step)
            self._tell(self._progress(steps, clock))

    def _progress(self, steps: int, clock: Clock, note: str = "") -> Progress:
        epochs = self.recipe.run.epochs
        total = steps * epochs
        left_s = clock.step_s() * (total - self.step)
        loss = self.loss_sum / self.into if self.into else None
        return Progress(
            "training", self.step, total, self.epoch, epochs, loss, clock.speed(), left_s, note
        )

    def _not_finite(self, what: str, seen: Sequence[tuple[Draw, Tensor]]) -> LossNotFinite:
        bad = [draw for draw, loss in seen if not torch.isfinite(loss)]
        rows = dict.fromkeys(draw.row for draw in bad or [draw for draw, _ in seen])
        files = [self.material.train[row].path for row in rows]
        shown = ", ".join(files[:8]) + (f" and {len(files) - 8} more" if len(files) > 8 else "")
        which = "windows of" if bad else "the step heard"
        return LossNotFinite(
            f"the {what} became NaN or infinite in step {self.step + 1} (epoch {self.epoch + 1}); "
            f"{which} {shown}; the weights before it are in {self.out}: lower optimiser.lr, set "
            "optimiser.clip_norm, or look at these files"
        )

    def _save(self) -> None:
        if self.team.leads:
            self.elapsed_s = time.monotonic() - self._started
            save_checkpoint(self.out / LAST, stored(self))
