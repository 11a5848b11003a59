# SPDX-License-Identifier: MIT
"""MusicGen (Meta): text to music, and text with a melody to follow; mono or stereo, up to 30 s.

Source: Copet et al., "Simple and Controllable Music Generation", NeurIPS 2023; the classes of
transformers. Units: seconds, Hz. When not to use: for songs with words (it does not sing), or
commercially (the weights are CC-BY-NC 4.0).
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from unsung.audio.read import read_clip
from unsung.audio.resample import resample
from unsung.errors import MissingExtra, UsageError
from unsung.synthesis.generators._torch import (
    choose_device,
    choose_dtype,
    seeded,
    weights_sha256,
)
from unsung.synthesis.generators.base import Generator, Info, NotReady
from unsung.synthesis.prompts import Prompt
from unsung.types import Clip

_MONO = ("small", "medium", "large", "melody", "melody-large")
_SIZES = (*_MONO, *(f"stereo-{size}" for size in _MONO))


class MusicGen(Generator):
    """MusicGen through transformers; model sizes by name, or any folder or hub repository.

    Args:
        model: small, medium, large, melody, melody-large, each also with stereo- before it; or
            the path of a folder, or a hub name (facebook/musicgen-small).
        revision: commit or tag on the hub.
        guidance_scale: how closely the text is followed; 3 is the authors' value.
        temperature: of sampling; 1 is the authors' value.
        top_k: tokens to draw among; 250 is the authors' value.
        melody: sound file whose melody is followed (melody models only).
        device: auto, cpu, cuda, cuda:1, ...
        dtype: auto, float32, float16 or bfloat16.
    """

    info: ClassVar[Info] = Info(
        title="MusicGen",
        family="MusicGen",
        licence="CC-BY-NC-4.0",
        homepage="https://github.com/facebookresearch/audiocraft",
        needs="the extra `synthesis`; the weights come from the hub at the first clip",
        packages=("torch", "transformers"),
        longest_s=30.0,
        sample_rate_hz=32000,
        disk_gb=2.4,
        gpu_gb=16.0,
        citation="Copet et al., Simple and Controllable Music Generation, NeurIPS 2023",
    )

    def __init__(
        self,
        *,
        model: str = "small",
        revision: str = "main",
        guidance_scale: float = 3.0,
        temperature: float = 1.0,
        top_k: int = 250,
        melody: str = "",
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        super().__init__(
            model=f"facebook/musicgen-{model}" if model in _SIZES else model,
            revision=revision,
            guidance_scale=guidance_scale,
            temperature=temperature,
            top_k=top_k,
            melody=melody,
            device=device,
            dtype=dtype,
        )

    def generate(self, prompt: Prompt, seed: int, duration_s: float) -> Clip:
        """Make one clip. Shape: ``[1 or 2, time]``."""
        import torch

        self.check_length(duration_s)
        model, tokenizer = self._loaded
        inputs = tokenizer([prompt.style], return_tensors="pt", padding=True).to(model.device)
        inputs.pop("token_type_ids", None)
        coder = model.config.audio_encoder
        # The codebooks are delayed against each other, a step each: the last ones need more steps.
        steps = math.ceil(duration_s * coder.frame_rate) + model.decoder.num_codebooks
        extra: dict[str, Any] = {}
        if self.settings["melody"]:
            extra["input_features"] = self._melody(model)
        with torch.inference_mode(), seeded(seed):
            sound = model.generate(
                **inputs,
                **extra,
                do_sample=True,
                guidance_scale=self.settings["guidance_scale"],
                temperature=self.settings["temperature"],
                top_k=self.settings["top_k"],
                max_new_tokens=steps,
            )
        return self._clip(sound[0].float().cpu().numpy(), coder.sampling_rate, duration_s)

    def provenance(self) -> dict[str, Any]:
        """Add the commit that was loaded, and the hash of local weights."""
        model, _ = self._loaded
        commit = getattr(model.config, "_commit_hash", None)
        local = weights_sha256(self.settings["model"])
        return {
            **super().provenance(),
            "revision": "" if local else commit or self.settings["revision"],
            "weights_sha256": local,
            "device": str(model.device),
        }

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        """Load model and tokenizer. The processor is not used: its melody half needs torchaudio."""
        try:
            import transformers
        except ModuleNotFoundError as error:
            need = "the generator 'musicgen'"
            raise MissingExtra("transformers", "synthesis", need) from error
        name, revision = self.settings["model"], self.settings["revision"]
        device = choose_device(self.settings["device"])
        try:
            config = transformers.AutoConfig.from_pretrained(name, revision=revision)
            melody = config.model_type == "musicgen_melody"
            if config.model_type not in ("musicgen", "musicgen_melody"):
                raise UsageError(f"{name}: expected a MusicGen, got a {config.model_type} model")
            if self.settings["melody"] and not melody:
                raise UsageError(f"{name} follows no melody; set model=melody or melody-large")
            kind = "MusicgenMelody" if melody else "Musicgen"
            model = getattr(transformers, f"{kind}ForConditionalGeneration").from_pretrained(
                name, revision=revision, dtype=choose_dtype(self.settings["dtype"], device)
            )
            tokenizer = transformers.AutoTokenizer.from_pretrained(name, revision=revision)
        except (OSError, ValueError) as error:
            raise NotReady(
                f"musicgen: the model '{name}' could not be loaded ({_first_line(error)}); give "
                f"--model one of {', '.join(_MONO)}, a folder with config.json, weights and "
                "tokenizer, or a hub name; without a network fetch it before: hf download NAME"
            ) from error
        return model.to(device).eval(), tokenizer

    def _melody(self, model: Any) -> Any:
        import torch

        clip = read_clip(self.settings["melody"])
        rate_hz = model.config.audio_encoder.sampling_rate
        mono = resample(clip.mono()[None], clip.sample_rate_hz, rate_hz)[0]
        picture = chroma(mono, rate_hz, n_chroma=model.config.num_chroma)
        return torch.from_numpy(picture)[None].to(model.device, model.dtype)


def chroma(
    mono: Any, sample_rate_hz: int, n_chroma: int = 12, n_fft: int = 16384, hop: int = 4096
) -> Any:
    """Return the strongest pitch class of each frame as one-hot rows, as MusicGen-melody takes it.

    The arithmetic of transformers' own extractor, which needs torchaudio: power spectrum, chroma
    filters, then 1 at the largest and 0 elsewhere. Shape: ``[time]`` → ``[frame, n_chroma]``.
    """
    from transformers.audio_utils import chroma_filter_bank

    sound = np.asarray(mono, dtype=np.float64)
    if len(sound) < n_fft:
        short = n_fft - len(sound)
        sound = np.pad(sound, (short // 2, short - short // 2))
    sound = np.pad(sound, n_fft // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(sound, n_fft)[::hop]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    power = np.abs(np.fft.rfft(frames * window)) ** 2  # [frame, bin]
    filters = chroma_filter_bank(
        num_frequency_bins=n_fft, num_chroma=n_chroma, sampling_rate=sample_rate_hz, tuning=0
    )
    strongest = np.argmax(power @ np.asarray(filters).T, axis=1)
    return np.eye(n_chroma, dtype=np.float32)[strongest]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
