# SPDX-License-Identifier: MIT
"""Two published batteries as chains: all conditions of wimu-sonics and of Deezer's test.

Sources: wimu-sonics, 97 result files (arXiv 2507.10447; names as in its files, whose labels do not
always say what was run: the chain does); Afchar, Meseguer-Brocal and Hennequin, "AI-Generated Music
Detection and its Challenges" (ICASSP 2025). wimu-sonics heard mono at 16 kHz, so its chains do.

Where we differ, on purpose: its filters drew 12, 18 or 24 dB an octave for each call, ours have 24;
its stretcher was another one; Deezer drew the semitone and the stretch for each clip (SoX), here
each possible semitone and four factors of the range are conditions of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["DEEZER", "DEEZER_LADDERS", "WIMU", "WIMU_LADDERS", "Ladder"]


@dataclass(frozen=True)
class Ladder:
    """One kind of change at several strengths, mildest first.

    Attributes:
        name: how tables and pages call it.
        unit: of the strengths.
        rungs: (strength, published names, chain).
    """

    name: str
    unit: str
    rungs: tuple[tuple[float, tuple[str, ...], str], ...]


_MASKS = (10, 20, 40, 60, 80, 100, 200, 400, 600, 800, 1000, 2000, 4000, 6000, 8000, 10000)
_SEMITONES = (-1, 1, -2, 2, -4, 4, -6, 6, -8, 8)
_RATES = ((1.05, 105), (0.9, 90), (1.1, 110), (1.2, 120), (0.75, 75), (1.5, 150), (2.0, 200))
_ECHOES = ((10, 25, 50), (10, 20, 50))  # ms at a decay of 0.5, and at 1

Rows = tuple[tuple[float, str], ...]


def _wimu(name: str, unit: str, attack: str, cells: Rows, settings: str = "") -> Ladder:
    rungs = tuple(
        (
            float(strength),
            tuple(cell.split()),
            f"mono_mix@1+{attack}:{settings}rate_hz=16000@{strength:.10g}",
        )
        for strength, cell in cells
    )
    return Ladder(name, unit, rungs)


def _echo(delay_ms: int) -> Ladder:
    words = {0.5: "05", 1.0: "1"}
    cells = tuple(
        (decay, f"reverb_{words[decay]}decay_{delay_ms}delay")
        for decay, delays in zip((0.5, 1.0), _ECHOES, strict=True)
        if delay_ms in delays
    )
    settings = f"delay_s={delay_ms / 1000:g}:full_scale=1:"
    return _wimu(f"echo after {delay_ms} ms", "amplitude", "echo", cells, settings)


def _vibrato(depth_s: float, word: str) -> Ladder:
    cells = tuple((float(hz), f"vibrato_{hz}_{word}") for hz in (4, 8, 16))
    name = f"vibrato of {1000 * depth_s:g} ms"
    return _wimu(name, "Hz", "vibrato", cells, f"depth_s={depth_s:g}:")


def _simple(
    name: str, unit: str, attack: str, pattern: str, strengths: tuple[float, ...]
) -> Ladder:
    return _wimu(name, unit, attack, tuple((s, pattern.format(f"{s:g}")) for s in strengths))


WIMU_LADDERS: tuple[Ladder, ...] = (
    Ladder("unchanged", "Hz", ((16000.0, ("no_augment",), "mono_mix@1+gain:rate_hz=16000@0"),)),
    _simple("aliasing", "Hz", "aliasing", "aliasing_{}", (7750, 7500, 7000, 6000)),
    _simple("bit_crush", "bits", "bit_crush", "bit_crush_{}", (10, 8, 6, 4, 2)),
    _wimu("eq", "dB", "eq", ((6.0, "EQ"),), "same_gain=1:"),
    *(_echo(delay_ms) for delay_ms in (10, 20, 25, 50)),
    _wimu("high_pass", "Hz", "high_pass", (
        (100.0, "high_pass_500hz"), (1000.0, "high_pass_2000hz"), (4000.0, "high_pass_4000hz")
    )),
    _simple("low_pass", "Hz", "low_pass", "low_pass_{}hz", (7750, 7500, 7000, 6000, 5000, 4000)),
    _wimu("band_stop", "Hz", "band_stop", (
        *((float(hz), f"mask_{hz}hz") for hz in _MASKS), (15000.0, "mask_15000hz mask_20000hz")
    )),
    _simple("mp3", "kbps", "mp3", "mp3_compression{0} mp3_compression_{0}", (64, 40, 32, 24, 16)),
    _wimu("vorbis", "kbps", "vorbis", ((112.0, "compress_ogg"),), "nominal=1:"),
    _simple("pitch_shift", "semitones", "pitch_shift", "pitch_shift_{}sm", _SEMITONES),
    _wimu("time_stretch", "x", "time_stretch", tuple(
        (rate, f"speed_{percent}percent") for rate, percent in (*_RATES, (0.5, 50), (3.0, 300))
    )),
    _wimu("time_mask", "share", "time_mask", tuple(
        (percent / 100, f"time_mask_{percent}percent") for percent in (15, 30, 50)
    )),
    *(_vibrato(*pair) for pair in ((0.0005, "0005"), (0.001, "001"))),
    _simple("gain", "dB", "gain", "volume_{}db", (-6, 6, -12, 12, -18, 18, -24, 24)),
    _simple(
        "white_noise", "of full scale", "white_noise", "white_noise_{}",
        (0.005, 0.01, 0.02, 0.05, 0.1, 0.2),
    ),
)  # fmt: skip


def _deezer(name: str, unit: str, attack: str, *strengths: float) -> Ladder:
    return Ladder(name, unit, tuple((float(s), (name,), f"{attack}@{s:g}") for s in strengths))


DEEZER_LADDERS: tuple[Ladder, ...] = (
    _deezer("pitch", "semitones", "pitch_shift", -1, 1, -2, 2),
    _deezer("stretch", "x", "time_stretch", 0.9, 1.1, 0.8, 1.2),
    _deezer("eq", "x", "deezer_eq", 1),
    _deezer("reverb", "x", "deezer_reverb", 1),
    _deezer("noise", "of full scale", "white_noise", 0.01),
    _deezer("mp3", "kbps", "mp3", 64),
    _deezer("aac", "kbps", "aac", 64),
    _deezer("opus", "kbps", "opus", 64),
)


def _by_name(ladders: tuple[Ladder, ...]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for ladder in ladders:
        for _, names, chain in ladder.rungs:
            for name in names:
                found[name] = (*found.get(name, ()), chain)
    return MappingProxyType(found)


WIMU: Mapping[str, str] = MappingProxyType(
    {name: chains[0] for name, chains in _by_name(WIMU_LADDERS).items()}
)
"""Name of a wimu-sonics condition, as its result files have it → chain."""

DEEZER: Mapping[str, tuple[str, ...]] = _by_name(DEEZER_LADDERS)
"""Name of one of Deezer's eight manipulations → chains, one for each value drawn."""
