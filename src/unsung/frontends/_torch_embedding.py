# SPDX-License-Identifier: MIT
"""Torch engine of the embedding, and the small networks that stand in for a checkpoint."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from unsung.errors import MissingExtra, UsageError
from unsung.frontends.embedding import RANDOM

if TYPE_CHECKING:
    from unsung.frontends.embedding import Embedding

__all__ = ["EmbeddingModule", "load_encoder", "random_encoder"]


class EmbeddingModule(torch.nn.Module):
    """Torch engine of `Embedding`. Shape: ``[batch, time]`` → ``[batch, features, 1, 1]``.

    The network is no submodule: a detector's state dict and optimiser must not hold it, and one
    copy serves all front ends of the same checkpoint.
    """

    def __init__(self, front_end: Embedding) -> None:
        super().__init__()
        self.front_end = front_end
        encoder = load_encoder(front_end.checkpoint)
        depth = encoder.config.num_hidden_layers
        if not -depth - 1 <= front_end.layer <= depth:
            raise UsageError(
                f"embedding: expected a layer from {-depth - 1} to {depth} of "
                f"'{front_end.checkpoint}', got {front_end.layer}"
            )
        self._encoder = [encoder]

    def forward(self, samples: Tensor) -> Tensor:
        """Compute the picture."""
        encoder = self._encoder[0].to(samples.device)
        if self.front_end.standardise:
            mean = samples.mean(dim=1, keepdim=True)
            spread = (samples.var(dim=1, keepdim=True, correction=0) + 1e-7).sqrt()
            samples = (samples - mean) / spread
        layers = encoder(samples, output_hidden_states=True).hidden_states
        mean_over_time: Tensor = layers[self.front_end.layer].mean(dim=1)
        return mean_over_time[..., None, None]


@lru_cache(maxsize=2)
def load_encoder(checkpoint: str) -> Any:
    """Return a frozen encoder in evaluation mode.

    Raises:
        MissingExtra: transformers is absent.
        UsageError: it cannot be read.
    """
    transformers = _transformers()
    if checkpoint == RANDOM:
        encoder = random_encoder()
    else:
        try:
            encoder = transformers.AutoModel.from_pretrained(checkpoint)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"embedding: expected a checkpoint at '{checkpoint}' ({error}); "
                "check the name, or download it while online"
            ) from error
    return encoder.eval().requires_grad_(False)


def random_encoder(features: int = 32, layers: int = 2, heads: int = 2, channels: int = 16) -> Any:
    """Return a small wav2vec 2.0 whose random weights are the same every time."""
    transformers = _transformers()
    config = transformers.Wav2Vec2Config(
        hidden_size=features,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=2 * features,
        conv_dim=(channels,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return transformers.Wav2Vec2Model(config)


def _transformers() -> Any:
    try:
        import transformers
    except ModuleNotFoundError as error:
        raise MissingExtra("transformers", "synthesis", "an embedding of speech") from error
    return transformers
