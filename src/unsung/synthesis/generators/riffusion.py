# SPDX-License-Identifier: MIT
"""Riffusion: a picture model paints a spectrogram, Griffin-Lim turns it into 44.1 kHz sound.

Source: Forsgren and Martiros, "Riffusion", 2022: Stable Diffusion 1.5 on spectrograms of 512 mel
bands up to 10 kHz, a column every 10 ms, grey to the power of four. Units: seconds, Hz. When not
to use: for clips beyond five seconds, which the model was not trained on.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from unsung.synthesis.generators._diffusers import DiffusersGenerator
from unsung.synthesis.generators.base import Info
from unsung.synthesis.prompts import Prompt
from unsung.types import Clip

RATE_HZ = 44100
_BANDS = 512
_COLUMNS_HZ = 100
_N_FFT = 17640  # 400 ms
_WINDOW = 4410  # 100 ms
_HOP = RATE_HZ // _COLUMNS_HZ
_HANN = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)


class Riffusion(DiffusersGenerator):
    """Riffusion v1 through diffusers.

    Args:
        model: hub name or a folder.
        revision: commit or tag on the hub.
        steps: denoising steps.
        guidance_scale: how closely the text is followed.
        negative_prompt: what the sound should not be.
        device: auto, cpu, cuda, cuda:1, ...
        dtype: auto, float32, float16 or bfloat16.
    """

    PIPELINE: ClassVar[str] = "StableDiffusionPipeline"
    info: ClassVar[Info] = Info(
        title="Riffusion",
        family="Riffusion",
        licence="CreativeML-OpenRAIL-M",
        homepage="https://huggingface.co/riffusion/riffusion-model-v1",
        needs="the extra `generators`; the weights come from the hub at the first clip",
        packages=("torch", "transformers", "diffusers", "PIL"),
        default_s=5.12,
        longest_s=10.24,
        sample_rate_hz=44100,
        disk_gb=4.3,
        citation="Forsgren and Martiros, Riffusion, 2022",
    )

    def __init__(
        self,
        *,
        model: str = "riffusion/riffusion-model-v1",
        revision: str = "main",
        steps: int = 50,
        guidance_scale: float = 7.0,
        negative_prompt: str = "",
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        super().__init__(
            model=model,
            revision=revision,
            steps=steps,
            guidance_scale=guidance_scale,
            negative_prompt=negative_prompt,
            device=device,
            dtype=dtype,
        )

    def generate(self, prompt: Prompt, seed: int, duration_s: float) -> Clip:
        """Make one clip. Shape: ``[1, time]``."""
        self.check_length(duration_s)
        columns = math.ceil(duration_s * _COLUMNS_HZ / 8) * 8  # the latents halve three times
        image = self.pipeline(
            prompt.style, height=_BANDS, width=columns, **self._shared(seed)
        ).images[0]
        return self._clip(from_image(np.asarray(image.convert("L"))), RATE_HZ, duration_s)


def to_mel(image: Any) -> Any:
    """Return the mel amplitudes of a picture: dark is loud, low is low, fourth power of grey.

    Shape: ``[row, column]`` uint8 → ``[band, frame]``.
    """
    loud = 1 - np.flipud(np.asarray(image, dtype=np.float64)) / 255
    return np.asarray(loud**4)


def from_image(image: Any, iterations: int = 32) -> NDArray[np.float64]:
    """Return the sound of a spectrogram picture, its phase by Griffin and Lim's algorithm.

    Shape: ``[row, column]`` uint8 → ``[time]``, peak at 0.9.
    """
    filters = mel_filters(RATE_HZ, _N_FFT, _BANDS, 0, 10_000)  # [band, bin]
    # The spectrum of least energy with these band values; a small ridge keeps narrow bands calm.
    gram = filters @ filters.T + 1e-4 * np.eye(_BANDS)
    amplitude = np.maximum(filters.T @ np.linalg.solve(gram, to_mel(image)), 0).T  # [frame, bin]
    phase = np.exp(2j * np.pi * np.random.default_rng(0).random(amplitude.shape))
    for _ in range(iterations):
        again = _frames(_overlap(amplitude * phase))
        phase = again / np.maximum(np.abs(again), 1e-12)
    sound = _overlap(amplitude * phase)
    loudest = max(float(np.abs(sound).max()), 1e-9)
    return sound * (0.9 / loudest)


def _frames(sound: NDArray[np.float64]) -> Any:
    """Return the spectra around every hop. Shape: ``[time]`` → ``[frame, bin]``."""
    padded = np.pad(sound, _WINDOW // 2)
    views = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[: len(sound) : _HOP]
    return fft.rfft(views * _HANN, _N_FFT)


def _overlap(spectra: Any) -> NDArray[np.float64]:
    """Add frames up again, weighted for the least squared error. Shape: ``[time]``."""
    frames = fft.irfft(spectra, _N_FFT)[:, :_WINDOW] * _HANN
    n = len(frames) * _HOP
    sound, weight = np.zeros(n + _WINDOW), np.full(n + _WINDOW, 1e-8)
    for place, frame in enumerate(frames):
        sound[place * _HOP : place * _HOP + _WINDOW] += frame
        weight[place * _HOP : place * _HOP + _WINDOW] += _HANN**2
    whole: NDArray[np.float64] = sound / weight
    return whole[_WINDOW // 2 : _WINDOW // 2 + n]


def mel_filters(
    sample_rate_hz: int, n_fft: int, bands: int, low_hz: float, high_hz: float
) -> NDArray[np.float64]:
    """Return triangular filters on the HTK mel scale, peak 1. Shape: ``[band, bin]``."""
    low, high = (2595 * math.log10(1 + hz / 700) for hz in (low_hz, high_hz))
    edges = 700 * (10 ** (np.linspace(low, high, bands + 2) / 2595) - 1)
    hz = np.arange(n_fft // 2 + 1) * sample_rate_hz / n_fft
    rising = (hz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - hz) / np.diff(edges)[1:, None]
    filters: NDArray[np.float64] = np.maximum(np.minimum(rising, falling), 0)
    return filters
