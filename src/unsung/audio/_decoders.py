# SPDX-License-Identifier: MIT
"""Known decoders: their rates, the strides of their upsampling stages, and where both are stated.

Strides run from the latents to the output, as the sound does. `basis` says how far to trust a row:
"configuration" was read in the published code or configuration; "paper" gives only the product
stated in the text, as one stage; "theory" follows from the frame rate that a paper states for a
system whose decoder was not seen. Units: Hz.
When not to use: as evidence that a song comes from one of them; many decoders share a spacing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from unsung.errors import UsageError
from unsung.types import Record

__all__ = [
    "DECODERS",
    "Basis",
    "Candidate",
    "Decoder",
    "candidates",
    "plausible_spacings",
    "stage_spacings",
]

Basis = Literal["configuration", "paper", "theory"]

_PRIMES = (2, 3, 5, 7)
"""Factors of the strides that decoders have."""

_RATES_HZ = (16000, 22050, 24000, 32000, 44100, 48000)


def stage_spacings(sample_rate_hz: float, strides: Sequence[int]) -> tuple[float, ...]:
    """Return the spacing of each stage's lines in Hz: the rate of its input.

    Raises:
        UsageError: a rate or stride that no decoder has.

    >>> stage_spacings(24000, (8, 5, 4, 2))
    (75.0, 600.0, 3000.0, 12000.0)
    """
    if not (math.isfinite(sample_rate_hz) and sample_rate_hz > 0):
        raise UsageError(f"expected a sample rate above 0 Hz, got {sample_rate_hz}")
    if not strides or any(stride != int(stride) or stride < 1 for stride in strides):
        raise UsageError(f"expected whole strides of at least 1, got {list(strides)}")
    return tuple(sample_rate_hz / math.prod(strides[k:]) for k in range(len(strides)))


@dataclass(frozen=True)
class Decoder(Record):
    """One published decoder.

    Attributes:
        name: as its authors call it; several that share rate and strides are joined by a comma.
        sample_rate_hz: of its output.
        strides: of its stages, first to last.
        source: paper.
        basis: where the strides come from (see the module).
    """

    name: str
    sample_rate_hz: int
    strides: tuple[int, ...]
    source: str
    basis: Basis = "configuration"

    @property
    def products(self) -> tuple[int, ...]:
        """Samples of output for one sample of each stage's input, first stage first."""
        return tuple(math.prod(self.strides[k:]) for k in range(len(self.strides)))

    @property
    def spacing_hz(self) -> float:
        """Spacing of the first stage's lines, on which all others lie."""
        return self.sample_rate_hz / math.prod(self.strides)


_ENCODEC = "Défossez et al., High Fidelity Neural Audio Compression, 2022"
_DAC = "Kumar et al., Improved RVQGAN, 2023"
_HIFIGAN = "Kong, Kim, Bae, HiFi-GAN, 2020"
_BIGVGAN = "Lee et al., BigVGAN, 2023"
_VOCOS = "Siuzdak, Vocos, 2023"

DECODERS: tuple[Decoder, ...] = (
    Decoder("EnCodec 24 kHz", 24000, (8, 5, 4, 2), _ENCODEC),
    Decoder("EnCodec 48 kHz", 48000, (8, 5, 4, 2), _ENCODEC),
    Decoder(
        "EnCodec 32 kHz (MusicGen, AudioGen)",
        32000,
        (8, 5, 4, 4),
        "Copet et al., Simple and Controllable Music Generation, 2023",
    ),
    Decoder("DAC 16 kHz", 16000, (8, 5, 4, 2), _DAC),
    Decoder("DAC 24 kHz", 24000, (8, 5, 4, 2), _DAC),
    Decoder("DAC 44.1 kHz", 44100, (8, 8, 4, 2), _DAC),
    Decoder("Mimi", 24000, (2, 8, 6, 5, 4), "Défossez et al., Moshi, 2024"),
    Decoder("X-Codec", 16000, (8, 5, 4, 2), "Ye et al., Codec Does Matter, 2024"),
    Decoder("Lyra v2", 16000, (2, 2, 5, 16), "google/lyra 1.3; Zeghidour et al., 2021"),
    Decoder("Vocos (mel)", 24000, (256,), _VOCOS),
    Decoder("Vocos (EnCodec tokens)", 24000, (320,), _VOCOS, "paper"),
    Decoder("HiFi-GAN V1, V2", 22050, (8, 8, 2, 2), _HIFIGAN),
    Decoder("BigVGAN 22 kHz", 22050, (4, 4, 2, 2, 2, 2), _BIGVGAN, "theory"),
    Decoder("BigVGAN 24 kHz", 24000, (4, 4, 2, 2, 2, 2), _BIGVGAN),
    Decoder("BigVGAN v2 44 kHz 512x", 44100, (8, 4, 2, 2, 2, 2), _BIGVGAN),
    Decoder("BigVGAN v2 44 kHz 256x", 44100, (4, 4, 2, 2, 2, 2), _BIGVGAN, "theory"),
    Decoder(
        "HiFi-GAN of AudioLDM, AudioLDM 2 and MusicLDM",
        16000,
        (5, 4, 2, 2, 2),
        "Liu et al., AudioLDM, 2023",
    ),
    Decoder(
        "Stable Audio VAE (Oobleck)",
        44100,
        (8, 8, 4, 4, 2),
        "Evans et al., Stable Audio Open, 2024",
    ),
    Decoder(
        "SoundStream 24 kHz",
        24000,
        (8, 5, 4, 2),
        "Zeghidour et al., SoundStream, 2021",
        "paper",
    ),
    Decoder(
        "SoundStream of MusicLM",
        24000,
        (480,),
        "Agostinelli et al., MusicLM, 2023 (striding factor 480)",
        "paper",
    ),
    Decoder(
        "ACE-Step vocoder",
        44100,
        (512,),
        "Gong et al., ACE-Step, 2025 (mel frames every 512 samples)",
        "theory",
    ),
    Decoder(
        "Griffin-Lim, 10 ms frames",
        44100,
        (441,),
        "Afchar et al., AI-Generated Music Detection and its Challenges, 2025; Riffusion",
        "theory",
    ),
)
"""Decoders whose strides are known or stated; songs of unnamed services may share their spacings.
Suno and Udio have published neither rates nor strides, and are not here."""


@dataclass(frozen=True)
class Candidate(Record):
    """A rate and a whole stride that explain a spacing.

    Attributes:
        sample_rate_hz: rate of the decoder's output.
        stride: product of the strides from some stage to the output.
        decoders: names of known decoders of that rate with such a stage; none is an inference.
        error: relative difference between rate / stride and the spacing.
    """

    sample_rate_hz: int
    stride: int
    decoders: tuple[str, ...]
    error: float


def plausible_spacings(low_hz: float, high_hz: float) -> tuple[float, ...]:
    """Return the spacings that decoders of common rates and strides leave, ascending.

    Every common rate over every stride that is a power of two, times 3 or 5 or both at most once,
    and all stages of the known decoders.

    >>> 86.1328125 in plausible_spacings(50, 100)
    True
    """
    if not 0 < low_hz < high_hz:
        raise UsageError(f"expected 0 < low < high, got {low_hz:g} and {high_hz:g} Hz")
    twos = [2**k for k in range(15)]
    strides = {two * odd for two in twos for odd in (1, 3, 5, 15)} - {1}
    found = {rate / stride for rate in _RATES_HZ for stride in strides}
    found |= {d.sample_rate_hz / product for d in DECODERS for product in d.products}
    return tuple(sorted(spacing for spacing in found if low_hz <= spacing <= high_hz))


def candidates(spacing_hz: float, tolerance: float = 5e-4) -> tuple[Candidate, ...]:
    """Return rates and whole strides that explain a spacing, known decoders first.

    A stride counts if it has no prime factor above 7, as the strides of decoders do.

    Args:
        spacing_hz: distance of the lines.
        tolerance: relative error allowed.

    >>> found = candidates(86.13)[0]
    >>> found.sample_rate_hz, found.stride
    (44100, 512)
    """
    if not (math.isfinite(spacing_hz) and spacing_hz > 0):
        raise UsageError(f"expected a spacing above 0 Hz, got {spacing_hz}")
    rates = sorted({*_RATES_HZ, *(decoder.sample_rate_hz for decoder in DECODERS)})
    found = []
    for rate in rates:
        stride = round(rate / spacing_hz)
        if stride < 2 or not _smooth(stride):
            continue
        error = rate / stride / spacing_hz - 1
        if abs(error) <= tolerance:
            found.append(Candidate(rate, stride, _named(rate, stride), error))
    return tuple(sorted(found, key=lambda item: (-len(item.decoders), item.sample_rate_hz)))


def _smooth(number: int) -> bool:
    for prime in _PRIMES:
        while number % prime == 0:
            number //= prime
    return number == 1


def _named(rate: int, stride: int) -> tuple[str, ...]:
    """Return known decoders of that rate with a stage that many samples before the output."""
    return tuple(
        decoder.name
        for decoder in DECODERS
        if decoder.sample_rate_hz == rate and stride in decoder.products
    )
