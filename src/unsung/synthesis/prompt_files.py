# SPDX-License-Identifier: MIT
"""Files of prompts: written with resume after a kill, read as records or as lines of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from unsung.core.records import Journal
from unsung.errors import ManifestError, UnknownName, UnsungError
from unsung.outputs import Kind, lines_with
from unsung.synthesis.lyrics import Writer
from unsung.synthesis.prompts import Plan, Prompt, make_prompt, prompt_id, sound_seed
from unsung.text import parse_json

__all__ = ["PROBLEMS", "PROMPTS", "problems_path", "read_prompts", "write_prompts"]

PROMPTS = Kind("prompts", (".jsonl",), lines_with("id", "kind", "style", "lyrics"))
PROBLEMS = Kind("prompts that failed", (".jsonl",), lines_with("id", "error", "message"))


def problems_path(prompts: Path) -> Path:
    """Return where the prompts that failed are listed: ``NAME.problems.jsonl``."""
    return prompts.with_name(f"{prompts.stem}.problems.jsonl")


def write_prompts(
    path: Path,
    n: int,
    plan: Plan,
    writer: Writer,
    *,
    progress: Callable[[int, int, int], None] | None = None,
    fatal: tuple[type[UnsungError], ...] = (),
) -> tuple[int, int]:
    """Append prompts until the file holds all n of the plan; return how many it has and failed.

    What is there is kept, so a killed run goes on. A song that could not be written is a line in
    ``<name>.problems.jsonl`` and is tried again next time.

    Args:
        path: JSON Lines file of prompts.
        n: how many prompts the file is to hold.
        plan: how they are drawn.
        writer: who writes the lyrics.
        progress: called with done, failed and n after each.
        fatal: errors after which going on is useless (key refused, budget spent).
    """
    failed = 0
    troubles = problems_path(path)
    with (
        Journal(path, error=ManifestError) as kept,
        Journal(troubles, error=ManifestError) as problems,
    ):
        there = {row.get("id") for row in kept.rows}
        done = 0
        for index in range(n):
            if prompt_id(plan, index) not in there:
                try:
                    kept.append(make_prompt(plan, index, writer).to_dict())
                except fatal:
                    raise
                except UnsungError as error:
                    failed += 1
                    row = {"id": prompt_id(plan, index), "error": type(error).__name__}
                    problems.append({**row, "message": str(error)})
            done = index + 1 - failed
            if progress:
                progress(done, failed, n)
    if not problems.rows:
        troubles.unlink()
    return done, failed


def read_prompts(path: Path, seed: int = 0) -> Iterator[Prompt]:
    """Read prompts: JSON Lines of records, or a text file with one style a line.

    Lines of text get sound seeds that follow from `seed`; records keep their own.

    Raises:
        ManifestError: no such file, or a line that is no prompt; the message names it.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: cannot be read as a list of prompts ({error})") from error
    seen: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if path.suffix.lower() == ".txt":
            prompt = Prompt(
                f"{path.stem}-{number:05d}", "full", line.strip(), seed=sound_seed(seed, number)
            )
        else:
            try:
                prompt = Prompt.from_dict(parse_json(line))
            except (ValueError, TypeError, AttributeError, UnknownName) as error:
                raise ManifestError(f"{path}, line {number}: no prompt record ({error})") from error
        if prompt.id in seen:
            raise ManifestError(f"{path}, line {number}: the id '{prompt.id}' came before")
        seen.add(prompt.id)
        yield prompt
