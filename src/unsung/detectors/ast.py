# SPDX-License-Identifier: MIT
"""Audio spectrogram transformer, through the package transformers.

Source: Gong, Chung and Glass, "AST: Audio spectrogram transformer", Interspeech 2021. The picture
is a log-mel spectrogram of 25-ms frames every 10 ms, normalised as for AudioSet weights; Kaldi's
own filter bank differs from it in small ways (dithering, removal of the mean), so loaded weights
want fine-tuning. Without a checkpoint the weights are random: it must be trained.
"""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

from unsung.detectors._lengths import repeat_short
from unsung.detectors._windowed import WindowedDetector
from unsung.errors import MissingExtra, UsageError
from unsung.frontends.log_mel import LogMel

__all__ = ["AST"]

AUDIOSET_MEAN, AUDIOSET_SPREAD = -4.2677393, 4.5689974
"""Of natural-log mel energies, published with the AudioSet weights."""
NEPER = math.log(10.0) / 10.0


class AST(WindowedDetector):
    """Patches of the spectrogram → one logit.

    Args:
        checkpoint: folder or hub name of AST weights; None builds the given sizes at random.
        window_s: length heard at once; loaded position embeddings must have been made for it.
        hidden: features of a token (192 is the paper's tiny model).
        layers: number of transformer layers.
        heads: attention heads of a layer.
        patch: edge of a square patch in bins and frames.
        stride: step from patch to patch; smaller than `patch` overlaps them.

    Raises:
        MissingExtra: transformers is absent.
        UsageError: the checkpoint is none of AST, or was made for another number of frames.
    """

    def __init__(
        self,
        checkpoint: str | None = None,
        *,
        window_s: float = 5.12,
        hidden: int = 192,
        layers: int = 12,
        heads: int = 3,
        patch: int = 16,
        stride: int = 16,
    ) -> None:
        mel = LogMel(16000, n_fft=400, hop=160, n_mels=128, low_hz=20.0, top_db=None)
        super().__init__((mel,), window_s)
        self.frames = len(mel.times_s(round(window_s * 16000)))
        if checkpoint is None:
            sizes = {
                "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
                "intermediate_size": 4 * hidden, "patch_size": patch, "time_stride": stride,
                "frequency_stride": stride, "max_length": self.frames, "num_mel_bins": 128,
            }  # fmt: skip
            self.transformer = _build(sizes)
        else:
            self.transformer = _load(checkpoint, self.frames)
        self.output = nn.Linear(self.transformer.config.hidden_size, 1)

    def forward(self, samples: Tensor) -> Tensor:
        """Compute the mean logit over windows; a shorter clip is repeated."""
        return super().forward(repeat_short(samples, round(self.window_s * 16000)))

    def head(self, *pictures: Tensor) -> Tensor:
        """Return the logit. Shape: see `Detector.head`."""
        level = (NEPER * pictures[0][:, 0] - AUDIOSET_MEAN) / (2 * AUDIOSET_SPREAD)
        tokens = self.transformer(input_values=level.transpose(1, 2)).last_hidden_state
        logits: Tensor = self.output((tokens[:, 0] + tokens[:, 1]) / 2)  # class and distillation
        return logits


def _transformers() -> Any:
    try:
        import transformers
    except ModuleNotFoundError as error:
        raise MissingExtra("transformers", "synthesis", "the detector 'ast'") from error
    return transformers


def _build(sizes: dict[str, int]) -> Any:
    transformers = _transformers()
    return transformers.ASTModel(transformers.ASTConfig(**sizes))


def _load(checkpoint: str, frames: int) -> Any:
    """Read AST weights from a folder or the hub."""
    try:
        model = _transformers().ASTModel.from_pretrained(checkpoint)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"ast: expected AST weights at '{checkpoint}' ({error}); "
            "check the name, or download them while online"
        ) from error
    if model.config.max_length != frames or model.config.num_mel_bins != 128:
        raise UsageError(
            f"ast: '{checkpoint}' was made for {model.config.max_length} frames of "
            f"{model.config.num_mel_bins} bands, this window has {frames} of 128; set "
            f"window_s to {(model.config.max_length - 1) / 100:g}"
        )
    return model
