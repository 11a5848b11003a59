# SPDX-License-Identifier: MIT
"""AudioLDM 2 (CVSSP): text to 16 kHz mono by latent diffusion and a HiFi-GAN vocoder.

Source: Liu et al., "AudioLDM 2", 2023; AudioLDM2Pipeline of diffusers. Units: seconds, Hz. When
not to use: where more than 8 kHz of band is needed; the weights are CC-BY-NC-SA 4.0.
"""

from __future__ import annotations

from typing import ClassVar

from unsung.synthesis.generators._diffusers import DiffusersGenerator
from unsung.synthesis.generators.base import Info
from unsung.synthesis.prompts import Prompt
from unsung.types import Clip


class AudioLDM2(DiffusersGenerator):
    """AudioLDM 2 through diffusers; the music model by default.

    Args:
        model: hub name or a folder.
        revision: commit or tag on the hub.
        steps: denoising steps.
        guidance_scale: how closely the text is followed.
        negative_prompt: what the sound should not be.
        device: auto, cpu, cuda, cuda:1, ...
        dtype: auto, float32, float16 or bfloat16.
    """

    PIPELINE: ClassVar[str] = "AudioLDM2Pipeline"
    info: ClassVar[Info] = Info(
        title="AudioLDM 2",
        family="AudioLDM2",
        licence="CC-BY-NC-SA-4.0",
        homepage="https://huggingface.co/cvssp/audioldm2-music",
        needs="the extra `generators`; the weights come from the hub at the first clip",
        packages=("torch", "transformers", "diffusers"),
        longest_s=60.0,
        sample_rate_hz=16000,
        disk_gb=4.5,
        citation="Liu et al., AudioLDM 2, arXiv 2308.05734, 2023",
    )

    def __init__(
        self,
        *,
        model: str = "cvssp/audioldm2-music",
        revision: str = "main",
        steps: int = 200,
        guidance_scale: float = 3.5,
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
