# SPDX-License-Identifier: MIT
"""A song as sources that add up to it, for explanations in words that musicians use.

"hpss" needs nothing: harmonic and percussive parts by median filters (Fitzgerald, DAFx 2010), soft
masks that add up to one. "demucs" runs Hybrid Demucs (Défossez, 2021) where its package is
installed; its stems lose a little, which stands as a source of its own, "rest". Any other separator
is named ``module:function``, a function ``(samples [channel, time], rate) → {name: samples}``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from unsung.audio.resample import resample
from unsung.errors import MissingExtra, UnknownName, UsageError
from unsung.explainers._spectra import Spectrum, reshaped
from unsung.types import Clip, FloatArray

__all__ = ["SEPARATORS", "Separator", "separated"]

Separator: TypeAlias = Callable[[FloatArray, int], Mapping[str, FloatArray]]

HPSS_WINDOW_S = 0.046
"""A frame of 2048 samples at 44.1 kHz, as librosa takes it."""
HPSS_WIDTH = 31
"""Frames and bins of the medians, as published by librosa."""
REST = "rest"
REST_DB = -60.0
"""What a separator loses below this, relative to the song, is no source."""
DEMUCS_MODEL = "htdemucs"


def separated(clip: Clip, separator: str | Separator) -> dict[str, FloatArray]:
    """Return the sources of a clip by name; they add up to it.

    Shape: each ``[channel, time]`` like the clip.

    Raises:
        UnknownName: no separator of that name.
        UsageError: what it returned does not fit the clip.
        MissingExtra: its package is not installed.
    """
    call = _named(separator) if isinstance(separator, str) else separator
    found = {
        str(name): np.asarray(samples, np.float32)
        for name, samples in call(clip.samples, clip.sample_rate_hz).items()
    }
    for name, samples in found.items():
        if samples.shape != clip.samples.shape or not np.isfinite(samples).all():
            raise UsageError(
                f"source '{name}': expected finite samples of shape {clip.samples.shape}, got "
                f"{samples.shape}; a separator keeps channels, rate and length"
            )
    if not found:
        raise UsageError("expected at least one source, the separator returned none")
    rest = clip.samples - np.sum(list(found.values()), axis=0)
    if float(np.square(rest).mean()) > 10 ** (REST_DB / 10) * float(np.square(clip.samples).mean()):
        found[REST] = rest.astype(np.float32)
    return found


def hpss(samples: FloatArray, sample_rate_hz: int) -> dict[str, FloatArray]:
    """Split into what stays in frequency and what stands in time."""

    def part(harmonic: bool) -> FloatArray:
        def change(
            spectrum: Spectrum, hz: NDArray[np.float64], times: NDArray[np.float64]
        ) -> Spectrum:
            del hz, times
            level = np.abs(spectrum)
            steady = scipy.ndimage.median_filter(level, (1, 1, HPSS_WIDTH)) ** 2
            struck = scipy.ndimage.median_filter(level, (1, HPSS_WIDTH, 1)) ** 2
            both = steady + struck
            share = np.divide(steady, both, out=np.full_like(both, 0.5), where=both > 0)
            kept: Spectrum = (spectrum * (share if harmonic else 1 - share)).astype(np.complex64)
            return kept

        return reshaped(samples, sample_rate_hz, change, window_s=HPSS_WINDOW_S)

    return {"harmonic": part(True), "percussive": part(False)}


def demucs(samples: FloatArray, sample_rate_hz: int) -> dict[str, FloatArray]:
    """Split into drums, bass, other and vocals by Demucs, at its own rate and in stereo."""
    try:
        import torch

        apply_model = import_module("demucs.apply").apply_model
        get_model = import_module("demucs.pretrained").get_model
    except ModuleNotFoundError as error:
        raise MissingExtra("demucs", "separation", "--sources demucs") from error
    model: Any = get_model(DEMUCS_MODEL)
    model.eval()
    rate, count = int(model.samplerate), int(model.audio_channels)
    sound = resample(samples, sample_rate_hz, rate)
    wide = np.repeat(sound[:1], count, 0) if len(sound) != count else sound
    mean, spread = float(wide.mean()), float(wide.std()) or 1.0
    mix = torch.from_numpy(np.ascontiguousarray((wide - mean) / spread, np.float32))[None]
    with torch.no_grad():
        stems = apply_model(model, mix, device="cpu")[0].numpy() * spread
    length = samples.shape[1]
    found = {}
    for name, stem in zip(model.sources, stems, strict=True):
        kept = stem if len(samples) == count else np.repeat(stem.mean(0)[None], len(samples), 0)
        back = np.asarray(resample(kept, rate, sample_rate_hz), np.float32)[:, :length]
        found[str(name)] = np.pad(back, ((0, 0), (0, length - back.shape[1])))
    return found


SEPARATORS: dict[str, Separator] = {"hpss": hpss, "demucs": demucs}


def _named(name: str) -> Separator:
    if ":" in name:
        module, _, function = name.partition(":")
        try:
            found: Separator = getattr(import_module(module), function)
        except (ImportError, AttributeError) as error:
            raise UsageError(
                f"--sources {name}: expected module:function that can be imported ({error})"
            ) from error
        return found
    if name not in SEPARATORS:
        raise UnknownName("separator", name, SEPARATORS)
    return SEPARATORS[name]
