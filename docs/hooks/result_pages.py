# SPDX-License-Identifier: MIT
"""Experiments and results: the committed pages, and for each study its question and its files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from pages import ROOT, Section, cell

__all__ = ["section"]

_SERVED = {".html", ".csv", ".jsonl", ".tex", ".png", ".json"}
_LEFT_OUT = {"scores.jsonl"}  # megabytes of rows that no reader opens in a browser
_INDEX = """\
# Results

Every figure here was measured by a command of the project, and its rows are committed beside it. A
study is one TOML file in `experiments/`; `unsung reproduce NAME` runs it again.

## Studies
| study | question | results |
|---|---|---|
{studies}

## Pages
{pages}
"""


def section() -> Section:
    """Return the index, the Markdown pages of ``results/`` and each study's own page."""
    made = Section()
    made.add("All results", "results/index.md", "")
    pages = sorted((ROOT / "results").glob("*.md"))
    for path in pages:
        made.add(_title(path), f"results/{path.name}", _linked(path))
    for path in sorted((ROOT / "results").glob("*")):
        if path.is_file() and path.suffix in _SERVED:
            made.pages[f"results/{path.name}"] = path.read_bytes()
    studies = [_study(path, made) for path in sorted((ROOT / "experiments").glob("*.toml"))]
    listed = "\n".join(f"- [{_title(path)}]({path.name})" for path in pages)
    made.pages["results/index.md"] = _INDEX.format(studies="\n".join(studies), pages=listed)
    return made


def _study(path: Path, made: Section) -> str:
    """Serve a study's files, and return its row."""
    question = tomllib.loads(path.read_text(encoding="utf-8"))["question"]
    folder = ROOT / "results" / path.stem
    links = []
    for file in sorted(folder.glob("*")) if folder.is_dir() else []:
        if file.suffix in _SERVED and file.name not in _LEFT_OUT:
            address = f"{path.stem}/{file.name}"
            made.pages[f"results/{address}"] = file.read_bytes()
            if file.suffix in {".html", ".csv", ".jsonl"}:
                kind = {".html": "page"}.get(file.suffix, file.suffix[1:])
                links.append(f"[{kind}]({address})")
    return f"| `{path.stem}` | {cell(question)} | {', '.join(links) or 'not run yet'} |"


def _title(path: Path) -> str:
    found = re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return found.group(1) if found else path.stem


def _linked(path: Path) -> str:
    """Return a page whose links to files that the site does not hold are plain text."""

    def kept(match: re.Match[str]) -> str:
        target = match.group(2)
        outside = target.startswith(("http", "#")) or (path.parent / target).exists()
        return match.group(0) if outside and not target.startswith("../") else match.group(1)

    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^)]+)\)", kept, path.read_text(encoding="utf-8"))
