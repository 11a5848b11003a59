# SPDX-License-Identifier: MIT
"""Scores tracks with a network in training and turns the scores into numbers.

A track's logit is the mean over windows spread evenly through it, the same windows every time.
Detectors of AI get AUC, EER, confusion at logit 0 and their like; detectors of other things
(instruments) get the macro F1 over outputs at logit 0. The loss is that of the recipe, without
group DRO, on the tracks' logits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from unsung.errors import UsageError
from unsung.evaluation import confusion_at, eer, roc_auc
from unsung.training.distributed import Team
from unsung.training.loader import Windows, judged_windows
from unsung.training.losses import window_losses
from unsung.training.network import Network
from unsung.training.settings import Loss
from unsung.training.targets import Targets, ai_logits
from unsung.types import FloatArray

__all__ = ["LOWER_IS_BETTER", "better", "epoch_row", "in_words", "score_tracks"]

LOWER_IS_BETTER = ("eer", "loss")


def score_tracks(
    network: Network, windows: Windows, count: int, *, batch: int, team: Team, seed: int = 0
) -> FloatArray:
    """Return every track's logits; each process scores its share and all get all.

    Shape: ``[track, output]``.
    """
    plan = judged_windows(windows, count, seed)
    mine = plan[team.rank :: team.world]
    made: list[tuple[int, list[float]]] = []
    was_training = network.training
    network.eval()
    with torch.no_grad():
        for start in range(0, len(mine), batch):
            part = mine[start : start + batch]
            sound = [windows.at(windows.tracks[row].path, at, key) for row, at, key in part]
            samples = torch.from_numpy(np.stack(sound)).to(team.device)
            logits = network.logits(samples).float().cpu().tolist()
            made += [(row, values) for (row, _, _), values in zip(part, logits, strict=True)]
    network.train(was_training)
    rows = sorted(item for items in team.gather(made) for item in items)
    outputs = len(rows[0][1]) if rows else 1
    total, number = np.zeros((len(windows), outputs)), np.zeros((len(windows), 1))
    for row, values in rows:
        total[row] += values
        number[row] += 1
    return np.asarray(total / np.maximum(number, 1), np.float32)


def epoch_row(
    logits: FloatArray, windows: Windows, targets: Targets, loss: Loss
) -> dict[str, float | int]:
    """Return the numbers of one validation. Shape of logits: ``[track, output]``."""
    wanted = targets.matrix(windows.tracks)
    each = window_losses(torch.from_numpy(logits), torch.from_numpy(wanted), loss)
    row: dict[str, float | int] = {"valid_loss": float(each.mean())}
    if not np.isfinite(logits).all():
        return row
    if not targets.tells_ai:
        return row | {"macro_f1": _macro_f1(wanted, logits)}
    labels, scores = targets.labels(windows.tracks), ai_logits(logits, targets.outputs)
    counts = confusion_at(labels, scores)
    return row | {
        "auc": roc_auc(labels, scores),
        "eer": eer(labels, scores),
        "balanced_accuracy": counts.balanced_accuracy,
        "f1": counts.f1,
        "detected": counts.detected,
        "missed": counts.missed,
        "false_alarms": counts.false_alarms,
        "cleared": counts.cleared,
    }


def better(row: Mapping[str, Any], best: Mapping[str, Any] | None, metric: str) -> bool:
    """Say whether a validation beats the best so far; a tie in the metric is broken by the loss.

    Raises:
        UsageError: the detector does not have this metric.
    """
    name = "valid_loss" if metric == "loss" else metric
    if name not in row:
        raise UsageError(
            f"run.metric: this detector has no '{metric}'; choose among "
            f"{', '.join(sorted(k for k in row if k not in ('epoch', 'step')))}"
        )
    if best is None:
        return True
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    now, before = sign * float(row[name]), sign * float(best[name])
    return (now, -float(row["valid_loss"])) > (before, -float(best["valid_loss"]))


def in_words(row: Mapping[str, Any]) -> str:
    """Return a validation in a few words: loss, EER, and the four counts."""
    if "eer" not in row:
        rest = f", macro F1 {row['macro_f1']:.3f}" if "macro_f1" in row else ""
        return f"valid loss {row['valid_loss']:.3f}{rest}"
    return (
        f"valid loss {row['valid_loss']:.3f}, EER {row['eer']:.1%}, AUC {row['auc']:.3f}; AI "
        f"{row['detected']} found {row['missed']} missed, human {row['cleared']} cleared "
        f"{row['false_alarms']} alarmed"
    )


def _macro_f1(wanted: FloatArray, logits: FloatArray) -> float:
    said, true = logits >= 0, wanted > 0.5
    hits = (said & true).sum(0)
    return float(np.mean(2 * hits / np.maximum(1, said.sum(0) + true.sum(0))))
