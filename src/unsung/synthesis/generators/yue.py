# SPDX-License-Identifier: MIT
"""YuE, first version (M-A-P): songs with singing from genre tags and lyrics, by sections.

Source: Yuan et al., "YuE: Scaling Open Foundation Models for Long-Form Music Generation", 2025;
``inference/infer.py`` on the repository's branch YuE-v1. Units: seconds. When not to use: without
a GPU (its makers name 24 GB for two sections, 80 GB for whole songs).
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from unsung.audio.read import read_clip
from unsung.errors import UsageError
from unsung.scratch import Scratch
from unsung.synthesis.generators._process import run
from unsung.synthesis.generators._songs import RepositoryGenerator, tags
from unsung.synthesis.generators.base import GeneratorError, Info
from unsung.synthesis.lyrics import Section, parse, text
from unsung.synthesis.prompts import Prompt
from unsung.types import Clip

_NAMES = {"intro": "verse", "pre-chorus": "verse", "rap": "verse", "hook": "chorus"}
_NAMES |= {"refrain": "chorus", "post-chorus": "chorus"}
_SECTION_S = 30.0  # about what 3000 tokens of two tracks at 50 Hz hold
_GENRE_CHARACTERS = 120  # infer.py puts the tags into a file name, which ends at 255


class YuE(RepositoryGenerator):
    """YuE v1 by subprocess.

    Args:
        repository: clone of the repository, branch YuE-v1, with ``inference/xcodec_mini_infer``.
        python: interpreter of its environment.
        model: stage 1 model, hub name or folder.
        stage2_model: stage 2 model, hub name or folder.
        max_new_tokens: most tokens a section; 3000 are about 30 s.
        repetition_penalty: 1 to 2.
        stage2_batch_size: more is faster and takes more memory.
        cuda_idx: number of the GPU.
        timeout_s: when to give a song up.
    """

    SCRIPT: ClassVar[str] = "inference/infer.py"
    CLONE: ClassVar[str] = (
        "git clone -b YuE-v1 https://github.com/multimodal-art-projection/YuE.git, "
        "pip install -r requirements.txt and flash-attn in an environment of its own, "
        "cd YuE/inference, git clone https://huggingface.co/m-a-p/xcodec_mini_infer (git-lfs)"
    )
    info: ClassVar[Info] = Info(
        title="YuE",
        family="YuE",
        licence="Apache-2.0",
        homepage="https://github.com/multimodal-art-projection/YuE",
        needs="a clone of the branch YuE-v1 with its environment, git-lfs and a CUDA GPU",
        sings=True,
        style_format="tags",
        default_s=60.0,
        longest_s=300.0,
        sample_rate_hz=44100,
        disk_gb=17.0,
        gpu_gb=24.0,
        citation="Yuan et al., YuE, arXiv 2503.08638, 2025",
    )

    def __init__(
        self,
        *,
        repository: str = "",
        python: str = "",
        model: str = "m-a-p/YuE-s1-7B-anneal-en-cot",
        stage2_model: str = "m-a-p/YuE-s2-1B-general",
        max_new_tokens: int = 3000,
        repetition_penalty: float = 1.1,
        stage2_batch_size: int = 4,
        cuda_idx: int = 0,
        timeout_s: float = 7200.0,
    ) -> None:
        super().__init__(
            repository=repository,
            python=python,
            model=model,
            stage2_model=stage2_model,
            max_new_tokens=max_new_tokens,
            repetition_penalty=repetition_penalty,
            stage2_batch_size=stage2_batch_size,
            cuda_idx=cuda_idx,
            timeout_s=timeout_s,
        )

    def generate(self, prompt: Prompt, seed: int, duration_s: float) -> Clip:
        """Make one song. Shape: ``[1 or 2, time]``."""
        self.check_length(duration_s)
        self.check()
        with Scratch("yue") as folder:
            (folder / "genre.txt").write_text(genre(prompt), encoding="utf-8")
            (folder / "lyrics.txt").write_text(sung(prompt), encoding="utf-8")
            said = run(
                self.name,
                self._command(folder, seed, duration_s),
                timeout_s=self.settings["timeout_s"],
                folder=self.repository / "inference",
            )
            songs = sorted((folder / "out").glob("*.mp3"))
            if not songs:
                raise GeneratorError(f"yue: infer.py ended without a mixed song; it said: {said}")
            clip = read_clip(songs[0])
        return self._clip(clip.samples, clip.sample_rate_hz, duration_s)

    def _command(self, folder: Path, seed: int, duration_s: float) -> list[str]:
        chosen = self.settings
        return [
            *(self.python, "infer.py", "--cuda_idx", str(chosen["cuda_idx"])),
            *("--stage1_model", chosen["model"], "--stage2_model", chosen["stage2_model"]),
            *("--genre_txt", str(folder / "genre.txt")),
            *("--lyrics_txt", str(folder / "lyrics.txt")),
            *("--run_n_segments", str(max(1, round(duration_s / _SECTION_S)))),
            *("--stage2_batch_size", str(chosen["stage2_batch_size"])),
            *("--output_dir", str(folder / "out")),
            *("--max_new_tokens", str(chosen["max_new_tokens"])),
            *("--repetition_penalty", str(chosen["repetition_penalty"])),
            *("--seed", str(seed)),
        ]


def genre(prompt: Prompt) -> str:
    """Return the tags as YuE reads them: words with spaces between, short, without slashes."""
    words = tags(prompt, " ").replace("/", " ").replace("\n", " ").split()
    kept = ""
    for word in words:
        if len(f"{kept} {word}".encode()) > _GENRE_CHARACTERS:
            break
        kept = f"{kept} {word}".strip()
    return kept


def sung(prompt: Prompt) -> str:
    """Return lyrics that infer.py reads whole: plain section names, and an empty one at the end.

    Its pattern takes one-word names only, and it never sings the last section it finds.

    Raises:
        UsageError: the prompt has no lyrics.
    """
    sections = parse(prompt.lyrics)
    if not sections:
        raise UsageError(
            f"prompt {prompt.id}: YuE sings and needs lyrics, the prompt has none; "
            "write some with `unsung synth prompts`"
        )
    known = ("verse", "chorus", "bridge", "outro")
    plain = (_NAMES.get(part.name, part.name) for part in sections)
    named = tuple(
        Section(name if name in known else "verse", part.lines)
        for name, part in zip(plain, sections, strict=True)
    )
    return text(named) + "\n\n[outro]\n"
