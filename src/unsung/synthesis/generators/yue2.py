# SPDX-License-Identifier: MIT
"""YuE2 (M-A-P): whole songs from style and lyrics through a score it writes first; 48 kHz stereo.

Source: ``examples/generate.py`` and docs/generation.md of the repository (release 0.1.6, 2026);
its technical report is announced. Units: seconds. When not to use: commercially (the weights are
CC-BY-NC 4.0), or without a GPU of 24 GB. It chooses the length; a longer song is cut.
"""

from __future__ import annotations

import json
from typing import ClassVar

from unsung.audio.read import read_clip
from unsung.errors import UsageError
from unsung.scratch import Scratch
from unsung.synthesis.generators._process import run
from unsung.synthesis.generators._songs import RepositoryGenerator
from unsung.synthesis.generators.base import GeneratorError, Info
from unsung.synthesis.prompts import Prompt
from unsung.types import Clip


class YuE2(RepositoryGenerator):
    """YuE2 by subprocess.

    Args:
        repository: clone of the repository.
        python: interpreter of its environment (Python 3.12).
        model: hub name or folder.
        revision: commit or tag on the hub; empty takes the newest.
        vae: decoder, hub name or folder; it decides the traces in the sound.
        vae_revision: commit or tag of the decoder.
        cot: "full" writes melody and chords first, "melody" the melody, "off" nothing.
        timeout_s: when to give a song up.
    """

    SCRIPT: ClassVar[str] = "examples/generate.py"
    CLONE: ClassVar[str] = (
        "git clone https://github.com/multimodal-art-projection/YuE.git, cd YuE, "
        "python3.12 -m venv .venv, .venv/bin/pip install ."
    )
    info: ClassVar[Info] = Info(
        title="YuE2",
        family="YuE",
        licence="CC-BY-NC-4.0",
        homepage="https://github.com/multimodal-art-projection/YuE",
        needs="a clone with its Python 3.12 environment and a CUDA GPU with bfloat16",
        sings=True,
        default_s=120.0,
        longest_s=600.0,
        sample_rate_hz=48000,
        gpu_gb=24.0,
        citation="YuE2, M-A-P, 2026; Yuan et al., YuE, arXiv 2503.08638, 2025",
    )

    def __init__(
        self,
        *,
        repository: str = "",
        python: str = "",
        model: str = "m-a-p/YuE2-3B",
        revision: str = "",
        vae: str = "m-a-p/YuE2-Vae",
        vae_revision: str = "",
        cot: str = "full",
        timeout_s: float = 3600.0,
    ) -> None:
        if cot not in ("full", "melody", "off"):
            raise UsageError(f"yue2: expected cot full, melody or off; got '{cot}'")
        super().__init__(
            repository=repository,
            python=python,
            model=model,
            revision=revision,
            vae=vae,
            vae_revision=vae_revision,
            cot=cot,
            timeout_s=timeout_s,
        )

    def generate(self, prompt: Prompt, seed: int, duration_s: float) -> Clip:
        """Make one song. Shape: ``[2, time]``."""
        self.check_length(duration_s)
        self.check()
        if not prompt.lyrics:
            raise UsageError(f"prompt {prompt.id}: YuE2 sings and needs lyrics, it has none")
        chosen = self.settings
        with Scratch("yue2") as scratch:
            request, output = scratch / "request.json", scratch / "song"
            asked = {"style": prompt.style, "lyrics": prompt.lyrics, "seed": seed}
            request.write_text(json.dumps({**asked, "cot": chosen["cot"]}), encoding="utf-8")
            command = [self.python, self.SCRIPT, "--request", str(request), "--output", str(output)]
            command += ["--model", chosen["model"], "--vae", chosen["vae"]]
            for option in ("revision", "vae_revision"):
                if chosen[option]:
                    command += [f"--{option.replace('_', '-')}", chosen[option]]
            # Code 1 with a song: it was cut at the token limit, which docs/generation.md allows.
            said = run(
                self.name,
                command,
                timeout_s=chosen["timeout_s"],
                folder=self.repository,
                accept=(0, 1),
            )
            song = output / "audio.flac"
            if not song.is_file():
                raise GeneratorError(f"yue2: generate.py made no audio.flac; it said: {said}")
            clip = read_clip(song)
        return self._clip(clip.samples, clip.sample_rate_hz, duration_s)
