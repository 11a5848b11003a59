# SPDX-License-Identifier: MIT
"""MP3 (LAME, constant bit rate) and back: what most shared music has been through.

Source: ISO/IEC 11172-3 and 13818-3; bit rates of wimu-sonics and of Deezer's robustness test.
Unit: kbps for the whole stream. The standard has 8 to 160 kbps up to 24 kHz and 32 to 320 kbps
above; outside of these the encoder takes the nearest rate it has. When not to use: to test a
decoder's delay, which is removed here.
"""

from __future__ import annotations

from typing import ClassVar

from unsung.attacks._codec import CodecAttack

__all__ = ["Mp3"]


class Mp3(CodecAttack):
    """LAME MP3 at a constant bit rate."""

    codec: ClassVar[str] = "mp3"
    strengths: ClassVar[tuple[float, ...]] = (320.0, 192.0, 128.0, 96.0, 64.0, 40.0, 32.0)
    default: ClassVar[float] = 64.0
    limits: ClassVar[tuple[float, float] | None] = (8.0, 320.0)
