# SPDX-License-Identifier: MIT
"""ACE-Step, first version: songs with singing from tags and lyrics by diffusion, up to 4 minutes.

Source: Gong et al., "ACE-Step: A Step Towards Music Generation Foundation Model", 2025. Its
``infer.py`` takes no prompt, so its Python call (``ACEStepPipeline``) is made in its own
environment. Units: seconds. When not to use: for ACE-Step 1.5, which has another interface.
"""

from __future__ import annotations

import json
from typing import ClassVar

from unsung.audio.read import read_clip
from unsung.scratch import Scratch
from unsung.synthesis.generators._process import run
from unsung.synthesis.generators._songs import RepositoryGenerator, tags
from unsung.synthesis.generators.base import GeneratorError, Info
from unsung.synthesis.prompts import Prompt
from unsung.types import Clip

_CALL = """\
import json, sys
from acestep.pipeline_ace_step import ACEStepPipeline
asked = json.loads(open(sys.argv[1], encoding="utf-8").read())
ACEStepPipeline(**asked["load"])(**asked["call"])
"""


class AceStep(RepositoryGenerator):
    """ACE-Step v1 by subprocess.

    Args:
        repository: clone of the repository.
        python: interpreter of the environment that it is installed in.
        model: folder of the checkpoints; empty lets it fetch them.
        infer_step: denoising steps.
        guidance_scale: how closely the text is followed.
        cpu_offload: keep idle parts off the GPU.
        timeout_s: when to give a song up.
    """

    SCRIPT: ClassVar[str] = "acestep/pipeline_ace_step.py"
    CLONE: ClassVar[str] = (
        "git clone https://github.com/ace-step/ACE-Step.git, cd ACE-Step, "
        "python -m venv .venv, .venv/bin/pip install -e ."
    )
    info: ClassVar[Info] = Info(
        title="ACE-Step",
        family="ACE-Step",
        licence="Apache-2.0",
        homepage="https://github.com/ace-step/ACE-Step",
        needs="a clone with its environment and a CUDA GPU",
        sings=True,
        style_format="tags",
        default_s=60.0,
        longest_s=240.0,
        sample_rate_hz=48000,
        gpu_gb=8.0,
        citation="Gong et al., ACE-Step, arXiv 2506.00045, 2025",
    )

    def __init__(
        self,
        *,
        repository: str = "",
        python: str = "",
        model: str = "",
        infer_step: int = 60,
        guidance_scale: float = 15.0,
        cpu_offload: bool = False,
        timeout_s: float = 3600.0,
    ) -> None:
        super().__init__(
            repository=repository,
            python=python,
            model=model,
            infer_step=infer_step,
            guidance_scale=guidance_scale,
            cpu_offload=cpu_offload,
            timeout_s=timeout_s,
        )

    def generate(self, prompt: Prompt, seed: int, duration_s: float) -> Clip:
        """Make one song. Shape: ``[2, time]``."""
        self.check_length(duration_s)
        self.check()
        chosen = self.settings
        with Scratch("ace-step") as scratch:
            output, request = scratch / "song.wav", scratch / "request.json"
            load = {"checkpoint_dir": chosen["model"] or None, "dtype": "bfloat16"}
            call = {
                "format": "wav",
                "audio_duration": duration_s,
                "prompt": tags(prompt),
                "lyrics": prompt.lyrics or "[instrumental]",
                "infer_step": chosen["infer_step"],
                "guidance_scale": chosen["guidance_scale"],
                "manual_seeds": str(seed),  # some releases overlook a list and draw at random
                "save_path": str(output),
            }
            asked = {"load": {**load, "cpu_offload": chosen["cpu_offload"]}, "call": call}
            request.write_text(json.dumps(asked), encoding="utf-8")
            said = run(
                self.name,
                [self.python, "-c", _CALL, str(request)],
                timeout_s=chosen["timeout_s"],
                folder=self.repository,
                environment={"PYTHONPATH": str(self.repository)},
            )
            if not output.is_file():
                raise GeneratorError(f"ace_step: no song was written; it said: {said}")
            clip = read_clip(output)
        return self._clip(clip.samples, clip.sample_rate_hz, duration_s)
