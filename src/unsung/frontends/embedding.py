# SPDX-License-Identifier: MIT
"""Mean over time of a self-supervised network's features (wav2vec 2.0, HuBERT, WavLM, MERT, ...).

Source: Baevski et al., "wav2vec 2.0", NeurIPS 2020; which layer serves detection best differs
(layer 9 of the base model in Saha et al., "Green AI for spoofing detection", 2024). No unit. The
network runs in torch in both engines: there is no second one of a hundred million weights. Slow
beside any spectrum, and speech networks hear nothing above 8 kHz.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unsung.frontends.base import FrontEnd
from unsung.types import FloatArray

if TYPE_CHECKING:
    import torch

__all__ = ["RANDOM", "Embedding"]

RANDOM = "random-tiny"
"""Instead of a checkpoint: 32 features of a tiny network with fixed random weights, for trials."""


@dataclass(frozen=True)
class Embedding(FrontEnd):
    """Features of one layer, averaged over the clip, one channel each.

    Shape: ``[batch, time]`` → ``[batch, features, 1, 1]`` (768 for base models).

    Args:
        checkpoint: folder or hub name that transformers' AutoModel reads, such as
            "facebook/wav2vec2-base"; the default is an untrained tiny network for trials.
        layer: whose output: 0 is the input of the first transformer layer, -1 the last one's.
        standardise: give each clip mean 0 and variance 1 first, as most checkpoints expect.

    Raises:
        MissingExtra: torch or transformers is absent.
        UsageError: the checkpoint cannot be read, or has no such layer.
    """

    sample_rate_hz: int = 16000
    checkpoint: str = RANDOM
    layer: int = -1
    standardise: bool = True

    @property
    def hop_s(self) -> float:
        """Seconds between the averaged features: 20 ms in all models of this family."""
        return 320 / self.sample_rate_hz

    @property
    def freqs_hz(self) -> NDArray[np.float64]:
        """Middle of the band: a feature speaks of the whole spectrum."""
        return np.array([self.sample_rate_hz / 4])

    def times_s(self, n_samples: int) -> NDArray[np.float64]:
        """Middle of the clip: the picture has one column."""
        return np.array([n_samples / self.sample_rate_hz / 2])

    @cached_property
    def _engine(self) -> Any:
        return self.module()

    def __call__(self, samples: FloatArray) -> FloatArray:
        """Compute the picture; see the class for shapes."""
        samples = self.checked(samples)
        engine = self._engine
        import torch

        with torch.no_grad():
            # One clip at a time: the same clip gives the same bits in every batch.
            rows = [engine(torch.from_numpy(row[None].copy())).numpy() for row in samples]
        return np.concatenate(rows)

    def module(self) -> torch.nn.Module:
        """Return the torch engine."""
        from unsung.errors import MissingExtra

        try:
            from unsung.frontends._torch_embedding import EmbeddingModule
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            raise MissingExtra("torch", "research", "the front end 'embedding'") from error
        return EmbeddingModule(self)
