# SPDX-License-Identifier: MIT
"""Which piece of the picture a token stands for, and token scores painted there.

A detector of one's own says it by a method ``token_layout()``; SpecTTTra, ViT and AST are known. A
strip of SpecTTTra covers all bands of a time or all times of a band: temporal and spectral scores
are two channels of the explanation, each spread along what its tokens do not resolve. That is all
that its attention can claim; their product would be a picture, not local evidence. No unit: scores
rank.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unsung.errors import UsageError
from unsung.explainers._subject import Subject
from unsung.explainers._torch import Windowed, by_window, frozen, tensors
from unsung.relevance.transformers import Attention, attend, token_scores
from unsung.types import FloatArray

__all__ = ["TokenLayout", "layout_of", "token_relevance"]


@dataclass(frozen=True)
class TokenLayout:
    """Where tokens lie.

    Attributes:
        spans: ``[token, 4]``: low and high frequency, start and end, as shares of the picture.
        kinds: ``[token]``: channel of the explanation that a token is painted in.
        special: class tokens in front of these.
    """

    spans: NDArray[np.float64]
    kinds: NDArray[np.int64]
    special: int = 0


def token_relevance(
    subject: Subject,
    rule: Callable[[Attention], Tensor],
    *,
    relevance: bool = False,
    own: bool = True,
) -> Sequence[FloatArray]:
    """Paint token scores by a rule on the picture of a transformer.

    Args:
        subject: before a transformer with one picture.
        rule: attention of all layers → map ``[batch, token, token]``.
        relevance: whether the rule needs relevance propagation.
        own: take away the identity that the rule starts from (not where rows sum to one).

    Raises:
        UsageError: no transformer, or one whose tokens have no known place.
    """
    network = subject.network()
    if not isinstance(network, Windowed) or len(subject.planes) != 1:
        raise UsageError(
            f"{subject.name}: expected a transformer over one picture; use integrated_gradients"
        )
    layout = layout_of(network.module)
    picture = tensors([subject.planes[0].values])[0]
    rows = by_window(picture, network.windows)
    painted = []
    with frozen(network):
        for row in rows:  # relevance propagation rescales by sums over its whole input
            walk = attend(_Outputs(network), row[None], network.output, relevance)
            maps = rule(walk)
            if own:  # a token's own identity says nothing of it, and would drown what does
                maps = maps - torch.eye(maps.shape[-1])
            scores = token_scores(maps, layout.special)[0].double().numpy()
            if len(scores) != len(layout.spans):
                raise UsageError(
                    f"{subject.name}: expected {len(layout.spans)} tokens, got {len(scores)}"
                )
            painted.append(_painted(scores / len(rows), layout, row.shape[-2:]))
    return [np.concatenate(painted, axis=2)]


class _Outputs(torch.nn.Module):
    """The detector's own call, with a column for each output."""

    def __init__(self, network: Windowed) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor) -> Tensor:
        logits = self.network.logits(picture)
        return logits if logits.dim() > 1 else logits[:, None]


def layout_of(module: Any) -> TokenLayout:
    """Return where a detector's tokens lie.

    Raises:
        UsageError: unknown.
    """
    if hasattr(module, "token_layout"):
        found: TokenLayout = module.token_layout()
        return found
    encoder: Any = getattr(module, "encoder", None)
    if hasattr(encoder, "st_tokenizer"):
        return _strips(encoder.st_tokenizer, module.width)
    if hasattr(encoder, "patch_encoder"):
        rows, columns = (n // s for n, s in zip((128, module.width), _stride(encoder), strict=True))
        edge = _stride(encoder)
        return _patches((rows, columns), edge, edge, (128, module.width), 0)
    config = getattr(getattr(module, "transformer", None), "config", None)
    if config is not None and hasattr(config, "frequency_stride"):
        step = (config.frequency_stride, config.time_stride)
        size, edge = (config.num_mel_bins, config.max_length), (config.patch_size,) * 2
        counts = tuple((n - e) // s + 1 for n, e, s in zip(size, edge, step, strict=True))
        return _patches((counts[0], counts[1]), step, edge, size, 2)
    raise UsageError(
        f"{type(module).__name__}: where its tokens lie is not known; give the detector a method "
        "token_layout(), or use attn_lrp"
    )


def _stride(encoder: Any) -> tuple[int, int]:
    stride = encoder.patch_encoder.proj.stride
    return int(stride[0]), int(stride[1])


def _strips(tokenizer: Any, width: int) -> TokenLayout:
    temporal, spectral = tokenizer.temporal_tokenizer, tokenizer.spectral_tokenizer
    bands = temporal.conv1d.in_channels
    spans = []
    for i in range(temporal.pos_encoder.pe.shape[1]):
        step = temporal.conv1d.stride[0] / width
        spans.append((0.0, 1.0, i * step, (i + 1) * step))
    n_temporal = len(spans)
    for j in range(spectral.pos_encoder.pe.shape[1]):
        step = spectral.conv1d.stride[0] / bands
        spans.append((j * step, (j + 1) * step, 0.0, 1.0))
    kinds = np.repeat([0, 1], [n_temporal, len(spans) - n_temporal])
    return TokenLayout(np.array(spans), kinds)


def _patches(
    counts: tuple[int, int],
    step: tuple[int, int],
    edge: tuple[int, int],
    size: tuple[int, int],
    special: int,
) -> TokenLayout:
    """Patches row by row, lowest band first."""
    rows, columns = (i.reshape(-1) for i in np.indices(counts))
    low, start = rows * step[0] / size[0], columns * step[1] / size[1]
    spans = np.stack([low, low + edge[0] / size[0], start, start + edge[1] / size[1]], axis=1)
    return TokenLayout(spans, np.zeros(len(spans), np.int64), special)


def _painted(scores: NDArray[np.float64], layout: TokenLayout, size: tuple[int, ...]) -> FloatArray:
    """Spread each score evenly over its token's piece. Shape: → ``[kind, freq, frame]``."""
    out = np.zeros((int(layout.kinds.max()) + 1, *size))
    rows, columns = ((np.arange(n) + 0.5) / n for n in size)
    for score, kind, (low, high, start, end) in zip(
        scores, layout.kinds, layout.spans, strict=True
    ):
        across = np.flatnonzero((rows >= low) & (rows < high))
        along = np.flatnonzero((columns >= start) & (columns < end))
        if not len(across):
            across = np.array([min(int((low + high) / 2 * size[0]), size[0] - 1)])
        if not len(along):
            along = np.array([min(int((start + end) / 2 * size[1]), size[1] - 1)])
        out[kind][np.ix_(across, along)] += score / (len(across) * len(along))
    return out.astype(np.float32)
