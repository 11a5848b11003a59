# SPDX-License-Identifier: MIT
"""Two views of a recording, the waveform's embedding and its spectral picture, learned together.

Sources: the plan of the project spectral-contrastive-audio-authenticity (projection heads of 128
features, frozen encoder then its last layers, small cross-attention, linear probe); Chen et al.,
ICML 2020, and Khosla et al., NeurIPS 2020, for the losses. Logit. Without a checkpoint the encoder
is small and random and must be trained with the rest; batches of a contrastive loss must be large
and mix sources, or it learns the sources.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from unsung.detectors._contrastive_losses import self_supervised, supervised
from unsung.detectors._lengths import repeat_short
from unsung.detectors._windowed import WindowedDetector
from unsung.errors import UnknownName, UsageError
from unsung.frontends._torch_embedding import load_encoder, random_encoder
from unsung.frontends.log_mel import LogMel
from unsung.frontends.raw import Raw

__all__ = ["Contrastive"]

Stage = Literal["probe", "frozen", "last_layers", "all"]
STAGES = ("probe", "frozen", "last_layers", "all")
CHANNELS = (32, 64, 96, 128)


class Contrastive(WindowedDetector):
    """Waveform encoder and spectral network, two projection heads, cross-attention, linear probe.

    Train in stages (`set_stage`): contrastive loss alone or beside the classifier with the encoder
    frozen, then with its last layers, at last the linear probe on what was learned.

    Args:
        checkpoint: wav2vec 2.0 or another encoder of waveforms; None starts a small one at random.
        projection: features of both projection heads.
        cross_attention: let each view look at the other before the probe; False joins their means.
        attention_heads: of the cross-attention.
        temperature: of the contrastive losses.
        window_s: length heard at once.
    """

    def __init__(
        self,
        checkpoint: str | None = None,
        *,
        projection: int = 128,
        cross_attention: bool = True,
        attention_heads: int = 4,
        temperature: float = 0.1,
        window_s: float = 4.0,
    ) -> None:
        mel = LogMel(16000, n_fft=1024, hop=320, n_mels=128, standardise=True)
        super().__init__((Raw(16000, standardise=True), mel), window_s)
        if projection < attention_heads or projection % attention_heads:
            raise UsageError(
                f"contrastive: expected projection to be a multiple of attention_heads, got "
                f"{projection} and {attention_heads}"
            )
        self.temperature = temperature
        self.encoder = _encoder(checkpoint)
        self.spectral = _spectral()
        width = self.encoder.config.hidden_size
        self.wave_tokens = nn.Linear(width, projection)
        self.spectral_tokens = nn.Linear(CHANNELS[-1], projection)
        self.wave_projection = _projection(projection)
        self.spectral_projection = _projection(projection)
        self.attention = (
            nn.ModuleList(_CrossAttention(projection, attention_heads) for _ in range(2))
            if cross_attention
            else None
        )
        self.probe = nn.Linear(2 * projection, 1)
        self.set_stage("all" if checkpoint is None else "frozen")

    def set_stage(self, stage: Stage, last_layers: int = 2) -> None:
        """Choose what learns.

        Args:
            stage: "probe" trains the last linear layer alone; "frozen" all but the encoder;
                "last_layers" that and the encoder's last ones; "all" everything.
            last_layers: how many, for "last_layers".
        """
        if stage not in STAGES:
            raise UnknownName("stage", stage, STAGES)
        layers = list(self.encoder.encoder.layers)
        if stage == "last_layers" and not 1 <= last_layers <= len(layers):
            raise UsageError(
                f"contrastive: expected 1 to {len(layers)} last layers, got {last_layers}"
            )
        self.requires_grad_(stage != "probe")
        self.probe.requires_grad_(True)
        if stage in ("frozen", "last_layers"):
            self.encoder.requires_grad_(False)
        if stage == "last_layers":
            for layer in layers[-last_layers:]:
                layer.requires_grad_(True)
        # Never learned by this head, and unused weights stop distributed training.
        self.encoder.masked_spec_embed.requires_grad_(False)
        self.stage: Stage = stage

    def train(self, mode: bool = True) -> Contrastive:
        """Switch dropout on or off; a frozen encoder keeps its own off."""
        super().train(mode)
        if self.stage in ("probe", "frozen"):
            self.encoder.eval()
        return self

    def forward(self, samples: Tensor) -> Tensor:
        """Compute the mean logit over windows; a shorter clip is repeated."""
        return super().forward(repeat_short(samples, round(self.window_s * 16000)))

    def head(self, *pictures: Tensor) -> Tensor:
        """Return the logit. Shape: see `Detector.head`."""
        logits: Tensor = self.probe(self._joined(*self._tokens(*pictures)))
        return logits

    def views(self, *pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return both projections, of length 1. Shape: pictures → twice ``[batch, projection]``."""
        return self._views(*self._tokens(*pictures))

    def losses(
        self, pictures: tuple[Tensor, ...], labels: Tensor, *, supervision: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Return logits and the contrastive loss of one pass, to be weighed by the caller.

        Args:
            pictures: of both front ends.
            labels: ``[batch]``, the class or the generator.
            supervision: share of the supervised loss; the rest is self-supervised.
        """
        if not 0.0 <= supervision <= 1.0:
            raise UsageError(f"contrastive: expected supervision of 0 to 1, got {supervision:g}")
        wave, spectral = self._tokens(*pictures)
        first, second = self._views(wave, spectral)
        logits = self.probe(self._joined(wave, spectral))
        loss = first.new_zeros(())
        if supervision:
            loss = loss + supervision * supervised(first, second, labels, self.temperature)
        if supervision < 1.0:
            rest = self_supervised(first, second, self.temperature)
            loss = loss + (1.0 - supervision) * rest
        return logits, loss

    def _tokens(self, waveform: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Return both sequences. Shape: pictures → twice ``[batch, token, projection]``."""
        wave = self.encoder(waveform[:, 0, 0]).last_hidden_state
        spectral = self.spectral(picture).mean(dim=2).transpose(1, 2)
        return self.wave_tokens(wave), self.spectral_tokens(spectral)

    def _views(self, wave: Tensor, spectral: Tensor) -> tuple[Tensor, Tensor]:
        first = self.wave_projection(wave.mean(dim=1))
        second = self.spectral_projection(spectral.mean(dim=1))
        normalised = nn.functional.normalize
        return normalised(first, dim=1), normalised(second, dim=1)

    def _joined(self, wave: Tensor, spectral: Tensor) -> Tensor:
        if self.attention is not None:
            wave, spectral = (
                self.attention[0](wave, spectral),
                self.attention[1](spectral, wave),
            )
        return torch.cat([wave.mean(dim=1), spectral.mean(dim=1)], dim=1)


class _CrossAttention(nn.Module):
    """One sequence asks another: ``[batch, n, d]``, ``[batch, m, d]`` → ``[batch, n, d]``."""

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(features)
        self.norm_other = nn.LayerNorm(features)
        self.query = nn.Linear(features, features)
        self.key_value = nn.Linear(features, 2 * features)
        self.output = nn.Linear(features, features)

    def forward(self, own: Tensor, other: Tensor) -> Tensor:
        key, value = self.key_value(self.norm_other(other)).chunk(2, dim=-1)
        parts = [
            x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for x in (self.query(self.norm(own)), key, value)
        ]
        heard = nn.functional.scaled_dot_product_attention(*parts)
        found: Tensor = own + self.output(heard.transpose(1, 2).flatten(2))
        return found


def _encoder(checkpoint: str | None) -> Any:
    """Return an encoder of waveforms with transformer layers and a mask vector, ready to train."""
    if checkpoint is None:
        return random_encoder(features=96, layers=3, heads=4, channels=64)
    import copy

    encoder = copy.deepcopy(load_encoder(checkpoint))  # others share the cached one
    layers = getattr(getattr(encoder, "encoder", None), "layers", None)
    if layers is None or not hasattr(encoder, "masked_spec_embed"):
        raise UsageError(
            f"contrastive: expected '{checkpoint}' to be of the wav2vec 2.0 family, got "
            f"{type(encoder).__name__}; take wav2vec 2.0, HuBERT or WavLM weights"
        )
    return encoder


def _spectral() -> nn.Sequential:
    """Return four convolutions, each halving both axes: ``[b, 1, f, t]`` → ``[b, 128, ., .]``."""
    layers: list[nn.Module] = []
    for inside, outside in zip((1, *CHANNELS[:-1]), CHANNELS, strict=True):
        layers += [
            nn.Conv2d(inside, outside, 3, padding=1, bias=False), nn.BatchNorm2d(outside),
            nn.GELU(), nn.MaxPool2d(2),
        ]  # fmt: skip
    return nn.Sequential(*layers)


def _projection(features: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(features, features), nn.GELU(), nn.Linear(features, features))
