# SPDX-License-Identifier: MIT
"""Runs the marked code blocks of a documentation page in a folder, and writes their output back.

A comment before a fence says what happens to it:

- ``<!-- run -->``: a console block's commands run in order, and must print what the page shows,
  numbers aside; a Python block runs as a program.
- ``<!-- run: 6 -->``: the same; six lines of each command are kept when output is written back.
- ``<!-- file: name.py -->``: the block is written to that file.
- ``<!-- not run: reason -->``: the block is shown only.

``python tests/docs/blocks.py docs/tutorials/first-scan.md`` runs a page and replaces the output.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^>]*?) -->\n)?^```(?P<kind>\w*)[^\n]*\n(?P<text>.*?)^```$",
    flags=re.MULTILINE | re.DOTALL,
)
_NUMBER = re.compile(r"\b[0-9a-f]{12,}\b|[-+−]?\d[\d.,:]*(?:e[-+]\d+)?")
KEPT = 12
LONGEST_S = 1200


@dataclass(frozen=True)
class Block:
    mark: str
    kind: str
    text: str
    start: int
    end: int

    @property
    def runs(self) -> bool:
        return self.mark.startswith("run")


@dataclass(frozen=True)
class Command:
    line: str
    expected: tuple[str, ...]


def blocks(page: str) -> list[Block]:
    return [
        Block(
            (found["mark"] or "").strip(), found["kind"], found["text"],
            found.start("text"), found.end("text"),
        )
        for found in _BLOCK.finditer(page)
    ]  # fmt: skip


def commands(text: str) -> list[Command]:
    """Take a console block apart: `$ ` begins a command, `\\` continues it, the rest is output."""
    found: list[tuple[list[str], list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(([line[2:]], []))
        elif found and found[-1][0][-1].endswith("\\") and not found[-1][1]:
            found[-1][0].append(line)
        else:
            assert found, f"a console block begins with '$ ': {line}"
            found[-1][1].append(line)
    return [Command("\n".join(lines), tuple(output)) for lines, output in found]


def agrees(expected: tuple[str, ...], printed: str) -> bool:
    """Whether the output is what the page shows; numbers may differ, `...` stands for any lines.

    >>> agrees(("AI  89 %", "..."), "AI  91 %\\nmore\\n")
    True
    >>> agrees(("human  89 %",), "AI  91 %")
    False
    """
    parts = [".*" if line.strip() == "..." else re.escape(_shape(line)) for line in expected]
    text = "\n".join(_shape(line) for line in printed.strip().splitlines())
    pattern = r"\n?".join(parts) if ".*" in parts else "\n".join(parts)
    return re.fullmatch(pattern, text, flags=re.DOTALL) is not None


def _shape(line: str) -> str:
    return " ".join(_NUMBER.sub("#", line).split())


def environment(folder: Path) -> dict[str, str]:
    """Return an environment in which `unsung` and `python` are those of the tests."""
    programs = folder / ".programs"
    programs.mkdir(exist_ok=True)
    for name, call in (("unsung", "-m unsung"), ("python", ""), ("pip", "-m pip")):
        path = programs / name
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" {call} "$@"\n')
        path.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "NO_COLOR": "1",
        "COLUMNS": "100",
        "OMP_NUM_THREADS": "1",
        "PYTHONWARNINGS": "ignore",
    }


def run(page: Path, folder: Path) -> list[tuple[Block, Command | None, str]]:
    """Run a page's blocks in order; return each with what it printed.

    Raises:
        AssertionError: a block has no mark, or a command failed.
    """
    done = []
    surroundings = environment(folder)
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.mark.startswith("file: "):
            (folder / block.mark.removeprefix("file: ")).write_text(block.text, encoding="utf-8")
        elif block.runs and block.kind == "python":
            done.append(
                (block, None, _call([sys.executable, "-c", block.text], folder, surroundings))
            )
        elif block.runs:
            for command in commands(block.text):
                call = ["bash", "-o", "pipefail", "-c", command.line]
                done.append((block, command, _call(call, folder, surroundings)))
    return done


def _call(call: list[str], folder: Path, surroundings: dict[str, str]) -> str:
    done = subprocess.run(
        call, cwd=folder, env=surroundings, text=True, check=False, timeout=LONGEST_S,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, f"{call[-1]}\nended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def rewrite(page: Path, done: list[tuple[Block, Command | None, str]]) -> None:
    """Put what was printed into the page, the last block first so that places stay right."""
    text = page.read_text(encoding="utf-8")
    console = {}
    for block, command, printed in done:
        if command is not None:
            console.setdefault(block, []).append((command, printed))
    for block, pairs in sorted(console.items(), key=lambda item: -item[0].start):
        kept = int(re.sub(r"\D", "", block.mark) or KEPT)
        lines = []
        for command, printed in pairs:
            output = printed.rstrip().splitlines()
            lines += [f"$ {command.line}", *(line.rstrip() for line in output[:kept])]
            lines += ["..."] if len(output) > kept else []
        text = text[: block.start] + "\n".join(lines) + "\n" + text[block.end :]
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            rewrite(Path(name), run(Path(name), Path(folder)))
        print(name)
