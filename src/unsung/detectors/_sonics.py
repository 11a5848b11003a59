# SPDX-License-Identifier: MIT
"""What SpecTTTra and its ViT share: lengths, the two published preprocessings, keys of constants.

Source: Rahman et al., ICLR 2025. The published code clamps levels to 80 dB below the loudest value
of the whole *batch* and its loader divides each clip by its deviation; the public demonstration
does not divide. Both are kept as modes for comparison, and neither is ours (see `MODES`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

import torch
from torch import Tensor
from torch.nn import functional as nnf

from unsung.detectors._windowed import WindowedDetector
from unsung.errors import BundleError, UnknownName, UsageError
from unsung.frontends._torch import LogMelModule
from unsung.frontends.log_mel import LogMel

__all__ = ["MODES", "STRIPS", "WIDTHS", "Mode", "SonicsDetector", "published_settings"]

Mode = Literal["production", "repo", "space"]
MODES = {
    "production": "every window of the clip, levels clamped by the clip's own maximum",
    "repo": "the training code's loader: one clip from the three-quarter point, unit deviation",
    "space": "the public demonstration: the middle whole clip, level as it is",
}
WIDTHS = {5: 128, 120: 3744}
"""Seconds of the published models → frames that the spectrogram is resized to."""
STRIPS = {"alpha": (3, 1), "beta": (5, 3), "gamma": (7, 5)}
"""SpecTTTra's variants → frames of a temporal strip, bands of a spectral strip."""
TOP_DB = 80.0
_WINDOW = "ft_extractor.audio2melspec.spectrogram.window"
_BANK = "ft_extractor.audio2melspec.mel_scale.fb"
_CLOSE = 1e-3
"""Largest difference of a file's mel filters from ours: rounding, never another scale."""


class SonicsDetector(WindowedDetector):
    """Log-mel picture → resized → encoder → mean of tokens → linear classifier.

    A subclass sets ``encoder`` (``[batch, mel, frame]`` → ``[batch, token, 384]``) and
    ``classifier``.
    """

    encoder: torch.nn.Module
    classifier: torch.nn.Module

    def __init__(self, seconds: int, mode: Mode) -> None:
        if mode not in MODES:
            raise UnknownName("mode", mode, MODES)
        if seconds not in WIDTHS:
            raise UsageError(f"expected seconds of {sorted(WIDTHS)}, got {seconds}")
        own = mode == "production"
        front_end = LogMel.preset("sonics") if own else LogMel(top_db=None, standardise=False)
        super().__init__((front_end,), float(seconds))
        self.seconds, self.mode, self.width = seconds, mode, WIDTHS[seconds]
        self.register_state_dict_post_hook(_show_constants)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_pre_hook(_take_constants)  # type: ignore[no-untyped-call]

    def forward(self, samples: Tensor) -> Tensor:
        """Compute logits. Shape: ``[batch, time]`` → ``[batch, 1]``.

        In the modes "repo" and "space" a clip's logit depends on its batch mates, as published:
        give one clip at a time to compare with published scores.
        """
        if self.mode == "production":
            return super().forward(samples)
        return super().forward(self.clip(samples))

    def clip(self, samples: Tensor) -> Tensor:
        """Return the piece that the published code hears. Shape: ``[batch, time]`` both ways."""
        length = round(self.seconds * self.front_ends[0].sample_rate_hz)
        excess = samples.shape[-1] - length
        if self.mode == "repo":
            start = int(max(0, excess) / 4 * 3)
        else:
            start = samples.shape[-1] // length // 2 * length
        clip = nnf.pad(samples[:, start : start + length], (0, max(0, -excess)))
        if self.mode == "repo":
            clip = clip / clip.std(dim=1, keepdim=True, correction=0).clamp_min(1e-6)
        return clip

    def head(self, *pictures: Tensor) -> Tensor:
        """Return the logit of a picture. Shape: ``[batch, 1, 128, frame]`` → ``[batch, 1]``."""
        logits: Tensor = self.classifier(self.tokens(pictures[0]).mean(1))
        return logits

    def tokens(self, picture: Tensor) -> Tensor:
        """Return the encoder's tokens. Shape: as `head` → ``[batch, token, 384]``."""
        level = self.standardised(picture)
        size = (level.shape[2], self.width)
        resized = nnf.interpolate(level, size=size, mode="bilinear", align_corners=False)
        tokens: Tensor = self.encoder(resized[:, 0])
        return tokens

    def standardised(self, picture: Tensor) -> Tensor:
        """Clamp and standardise the picture; in production the front end has done both."""
        if self.mode == "production":
            return picture
        level = torch.maximum(picture, picture.amax() - TOP_DB)  # of the whole batch, as published
        mean = level.mean(dim=(2, 3), keepdim=True)
        return (level - mean) / (level.std(dim=(2, 3), keepdim=True) + 1e-6)


def published_settings(config: Mapping[str, Any], origin: str) -> tuple[str, dict[str, Any]]:
    """Return our detector's name and settings for the config.json of a published repository.

    Raises:
        BundleError: it is the configuration of something else.
    """
    try:
        model, seconds = config["model"], int(config["audio"]["max_time"])
        name = str(model["name"])
        if name == "ViT":
            return "vit", {"seconds": seconds}
        strips = (int(model["t_clip"]), int(model["f_clip"]))
        variants = {value: key for key, value in STRIPS.items()}
        if name == "SpecTTTra" and strips in variants:
            return "spectttra", {"variant": variants[strips], "seconds": seconds}
        found = f"{name} with strips {strips}"
    except (KeyError, TypeError, ValueError) as error:
        found = f"{type(error).__name__} {error}"
    raise BundleError(
        f"{origin}: expected a config.json with 'detector', or of a published SpecTTTra or ViT; "
        f"got {found}"
    )


def _show_constants(module: SonicsDetector, state: dict[str, Any], prefix: str, _: Any) -> None:
    """Show the engine's window and mel filters under their published names."""
    engine = cast(LogMelModule, module.engines[0])
    state[prefix + _WINDOW] = engine.window
    state[prefix + _BANK] = engine.bank.T.contiguous()


def _take_constants(module: SonicsDetector, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Check a file's window and mel filters against ours, which are used either way."""
    ours: dict[str, Any] = {}
    _show_constants(module, ours, "", None)
    for name, value in ours.items():
        came = state.pop(prefix + name, None)
        if came is None:
            continue
        if came.shape != value.shape or not torch.allclose(came.to(value), value, atol=_CLOSE):
            raise BundleError(
                f"'{name}' differs from the published front end; these weights were trained on "
                "another spectrogram and would score wrongly here"
            )
