# SPDX-License-Identifier: MIT
"""Two Gaussian mixtures on cepstral frames, one of human sound, one of AI.

Sources: the LFCC-GMM baseline of ASVspoof 2021 (512 components) and that of WaveFake (Frank and
Schönherr, NeurIPS 2021; 128). Logit = mean over frames of log p(frame | AI) − log p(frame | human)
in nats. Frames are taken as independent, so it is far too sure of itself: calibrate it. The class
and the music of the two training sets must match, or it tells the music apart.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unsung.detectors._checkpoints import hide_engines
from unsung.detectors.base import Detector
from unsung.errors import MissingExtra, UsageError
from unsung.frontends import FrontEnd
from unsung.frontends.lfcc import Lfcc
from unsung.types import FloatArray

__all__ = ["GMM"]


class GMM(Detector):
    """Difference of two log-likelihoods with diagonal covariances; row 0 human, row 1 AI.

    `fit` fills it by expectation-maximisation; being plain torch, it can also be trained by
    gradient, as WaveFake does, and exported.

    Args:
        front_end: the frames; all its channels and rows make one vector.
        components: Gaussians in each mixture.
        window_s: length of a scanned window.
    """

    def __init__(
        self, front_end: FrontEnd | None = None, *, components: int = 128, window_s: float = 4.0
    ) -> None:
        if components < 1:
            raise UsageError(f"gmm: expected at least one component, got {components}")
        front_end = front_end or Lfcc.preset("wavefake")
        super().__init__((front_end,))
        hide_engines(self)
        self.window_s = window_s
        self.components = components
        sample = np.zeros((1, front_end.sample_rate_hz), np.float32)
        size = _frames(front_end(sample)).shape[1]
        self.log_weights = nn.Parameter(torch.zeros(2, components))
        self.means = nn.Parameter(torch.zeros(2, components, size))
        self.log_precisions = nn.Parameter(torch.zeros(2, components, size))

    def head(self, *pictures: Tensor) -> Tensor:
        """Return the mean log-likelihood ratio. Shape: see `Detector.head`."""
        frames = pictures[0].flatten(1, 2).transpose(1, 2)  # [batch, frame, feature]
        human, ai = (self._log_likelihood(frames, row) for row in (0, 1))
        return (ai - human).mean(dim=1, keepdim=True).float()

    def _log_likelihood(self, frames: Tensor, row: int) -> Tensor:
        """Return log p of each frame. Shape: ``[batch, frame, feature]`` → ``[batch, frame]``."""
        # (x − m)² P = x² P − 2 x m P + m² P needs no [frame, component, feature] array; the terms
        # are large and cancel, hence double precision.
        x = frames.double()
        mean, log_precision = self.means[row].double(), self.log_precisions[row].double()
        precision = log_precision.exp()
        distance = (x * x) @ precision.T - 2 * x @ (mean * precision).T
        distance = distance + (mean * mean * precision).sum(1)
        constant = log_precision.sum(1) - mean.shape[1] * math.log(2 * math.pi)
        weights = self.log_weights[row].double().log_softmax(0)
        return torch.logsumexp(weights + 0.5 * (constant - distance), dim=-1)

    def fit(
        self,
        human: FloatArray,
        ai: FloatArray,
        *,
        seed: int = 0,
        iterations: int = 10,
        max_frames: int = 500_000,
    ) -> None:
        """Fit both mixtures with scikit-learn (diagonal, k-means start).

        Args:
            human: clips at the front end's rate, ``[clip, time]``.
            ai: the same for the other class.
            seed: of the start and of the choice of frames.
            iterations: of expectation-maximisation; the published baselines stop at 10.
            max_frames: frames drawn from a class that has more.

        Raises:
            UsageError: a class has fewer frames than components.
            MissingExtra: scikit-learn is absent.
        """
        rng = np.random.default_rng(seed)
        with torch.no_grad():
            for row, clips in enumerate((human, ai)):
                frames = np.concatenate([_frames(self.front_ends[0](c[None])) for c in clips])
                frames = frames[np.isfinite(frames).all(axis=1)]
                if len(frames) < self.components:
                    raise UsageError(
                        f"gmm: expected at least {self.components} frames of each class, got "
                        f"{len(frames)} of {('human', 'ai')[row]}; add sound or take fewer "
                        "components"
                    )
                if len(frames) > max_frames:
                    frames = frames[rng.choice(len(frames), max_frames, replace=False)]
                mixture = _mixture(frames, self.components, iterations, seed)
                self.log_weights[row] = torch.from_numpy(np.log(mixture.weights_ + 1e-30))
                self.means[row] = torch.from_numpy(mixture.means_)
                self.log_precisions[row] = torch.from_numpy(-np.log(mixture.covariances_))


def _frames(picture: FloatArray) -> FloatArray:
    """Lay channels side by side. Shape: ``[1, channel, row, frame]`` → ``[frame, feature]``."""
    frames: FloatArray = picture[0].reshape(-1, picture.shape[-1]).T
    return frames


def _mixture(frames: FloatArray, components: int, iterations: int, seed: int) -> Any:
    """Fit one mixture; stopping early is the published setting, so its warning is dropped."""
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture
    except ModuleNotFoundError as error:
        raise MissingExtra("scikit-learn", "research", "fitting Gaussian mixtures") from error
    import warnings

    mixture = GaussianMixture(
        components, covariance_type="diag", max_iter=iterations, random_state=seed, reg_covar=1e-4
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(frames.astype(np.float64))
