# SPDX-License-Identifier: MIT
"""Concept relevance propagation: what the strongest channels of a layer used, one map each.

Source: Achtibat et al., Nature Machine Intelligence 2023 (rules and conditions in
`unsung.relevance`). Logits; the maps are channels of the explanation, strongest first, and what all
other channels used is the last. Which sound a channel stands for is told by an atlas of clips, not
by one map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from unsung.errors import UnknownName, UsageError
from unsung.explainers._layers import layer_names, packed, refuse_broken, shown_name, unpacked
from unsung.explainers._subject import Subject
from unsung.explainers._torch import frozen
from unsung.explainers.base import Explainer
from unsung.relevance import attribute, channel_relevance, composite, merged_batch_norms
from unsung.types import FloatArray

__all__ = ["Crp"]


class Crp(Explainer):
    """Relevance through single channels.

    Args:
        layer: name of a layer; "" takes the second but last with weights.
        channels: how many of its channels to show, the most relevant first.
        composite: see `lrp`.
    """

    needs: ClassVar[str] = "hidden_layers"
    complete: ClassVar[bool] = False

    def __init__(self, layer: str = "", channels: int = 4, composite: str = "epsilon_plus") -> None:
        if channels < 1:
            raise UsageError(f"crp: expected at least one channel, got {channels}")
        self.layer, self.channels, self.composite = layer, channels, composite

    def _relevance(self, subject: Subject) -> tuple[Sequence[FloatArray], float]:
        rules = composite(self.composite)
        module, cells = packed(subject)
        names = layer_names(module)
        layer = self._chosen(names)
        with frozen(module), merged_batch_norms(module, cells):
            whole = attribute(module, cells, 0, rules, record=[layer])
            shares = channel_relevance(whole.relevances[layer]).abs().sum(0)
            strongest = shares.argsort(descending=True, stable=True)[: self.channels].tolist()
            walks = [
                attribute(module, cells, 0, rules, conditions=[{layer: [c]}]).heatmap
                for c in strongest
            ]
        refuse_broken("crp", whole.heatmap)
        rest = whole.heatmap - sum(walks[1:], walks[0])
        parts = [unpacked(subject, heatmap) for heatmap in (*walks, rest)]
        return [np.concatenate(planes) for planes in zip(*parts, strict=True)], 0.0

    def _chosen(self, names: list[str]) -> str:
        if not self.layer:
            if len(names) < 2:
                raise UsageError(
                    f"crp: expected a network with a layer before the last, got {len(names)}; "
                    "use lrp"
                )
            return names[-2]
        found = [name for name in names if name == self.layer or name.endswith("." + self.layer)]
        if not found:
            raise UnknownName("layer", self.layer, [shown_name(name) for name in names])
        return found[0]
