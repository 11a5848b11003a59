# SPDX-License-Identifier: MIT
"""AAC-LC and back: what phones, video sites and Apple's shop deliver.

Source: ISO/IEC 14496-3; 64 kbps as in Deezer's robustness test (FFmpeg's own encoder). Unit: kbps
for the whole stream. When not to use: for HE-AAC (spectral band replication), a different codec.
"""

from __future__ import annotations

from typing import ClassVar

from unsung.attacks._codec import CodecAttack

__all__ = ["Aac"]


class Aac(CodecAttack):
    """AAC-LC at a target bit rate."""

    codec: ClassVar[str] = "aac"
    strengths: ClassVar[tuple[float, ...]] = (256.0, 192.0, 128.0, 96.0, 64.0, 48.0, 32.0)
    default: ClassVar[float] = 64.0
    limits: ClassVar[tuple[float, float] | None] = (16.0, 320.0)
