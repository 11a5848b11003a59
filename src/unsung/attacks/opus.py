# SPDX-License-Identifier: MIT
"""Opus and back: what voice chats, messengers and video sites deliver.

Source: RFC 6716; 64 kbps as in Deezer's robustness test. Unit: kbps for the whole stream. Opus
works at 48 kHz inside, so the clip also passes a resampler. When not to use: as a plain resampling
test.
"""

from __future__ import annotations

from typing import ClassVar

from unsung.attacks._codec import CodecAttack

__all__ = ["Opus"]


class Opus(CodecAttack):
    """Opus at a target bit rate."""

    codec: ClassVar[str] = "opus"
    strengths: ClassVar[tuple[float, ...]] = (192.0, 128.0, 96.0, 64.0, 48.0, 32.0, 24.0)
    default: ClassVar[float] = 64.0
    limits: ClassVar[tuple[float, float] | None] = (6.0, 320.0)
