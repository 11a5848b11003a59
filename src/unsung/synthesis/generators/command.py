# SPDX-License-Identifier: MIT
"""Any program that writes a sound file: its command line as a template, filled for each prompt.

Source: own. No shell is involved: the template is split into words first and filled afterwards, so
that nothing in a prompt can become an option or a command. Units: seconds. When not to use: for
programs that are not generators; what they write is labelled as AI-generated.
"""

from __future__ import annotations

import shlex
import shutil
import string
from pathlib import Path
from typing import Any, ClassVar

from unsung.audio.read import read_clip
from unsung.errors import UnknownName, UsageError
from unsung.scratch import Scratch
from unsung.synthesis.generators._process import run
from unsung.synthesis.generators.base import Generator, GeneratorError, Info, NotReady
from unsung.synthesis.prompts import Prompt
from unsung.types import Clip

_TEXTS = ("prompt", "style", "lyrics", "title")
_FIELDS = (*_TEXTS, "seed", "duration_s", "output", "style_file", "lyrics_file")


class Command(Generator):
    """A program of your own, for instance ``mygen --prompt={prompt} --seed={seed} -o {output}``.

    Args:
        command: the template. {prompt} and {style} are the style text, {lyrics} the words,
            {style_file} and {lyrics_file} paths of files that hold them, {title}, {seed},
            {duration_s}, and {output}, the file to write; braces of your own are doubled.
        label: the generator's name in the manifest.
        family: its family in the manifest.
        licence: of what it makes.
        extension: of the file it writes.
        timeout_s: when to give a clip up.
        folder: where to run it.
    """

    info: ClassVar[Info] = Info(
        title="Any program",
        family="",
        licence="unstated",
        homepage="",
        needs="a program on this machine and its command line: --command 'mygen -o {output}'",
        sings=True,
        default_s=30.0,
        longest_s=3600.0,
    )

    def __init__(
        self,
        *,
        command: str = "",
        label: str = "",
        family: str = "",
        licence: str = "unstated",
        extension: str = ".wav",
        timeout_s: float = 3600.0,
        folder: str = "",
    ) -> None:
        super().__init__(
            command=command,
            label=label,
            family=family,
            licence=licence,
            extension=extension if extension.startswith(".") else f".{extension}",
            timeout_s=timeout_s,
            folder=folder,
        )
        self._words = _split(command) if command else []

    @property
    def label(self) -> str:
        """Name in manifests: as set, or that of the program."""
        return self.settings["label"] or (Path(self._words[0]).name if self._words else "command")

    def check(self) -> None:
        """Make sure that there is a template and that its program exists."""
        if not self._words:
            raise NotReady(
                "command: expected the command line of a program, got none; write for example "
                "--command 'mygen --prompt={prompt} --seed={seed} -o {output}'"
            )
        program = self._words[0]
        if shutil.which(program, path=None) is None:
            raise NotReady(
                f"command: there is no program '{program}' on the PATH; "
                "install it, or write its full path into --command"
            )

    def generate(self, prompt: Prompt, seed: int, duration_s: float) -> Clip:
        """Make one clip by running the program. Shape: as it writes."""
        self.check_length(duration_s)
        self.check()
        chosen = self.settings
        with Scratch("command") as folder:
            output = folder / f"clip{chosen['extension']}"
            (folder / "style.txt").write_text(prompt.style, encoding="utf-8")
            (folder / "lyrics.txt").write_text(prompt.lyrics, encoding="utf-8")
            values = {
                "prompt": prompt.style,
                "style": prompt.style,
                "lyrics": prompt.lyrics,
                "title": prompt.title,
                "seed": seed,
                "duration_s": f"{duration_s:g}",
                "output": output,
                "style_file": folder / "style.txt",
                "lyrics_file": folder / "lyrics.txt",
            }
            said = run(
                self.name,
                [_filled(word, values) for word in self._words],
                timeout_s=chosen["timeout_s"],
                folder=Path(chosen["folder"]) if chosen["folder"] else None,
            )
            if not output.is_file():
                raise GeneratorError(
                    f"command: '{self._words[0]}' ended well but did not write {{output}} "
                    f"({output.name}); it said: {said}"
                )
            clip = read_clip(output)
        return self._clip(clip.samples, clip.sample_rate_hz, duration_s)

    def provenance(self) -> dict[str, Any]:
        """Add the family and licence that were set."""
        own = {"family": self.settings["family"], "licence": self.settings["licence"]}
        return {**super().provenance(), **own}


def _split(command: str) -> list[str]:
    """Split a template into words and check its fields.

    Raises:
        UsageError: unbalanced quotes or braces, or no {output}.
        UnknownName: a field that there is not.
    """
    try:
        words = shlex.split(command)
        fields = [field for word in words for _, field, spec, conversion in _parsed(word)]
    except ValueError as error:
        raise UsageError(
            f"the command cannot be read ({error}): {command}; quote words with spaces, and "
            "double braces that are your own"
        ) from error
    for field in fields:
        if field not in _FIELDS:
            raise UnknownName("field of a command", field, _FIELDS)
    if "output" not in fields:
        raise UsageError(f"the command must name {{output}}, the file to write; got: {command}")
    return words


def _parsed(word: str) -> list[tuple[str, str, str, str]]:
    found: list[tuple[str, str, str, str]] = []
    for literal, field, spec, conversion in string.Formatter().parse(word):
        if field is None:
            continue
        if spec or conversion:
            raise ValueError(f"{{{field}}} takes no format")
        found.append((literal, field, spec or "", conversion or ""))
    return found


def _filled(word: str, values: dict[str, Any]) -> str:
    text = word.format(**values)
    if text.startswith("-") and word.startswith("{"):
        raise GeneratorError(
            f"the text for {word} begins with '-', which a program would read as an option; "
            f"write it behind an equals sign in the template: --name={word}"
        )
    return text.replace("\0", "")
