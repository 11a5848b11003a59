# SPDX-License-Identifier: MIT
"""What generators behind another repository share: its folder, its Python, its files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar

from unsung.synthesis.generators.base import Generator, NotReady
from unsung.synthesis.prompts import Prompt

__all__ = ["RepositoryGenerator", "tags"]


class RepositoryGenerator(Generator):
    """A generator that is run from a clone of its repository, in its own environment."""

    SCRIPT: ClassVar[str]
    """The entry point below the repository's folder."""
    CLONE: ClassVar[str]
    """The commands that bring it."""

    @property
    def repository(self) -> Path:
        """Folder of the clone."""
        return Path(self.settings["repository"]).expanduser().resolve()

    @property
    def python(self) -> str:
        """The interpreter that has the repository's requirements."""
        return str(self.settings["python"] or sys.executable)

    def check(self) -> None:
        """Make sure that the clone is there."""
        super().check()
        given = self.settings["repository"]
        if not given or not (self.repository / self.SCRIPT).is_file():
            where = f"{given} holds no {self.SCRIPT}" if given else "no folder was given"
            raise NotReady(
                f"{self.name} runs {self.SCRIPT} of {self.info.homepage}, and {where}; "
                f"get it: {self.CLONE}; then give its folder: --set repository=FOLDER, and the "
                "Python of its environment: --set python=FOLDER/.venv/bin/python"
            )


def tags(prompt: Prompt, separator: str = ", ") -> str:
    """Return a prompt's style as words: genre, mood, vocal, instruments; else the style text."""
    parts = (prompt.genre, prompt.mood, prompt.vocal, *prompt.instruments)
    return separator.join(part for part in parts if part) or prompt.style
