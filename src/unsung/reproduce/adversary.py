# SPDX-License-Identifier: MIT
"""What an adversary in an experiment gets: the detector as functions of arrays, a second clip.

``score`` asks the bundle itself, as a scan does. ``score_and_gradient`` rebuilds its linear sum and
its search over shifts in torch, on windows cut as the analyzer cuts them; frames that would reach
over a window's edge are left out, so the two differ a little on sound of several windows. The score
of the attacked sound is always the bundle's own. When not to use: for bundles without a linear
part; their gradient is not in the graph.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unsung.attacks import Chain, Step, parse
from unsung.errors import MissingExtra, SilentAudio, UsageError
from unsung.runtime import Bundle
from unsung.runtime.bundle import LinearPart
from unsung.runtime.shift import WIDTH, Join, ShiftSearch
from unsung.types import Clip, FloatArray

if TYPE_CHECKING:
    from torch import Tensor

    from unsung.detectors.residual_linear import ResidualLinear

__all__ = ["equipped", "needs_model", "needs_partner", "score_and_gradient_of", "score_of"]

Score = Callable[[FloatArray], FloatArray]
ScoreAndGradient = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


def needs_model(condition: str) -> bool:
    """Say whether a step of a chain must see the detector."""
    return any(step.attack.needs_model for step in parse(condition).steps)


def needs_partner(condition: str) -> bool:
    """Say whether a step of a chain mixes in a second clip."""
    return any(step.attack.needs_partner for step in parse(condition).steps)


def equipped(condition: str, bundle: Bundle, partner: Clip | None, positive: bool) -> Chain:
    """Return the chain with all that its steps ask for at construction.

    Args:
        condition: the text of a chain.
        bundle: the detector under attack.
        partner: the second clip, where one is needed.
        positive: whether the track is AI: an adversary hides it, and accuses a human one.
    """
    given: dict[str, Callable[[], Any]] = {
        "partner": lambda: partner,
        "score": lambda: score_of(bundle),
        "score_and_gradient": lambda: score_and_gradient_of(bundle),
        "model_rate_hz": lambda: bundle.sample_rate_hz,
        "goal": lambda: "human" if positive else "ai",
    }
    return Chain(tuple(_equip(step, given) for step in parse(condition).steps))


def _equip(step: Step, given: dict[str, Callable[[], Any]]) -> Step:
    kind = type(step.attack)
    if not (kind.needs_model or kind.needs_partner):
        return step
    asked = [name for name in inspect.signature(kind).parameters if name in given]
    return replace(step, attack=kind(**{name: given[name]() for name in asked}))


def score_of(bundle: Bundle) -> Score:
    """Return sound → logits. Shape: ``[batch, time]`` at the bundle's rate → ``[batch]``."""

    def score(samples: FloatArray) -> FloatArray:
        found = []
        for row in samples:
            analyzer = bundle.analyzer(bundle.sample_rate_hz)
            analyzer.push(np.ascontiguousarray(row, dtype=np.float32))
            logit = analyzer.finish().logit
            if logit is None:
                raise SilentAudio("the adversary's sound holds nothing that has a score")
            found.append(logit)
        return np.array(found, dtype=np.float32)

    return score


def score_and_gradient_of(bundle: Bundle) -> ScoreAndGradient:
    """Return sound → logits and their gradient, both at the bundle's rate.

    Shape: ``[batch, time]`` → ``[batch]``, ``[batch, time]``.

    Raises:
        MissingExtra: no torch.
        UsageError: the bundle is not a linear sum over its front ends.
        BundleError: its weights are missing or damaged.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtra("torch", "research", "an attack with the detector's gradient") from error
    detector = _rebuilt(bundle)
    size = round(bundle.window_s * bundle.sample_rate_hz)

    def score_and_gradient(samples: FloatArray) -> tuple[FloatArray, FloatArray]:
        sound = torch.from_numpy(np.array(samples, dtype=np.float32)).requires_grad_()
        parts = _windows(sound, size)
        share = [part.shape[1] / sound.shape[1] for part in parts]  # as much as they hold
        pictures = [[engine(part) for engine in detector.engines] for part in parts]
        heads = [detector.head(*part)[:, 0] for part in pictures]
        logits = torch.stack([w * head for w, head in zip(share, heads, strict=True)]).sum(dim=0)
        if bundle.shift is not None:
            means = [
                torch.stack([w * p for w, p in zip(share, same, strict=True)]).sum(dim=0)
                for same in zip(*pictures, strict=True)
            ]
            logits = _joined(logits, means, *bundle.shift, copies=bundle.copies)
        (gradient,) = torch.autograd.grad(logits.sum(), sound)
        return logits.detach().numpy(), gradient.numpy()

    return score_and_gradient


def _joined(
    linear: Tensor,
    pictures: list[Tensor],
    search: ShiftSearch,
    join: Join,
    *,
    copies: LinearPart | None = None,
) -> Tensor:
    """Return the joint logit with its gradient: `ShiftSearch.best` and `Join` in torch.

    Shape: ``[batch]``, pictures each ``[batch, channel, freq, 1]`` → ``[batch]``.
    """
    import torch

    total = torch.zeros(())
    for picture, mean, (lower, share), density, template in zip(
        pictures, search.means, search.places, search.density, search.spectra, strict=True
    ):
        away = picture[:, : len(mean), :, 0] - torch.from_numpy(mean)
        part = torch.from_numpy(share)
        read = away[..., lower] * (1 - part) + away[..., lower + 1] * part
        moved = torch.fft.rfft(read * torch.from_numpy(density), search.size)
        total = total + (moved * torch.from_numpy(template)).sum(dim=1)
    sums = torch.fft.irfft(total, search.size)
    curve = torch.cat([sums[:, -search.reach :], sums[:, : search.reach + 1]], dim=1)
    padded = torch.nn.functional.pad(curve[:, None], (WIDTH // 2, WIDTH // 2), mode="replicate")
    score = curve - 0.5 * torch.nn.functional.avg_pool1d(padded, WIDTH, 1)[:, 0]
    best = score[:, torch.from_numpy(search.away)].amax(dim=1)
    unit = join.linear_spread / join.sharpness
    alike = join.linear_limit + (best - join.shift_limit) / join.shift_spread * join.linear_spread
    joint: Tensor = torch.logaddexp(linear / unit, alike / unit)
    if copies is not None and join.copies_limit is not None:
        second = torch.full_like(linear, copies.baseline)
        for picture, mean, weight in zip(pictures, copies.means, copies.weights, strict=True):
            away = (picture[..., 0] - torch.from_numpy(mean)) * torch.from_numpy(weight)
            second = second + away.sum(dim=(1, 2))
        away = (second - join.copies_limit) / join.copies_spread * join.linear_spread
        joint = torch.logaddexp(joint, (join.linear_limit + away) / unit)
    return unit * joint


def _rebuilt(bundle: Bundle) -> ResidualLinear:
    """Return the bundle's linear sum as a torch module, all fixed."""
    from unsung.detectors.residual_linear import ResidualLinear

    if "weights.safetensors" not in bundle.info.get("files", {}):
        raise UsageError(
            f"{bundle.name}: expected a bundle with a linear part for a gradient; "
            "take black_box, which needs the score only"
        )
    linear = bundle.linear
    detector = ResidualLinear(bundle.front_ends)
    weights, means = (
        np.concatenate([part.reshape(-1) for part in parts])
        for parts in (linear.weights, linear.means)
    )
    detector.set_linear(linear.baseline, weights, means)
    detector.requires_grad_(False)
    return detector


def _windows(sound: Tensor, size: int) -> list[Tensor]:
    """Cut as the analyzer does: a rest shorter than half a window joins the last whole one."""
    parts = []
    while sound.shape[1] >= 1.5 * size:
        parts.append(sound[:, :size])
        sound = sound[:, size:]
    return [*parts, sound]
