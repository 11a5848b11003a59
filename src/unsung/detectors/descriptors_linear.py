# SPDX-License-Identifier: MIT
"""Logistic regression or a support vector machine on fifteen descriptors and an embedding.

Sources: Saha et al., "Green AI for spoofing detection", 2024 (embedding of a frozen network, then
logistic regression or SVM, CPU only); the search over C by ROC-AUC in five folds is usual practice.
Logit in nats for the regression; the machine's margin has no unit: calibrate it. Descriptors tell
genres and recording chains apart as well as generators, so the folds keep groups together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from unsung.detectors._checkpoints import hide_engines
from unsung.detectors._grid import GridSearch, search
from unsung.detectors.base import Detector
from unsung.errors import UnknownName, UsageError
from unsung.frontends import FrontEnd
from unsung.frontends.descriptors import NAMES, Descriptors
from unsung.frontends.embedding import Embedding
from unsung.types import FloatArray

__all__ = ["DescriptorsLinear"]

Kind = Literal["logistic", "svm"]


class DescriptorsLinear(Detector):
    """Standardised features → one logit; `fit` finds the weights with scikit-learn.

    Args:
        checkpoint: of the embedding that joins the descriptors; None leaves it out.
        layer: of the embedding, see `Embedding`.
        kind: "logistic", or "svm" with a Gaussian kernel.
        window_s: length of a scanned window.
    """

    mean: Tensor
    spread: Tensor

    def __init__(
        self,
        checkpoint: str | None = None,
        *,
        layer: int = -1,
        kind: Kind = "logistic",
        window_s: float = 10.0,
    ) -> None:
        if kind not in ("logistic", "svm"):
            raise UnknownName("kind of descriptors_linear", kind, ("logistic", "svm"))
        front_ends: tuple[FrontEnd, ...] = (Descriptors(),)
        size = len(NAMES)
        if checkpoint is not None:
            embedding = Embedding(checkpoint=checkpoint, layer=layer)
            front_ends += (embedding,)
            size += _features(embedding)
        super().__init__(front_ends)
        hide_engines(self)
        self.kind = kind
        self.window_s = window_s
        self.columns = (*NAMES, *(f"emb_{index}" for index in range(size - len(NAMES))))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))
        self.baseline = nn.Parameter(torch.zeros(1))
        if kind == "logistic":
            self.weights = nn.Parameter(torch.zeros(size))
        else:
            self.support = nn.Parameter(torch.zeros(1, size), requires_grad=False)
            self.dual = nn.Parameter(torch.zeros(1), requires_grad=False)
            self.gamma = nn.Parameter(torch.ones(1) / size, requires_grad=False)
            self.register_load_state_dict_pre_hook(_as_many_vectors)  # type: ignore[no-untyped-call]

    def head(self, *pictures: Tensor) -> Tensor:
        """Return logit or margin. Shape: see `Detector.head`."""
        scaled = (torch.cat([p.flatten(1) for p in pictures], 1) - self.mean) / self.spread
        if self.kind == "logistic":
            return (scaled @ self.weights + self.baseline)[:, None]
        # |x − s|² without an array [batch, vector, feature]; double, because the terms cancel
        x, s = scaled.double(), self.support.double()
        squares = (x * x).sum(1, keepdim=True) + (s * s).sum(1) - 2 * x @ s.T
        kernel = torch.exp(-self.gamma.double() * squares.clamp_min(0.0))
        return ((kernel @ self.dual.double())[:, None] + self.baseline).float()

    def features(self, samples: FloatArray) -> FloatArray:
        """Return one row of a table for each clip. Shape: ``[batch, time]`` → ``[batch, column]``.

        The columns are named by `columns`.
        """
        import numpy as np

        rows = [front_end(samples).reshape(len(samples), -1) for front_end in self.front_ends]
        return np.concatenate(rows, axis=1)

    def fit(
        self,
        features: FloatArray,
        positive: Sequence[bool],
        groups: Sequence[str],
        *,
        strengths: Sequence[float] = (0.01, 0.1, 1.0),
        folds: int = 5,
        seed: int = 0,
    ) -> GridSearch:
        """Choose C by ROC-AUC over folds of whole groups, fit on everything, take it over.

        Args:
            features: ``[item, column]``, from `features` or a table.
            positive: ``[item]``, True = AI.
            groups: ``[item]``, what must not be split (artist, source, original recording).
            strengths: values of C tried; small = strong penalty.
            folds: how many.
            seed: of the folds.

        Returns:
            The area of every fold for every C.

        Raises:
            UsageError: other columns than this detector's, one class, or too few groups.
        """
        if features.ndim != 2 or features.shape[1] != len(self.columns):
            raise UsageError(
                f"descriptors_linear: expected {len(self.columns)} columns "
                f"({self.columns[0]} ... {self.columns[-1]}), got shape {list(features.shape)}; "
                "make the table with the same embedding"
            )
        found, model = search(
            features, positive, groups, kind=self.kind, strengths=strengths, folds=folds, seed=seed
        )
        self._take(model)
        return found

    def _take(self, model: Any) -> None:
        """Copy a fitted scaler and classifier."""
        scaler, last = model
        own = {"mean": scaler.mean_, "spread": scaler.scale_, "baseline": last.intercept_}
        if self.kind == "logistic":
            own["weights"] = last.coef_[0]
        else:
            own["support"] = last.support_vectors_
            own["dual"] = last.dual_coef_[0]
            own["gamma"] = [last._gamma]  # scikit-learn keeps the resolved "scale" only here
        state = self.state_dict()
        self.load_state_dict({n: torch.as_tensor(v).to(state[n].dtype) for n, v in own.items()})


def _features(embedding: Embedding) -> int:
    """Return how many features an embedding has, by trying a second of silence."""
    import numpy as np

    return int(embedding(np.zeros((1, embedding.sample_rate_hz), np.float32)).shape[1])


def _as_many_vectors(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Make room for the number of support vectors that a state dict holds."""
    for name in ("support", "dual"):
        given = state.get(prefix + name)
        own = getattr(module, name)
        if given is not None and given.shape[1:] == own.shape[1:]:
            own.data = own.data.new_zeros(given.shape)
