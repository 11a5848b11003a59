# SPDX-License-Identifier: MIT
"""MusicLDM: text to 16 kHz mono music by latent diffusion with a CLAP text encoder.

Source: Chen et al., "MusicLDM: Enhancing Novelty in Text-to-Music Generation", 2023;
MusicLDMPipeline of diffusers. Units: seconds, Hz. When not to use: with a diffusers release that
has dropped the pipeline; the weights are CC-BY-NC-SA 4.0.
"""

from __future__ import annotations

from typing import ClassVar

from unsung.synthesis.generators._diffusers import DiffusersGenerator
from unsung.synthesis.generators.base import Info
from unsung.synthesis.prompts import Prompt
from unsung.types import Clip


class MusicLDM(DiffusersGenerator):
    """MusicLDM through diffusers.

    Args:
        model: hub name or a folder.
        revision: commit or tag on the hub.
        steps: denoising steps.
        guidance_scale: how closely the text is followed.
        negative_prompt: what the sound should not be.
        device: auto, cpu, cuda, cuda:1, ...
        dtype: auto, float32, float16 or bfloat16.
    """

    PIPELINE: ClassVar[str] = "MusicLDMPipeline"
    info: ClassVar[Info] = Info(
        title="MusicLDM",
        family="MusicLDM",
        licence="CC-BY-NC-SA-4.0",
        homepage="https://huggingface.co/ucsd-reach/musicldm",
        needs="the extra `generators`; the weights come from the hub at the first clip",
        packages=("torch", "transformers", "diffusers"),
        longest_s=30.0,
        sample_rate_hz=16000,
        citation="Chen et al., MusicLDM, arXiv 2308.01546, 2023",
    )

    def __init__(
        self,
        *,
        model: str = "ucsd-reach/musicldm",
        revision: str = "main",
        steps: int = 200,
        guidance_scale: float = 2.0,
        negative_prompt: str = "low quality, average quality",
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
        made = self.pipeline(prompt.style, audio_length_in_s=duration_s, **self._shared(seed))
        rate_hz = self.pipeline.vocoder.config.sampling_rate
        return self._clip(made.audios[0], rate_hz, duration_s)
