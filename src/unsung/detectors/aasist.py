# SPDX-License-Identifier: MIT
"""AASIST and AASIST-L: graph attention over spectrum and time of a raw waveform.

Source: Jung et al., ICASSP 2022 (arXiv 2110.01200); layers, their names and their quirks are those
of the released weights, which load strictly. It hears 64 600 samples (4 s) at 16 kHz without any
normalisation of level. The released weights know synthetic speech of 2019 (ASVspoof LA) and are no
judge of music; train it on music, or use them for speech.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from unsung.detectors._checkpoints import put_weights, read_weights
from unsung.detectors._graph_attention import GraphAttention, GraphPool, PairAttention
from unsung.detectors._lengths import fit_length, repeat_short
from unsung.detectors._sinc import SincBank
from unsung.detectors._windowed import WindowedDetector
from unsung.errors import UnknownName
from unsung.frontends.raw import Raw

__all__ = ["AASIST"]

LENGTH = 64600
Size = Literal["full", "light"]
Score = Literal["difference", "authors"]
# channels of the encoder, features of a graph node, pool shares of S, T and all later graphs
_SIZES: dict[str, tuple[tuple[int, ...], tuple[int, int], tuple[float, float, float]]] = {
    "full": ((32, 32, 64, 64, 64, 64), (64, 32), (0.5, 0.7, 0.5)),
    "light": ((32, 32, 24, 24, 24, 24), (24, 32), (0.4, 0.5, 0.7)),
}
TEMPERATURES = (2.0, 2.0, 100.0)


class AASIST(WindowedDetector):
    """Positive = spoofed: the sign of the authors' score is turned.

    Args:
        size: "full" (297 866 parameters) or "light" (AASIST-L, 85 306).
        score: "difference" is spoof − bona fide, the log-odds a network trained with cross-entropy
            gives, averaged over the windows of a longer clip; "authors" is − bona fide of the first
            window alone, whose error rates they publish.
    """

    def __init__(self, size: Size = "full", *, score: Score = "difference") -> None:
        super().__init__((Raw(16000),), LENGTH / 16000)
        if size not in _SIZES:
            raise UnknownName("AASIST size", size, _SIZES)
        if score not in ("difference", "authors"):
            raise UnknownName("AASIST score", score, ("difference", "authors"))
        self.score = score
        self.network = _Network(*_SIZES[size])

    @classmethod
    def from_released(cls, path: str | Path) -> AASIST:
        """Load AASIST.pth or AASIST-L.pth of the authors, scored as they score.

        Raises:
            BundleError: the file holds neither.
        """
        state = read_weights(Path(path))
        light = len(state.get("GAT_layer_S.att_weight", ())) == _SIZES["light"][1][0]
        detector = cls("light" if light else "full", score="authors")
        put_weights(detector.network, state, str(path))
        return detector.eval()

    def forward(self, samples: Tensor) -> Tensor:
        """Compute the logit; a clip shorter than 64 600 samples is repeated."""
        fit = fit_length if self.score == "authors" else repeat_short
        return super().forward(fit(samples, LENGTH))

    def pair(self, waveform: Tensor) -> Tensor:
        """Return spoof and bona fide. Shape: ``[batch, 1, 1, time]`` → ``[batch, 2]``."""
        found: Tensor = self.network(waveform[:, 0])
        return found

    def head(self, *pictures: Tensor) -> Tensor:
        """Return the score. Shape: see `Detector.head`."""
        pair = self.pair(pictures[0])
        return -pair[:, 1:] if self.score == "authors" else pair[:, :1] - pair[:, 1:]


class _Block(nn.Module):
    """Two convolutions beside an identity, then a third of the frames."""

    def __init__(self, inside: int, outside: int, first: bool) -> None:
        super().__init__()
        if not first:
            # The released code throws this layer's output away; its weights are in the files.
            self.bn1 = nn.BatchNorm2d(inside).requires_grad_(False)
        self.conv1 = nn.Conv2d(inside, outside, (2, 3), padding=(1, 1))
        self.bn2 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, (2, 3), padding=(0, 1))
        self.act = nn.SELU()
        self.conv_downsample = (
            nn.Conv2d(inside, outside, (1, 3), padding=(0, 1)) if inside != outside else None
        )

    def forward(self, picture: Tensor) -> Tensor:
        found = self.conv2(self.act(self.bn2(self.conv1(picture))))
        same = picture if self.conv_downsample is None else self.conv_downsample(picture)
        return nn.functional.max_pool2d(found + same, (1, 3))


class _Network(nn.Module):
    """The authors' module: ``[batch, 1, 64600]`` → spoof and bona fide ``[batch, 2]``."""

    def __init__(
        self,
        channels: tuple[int, ...],
        features: tuple[int, int],
        shares: tuple[float, float, float],
    ) -> None:
        super().__init__()
        self.conv_time = SincBank(70, 128)
        self.first_bn = nn.BatchNorm2d(1)
        inside = (1, *channels[:-1])
        # Every block sits in a list of its own: the released names say encoder.0.0, encoder.1.0 …
        self.encoder = nn.Sequential(
            *(
                nn.Sequential(_Block(i, o, first=k == 0))
                for k, (i, o) in enumerate(zip(inside, channels, strict=True))
            )
        )
        wide, narrow = features
        self.pos_S = nn.Parameter(torch.randn(1, 23, channels[-1]))
        self.master1 = nn.Parameter(torch.randn(1, 1, wide))
        self.master2 = nn.Parameter(torch.randn(1, 1, wide))
        self.GAT_layer_S = GraphAttention(channels[-1], wide, TEMPERATURES[0])
        self.GAT_layer_T = GraphAttention(channels[-1], wide, TEMPERATURES[1])
        self.HtrgGAT_layer_ST11 = PairAttention(wide, narrow, TEMPERATURES[2])
        self.HtrgGAT_layer_ST12 = PairAttention(narrow, narrow, TEMPERATURES[2])
        self.HtrgGAT_layer_ST21 = PairAttention(wide, narrow, TEMPERATURES[2])
        self.HtrgGAT_layer_ST22 = PairAttention(narrow, narrow, TEMPERATURES[2])
        self.pool_S = GraphPool(shares[0], wide)
        self.pool_T = GraphPool(shares[1], wide)
        for name in ("pool_hS1", "pool_hT1", "pool_hS2", "pool_hT2"):
            setattr(self, name, GraphPool(shares[2], narrow))
        self.drop_way = nn.Dropout(0.2)
        self.drop = nn.Dropout(0.5)
        self.out_layer = nn.Linear(5 * narrow, 2)

    def forward(self, waveform: Tensor) -> Tensor:
        bands = self.conv_time(waveform)[:, None].abs()
        found = nn.functional.selu(self.first_bn(nn.functional.max_pool2d(bands, 3)))
        found = self.encoder(found).abs()  # [batch, channel, 23, 29]
        spectral = found.amax(dim=3).transpose(1, 2) + self.pos_S
        spectral = self.pool_S(self.GAT_layer_S(spectral))
        temporal = self.pool_T(self.GAT_layer_T(found.amax(dim=2).transpose(1, 2)))
        ways = [self._way(k, temporal, spectral) for k in (1, 2)]
        temporal, spectral, master = (
            torch.maximum(self.drop_way(one), self.drop_way(other))
            for one, other in zip(*ways, strict=True)
        )
        hidden = torch.cat(
            [temporal.abs().amax(1), temporal.mean(1), spectral.abs().amax(1), spectral.mean(1),
             master[:, 0]], dim=1,
        )  # fmt: skip
        logits: Tensor = self.out_layer(self.drop(hidden))
        return logits

    def _way(self, k: int, temporal: Tensor, spectral: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Run one of the two branches of paired attention."""
        part = self.get_submodule
        temporal, spectral, master = part(f"HtrgGAT_layer_ST{k}1")(
            temporal, spectral, getattr(self, f"master{k}")
        )
        temporal = part(f"pool_hT{k}")(temporal)
        spectral = part(f"pool_hS{k}")(spectral)
        more = part(f"HtrgGAT_layer_ST{k}2")(temporal, spectral, master)
        return temporal + more[0], spectral + more[1], master + more[2]
