# SPDX-License-Identifier: MIT
"""Training-time changes: attacks on the sound, MixUp and SpecAugment on the pictures.

MixUp: Zhang et al., ICLR 2018; SpecAugment: Park et al., Interspeech 2019 (masks in time and
frequency, no warping). SONICS (Rahman et al., ICLR 2025) applies both to the standardised
spectrogram: MixUp with chance 0.5, λ ~ Beta(2.5, 2.5), the partner is the batch rolled by one;
SpecAugment with chance 0.5: two time masks of up to 8 frames, one frequency mask of up to 8 bands,
filled with zeros. When not to use: frequency masks on narrow pictures such as `residual_spectrum`,
whose few bins are all the evidence, and MixUp where a loss wants whole classes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from unsung.attacks import Chain, Step, parse
from unsung.errors import UsageError
from unsung.training.sampling import mixed_seed
from unsung.training.settings import Augment, Distortion
from unsung.types import Clip, FloatArray

__all__ = ["Distorter", "mix_up", "spec_augment"]


class Distorter:
    """Passes windows through distortions with the chances and strengths of a recipe.

    Args:
        distortions: all that the recipe names.
        use: names, in the order in which a window passes them.
        always: take every one (a test set) instead of each by its chance.
    """

    def __init__(
        self, distortions: Mapping[str, Distortion], use: Sequence[str], always: bool = False
    ) -> None:
        self._steps = [distortions[name] for name in use]
        self._always = always
        # Parsed once: names are looked up in folders. A wrong one is said before the first epoch.
        self._chains = [_Template(step) for step in self._steps]

    def __bool__(self) -> bool:
        return bool(self._steps)

    def drawn(self, seed: int) -> Chain:
        """Return the chain that this seed draws; it may be empty."""
        rng = np.random.default_rng(seed)
        found: list[Step] = []
        for step, chain in zip(self._steps, self._chains, strict=True):
            takes, place = rng.random(2)
            if not (self._always or takes < step.p):
                continue
            found += chain.at(_strength(step, place))
        return Chain(tuple(found))

    def __call__(self, samples: FloatArray, rate_hz: int, chain: Chain, seed: int) -> FloatArray:
        """Return the distorted sound. Shape: ``[time]`` → ``[other time]``."""
        if not chain.steps or not np.abs(samples).max(initial=0.0):
            return samples
        clip = chain(Clip(samples[None], rate_hz), mixed_seed(seed, 7) % 2**31)
        return clip.mono()


def mix_up(
    pictures: Sequence[Tensor], targets: Tensor, settings: Augment, generator: torch.Generator
) -> tuple[list[Tensor], Tensor]:
    """Mix each item with the one before it, or leave the batch alone.

    Shape: pictures ``[batch, channel, freq, frame]``, targets ``[batch, output]``; both ways.
    """
    if not settings.mixup_p or torch.rand((), generator=generator) >= settings.mixup_p:
        return list(pictures), targets
    rng = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
    share = float(rng.beta(settings.mixup_alpha, settings.mixup_alpha))
    mixed = [share * p + (1 - share) * p.roll(1, 0) for p in pictures]
    return mixed, share * targets + (1 - share) * targets.roll(1, 0)


def spec_augment(picture: Tensor, settings: Augment, generator: torch.Generator) -> Tensor:
    """Zero some frames and bands, the same ones in the whole batch, by the recipe's chance.

    Shape: ``[batch, channel, freq, frame]``, both ways. An axis that is not longer than its mask
    is left alone.
    """
    if not settings.spec_p or torch.rand((), generator=generator) >= settings.spec_p:
        return picture
    if picture.ndim != 4:  # a raw waveform has no bands
        return picture
    masked = picture.clone()
    plan = ((3, settings.time_masks, settings.time_mask), (2, settings.freq_masks,
            settings.freq_mask))  # fmt: skip
    for axis, count, longest in plan:
        size = picture.shape[axis]
        for _ in range(count if size > longest else 0):
            width = int(torch.randint(longest + 1, (), generator=generator))
            start = int(torch.randint(size - width + 1, (), generator=generator))
            masked.narrow(axis, start, width).zero_()
    return masked


class _Template:
    """A distortion's chain, in which the steps that carry the drawn strength are known."""

    def __init__(self, step: Distortion) -> None:
        if "{s}" in step.chain.replace("@{s}", ""):
            raise UsageError(
                f"distortion '{step.chain}': expected {{s}} after an @ only; a setting of an "
                "attack stays the same"
            )
        ends = [parse(_text(step, strength)).steps for strength in step.strengths or (0.0,)]
        self._steps = ends[0]
        self._carry = {
            index
            for index, item in enumerate(ends[0])
            if any(other[index].strength != item.strength for other in ends[1:])
        }

    def at(self, strength: float) -> list[Step]:
        """Return the steps at a strength."""
        return [
            dataclasses.replace(item, strength=item.attack.check(strength))
            if index in self._carry
            else item
            for index, item in enumerate(self._steps)
        ]


def _text(step: Distortion, strength: float) -> str:
    return step.chain.replace("{s}", f"{strength:.6g}")


def _strength(step: Distortion, place: float) -> float:
    if not step.strengths:
        return 0.0
    if step.uniform:
        low, high = step.strengths
        return low + (high - low) * place
    return step.strengths[min(int(place * len(step.strengths)), len(step.strengths) - 1)]
