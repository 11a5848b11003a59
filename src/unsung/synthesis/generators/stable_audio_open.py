# SPDX-License-Identifier: MIT
"""Stable Audio Open (Stability AI): text to 44.1 kHz stereo, up to 47 s, by latent diffusion.

Source: Evans et al., "Stable Audio Open", 2024; StableAudioPipeline of diffusers. Units: seconds,
Hz. When not to use: for songs with words; the weights are under a community licence.
"""

from __future__ import annotations

from typing import ClassVar

from unsung.synthesis.generators._diffusers import DiffusersGenerator
from unsung.synthesis.generators.base import Info
from unsung.synthesis.prompts import Prompt
from unsung.types import Clip


class StableAudioOpen(DiffusersGenerator):
    """Stable Audio Open 1.0 through diffusers.

    Args:
        model: hub name (its licence must be accepted there first) or a folder.
        revision: commit or tag on the hub.
        steps: denoising steps.
        guidance_scale: how closely the text is followed.
        negative_prompt: what the sound should not be.
        device: auto, cpu, cuda, cuda:1, ...
        dtype: auto, float32, float16 or bfloat16.
    """

    PIPELINE: ClassVar[str] = "StableAudioPipeline"
    info: ClassVar[Info] = Info(
        title="Stable Audio Open",
        family="Stable Audio",
        licence="Stability AI Community License",
        homepage="https://huggingface.co/stabilityai/stable-audio-open-1.0",
        needs="the extra `generators`; accept the licence on the hub, `hf auth login`",
        packages=("torch", "transformers", "diffusers"),
        longest_s=47.0,
        sample_rate_hz=44100,
        disk_gb=5.3,
        citation="Evans et al., Stable Audio Open, arXiv 2407.14358, 2024",
    )

    def __init__(
        self,
        *,
        model: str = "stabilityai/stable-audio-open-1.0",
        revision: str = "main",
        steps: int = 100,
        guidance_scale: float = 7.0,
        negative_prompt: str = "low quality",
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
        """Make one clip. Shape: ``[2, time]``."""
        self.check_length(duration_s)
        made = self.pipeline(prompt.style, audio_end_in_s=duration_s, **self._shared(seed))
        rate_hz = self.pipeline.vae.sampling_rate
        return self._clip(made.audios[0].float().cpu().numpy(), rate_hz, duration_s)
