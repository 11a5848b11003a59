# SPDX-License-Identifier: MIT
"""A part of an open file in memory, as a clip."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from unsung.audio.health import HealthMeter
from unsung.audio.mixing import heard
from unsung.audio.mixing import mono as mixed
from unsung.errors import EmptyAudio, first_reason
from unsung.types import Clip, FloatArray

if TYPE_CHECKING:
    from unsung.audio.read import AudioStream

__all__ = ["part", "sound"]


def sound(stream: AudioStream, start_s: float, duration_s: float | None, mono: bool) -> Clip:
    """Return what `part` does, with 0 for samples that are no numbers, where they are few.

    Raises:
        AudioError: why the part cannot be judged.
    """
    clip = part(stream, start_s, duration_s, mono)
    meter = HealthMeter(clip.sample_rate_hz, stream.name)
    heard(clip, meter)
    unusable = meter.problem()
    if unusable is not None:
        raise first_reason(stream.problem, unusable) or unusable
    finite = np.isfinite(clip.samples)
    if finite.all():
        return clip
    return replace(clip, samples=np.where(finite, clip.samples, np.float32(0)))


def part(stream: AudioStream, start_s: float, duration_s: float | None, mono: bool) -> Clip:
    """Decode a part of the track that is heard.

    Raises:
        EmptyAudio: there is no sample in it.
    """
    clip = _part(stream, start_s, duration_s)
    while stream.again():
        clip = _part(stream, start_s, duration_s)
    return replace(clip, samples=mixed(clip)[None]) if mono else clip


def _part(stream: AudioStream, start_s: float, duration_s: float | None) -> Clip:
    rate_hz = stream.info.sample_rate_hz
    if start_s:
        stream.seek(start_s)
    wanted = None if duration_s is None else round(duration_s * rate_hz)
    blocks: list[FloatArray] = []
    held = 0
    for block in stream.blocks(min(10.0, duration_s or 10.0), mono=False):
        blocks.append(block)
        held += block.shape[-1]
        if wanted is not None and held >= wanted:
            break
    if not blocks:
        raise stream.problem or EmptyAudio(
            f"{stream.name}: expected sound from {start_s:g} s on, the file ends before it; "
            "ask for an earlier part"
        )
    return Clip(np.concatenate(blocks, axis=-1)[:, :wanted], rate_hz, start_s, stream.name)
