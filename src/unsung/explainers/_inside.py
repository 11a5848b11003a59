# SPDX-License-Identifier: MIT
"""What a network offers to methods that look inside it: layers, convolutions, attention."""

from __future__ import annotations

import torch

from unsung.errors import UsageError
from unsung.explainers._layers import layer_names
from unsung.explainers._subject import Subject
from unsung.explainers._tokens import layout_of
from unsung.explainers._torch import NetworkSubject, Windowed, frozen, tensors
from unsung.relevance.rules import CONVOLUTIONS
from unsung.relevance.transformers import watch_attention

__all__ = ["network_offers"]


def network_offers(network: torch.nn.Module, subject: Subject) -> frozenset[str]:
    """Return those of `_fit.NEEDS` that a network over the subject's pictures meets."""
    found = {"gradient"}
    attends = _attends(network, subject)
    layers = layer_names(network)
    if layers and not attends:
        found |= {"layers"} if len(layers) == 1 else {"layers", "hidden_layers"}
    one = len(subject.planes) == 1 and isinstance(subject, NetworkSubject) and not subject.virtual
    if one and attends and _placed(network):
        found.add("attention")
    if one and not attends and any(isinstance(m, CONVOLUTIONS) for m in network.modules()):
        found.add("convolutions")
    return frozenset(found)


def _attends(network: torch.nn.Module, subject: Subject) -> bool:
    pictures = tensors([p.values for p in subject.planes])
    with frozen(network), torch.no_grad(), watch_attention() as found:
        network(*pictures)
    return bool(found)


def _placed(network: torch.nn.Module) -> bool:
    try:
        layout_of(network.module if isinstance(network, Windowed) else network)
    except UsageError:
        return False
    return True
