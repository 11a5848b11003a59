# SPDX-License-Identifier: MIT
"""All capabilities by kind, read from the registry and from each file's own docstring."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

from pages import Section, cell, prose

from unsung import registry

__all__ = ["section"]

_TITLES = {
    "attacks": ("Attacks", "What the world or an adversary does to a clip."),
    "datasets": ("Corpora", "Sets of recordings that are read as they are published."),
    "detectors": ("Detectors", "Architectures that turn a waveform into a logit."),
    "explainers": ("Explainers", "Ways from a logit back to relevance over Hz and seconds."),
    "frontends": ("Front ends", "Pictures of a waveform, with axes in Hz and seconds."),
    "generators": ("Generators", "Systems that make music from prompts."),
    "resynthesis": ("Resynthesis", "Neural and other codecs that human music is sent through."),
}
_NOTE = """
Read from the installed package when this page was made; `unsung list {kind}` prints the same list.
A new file in the kind's folder appears here by itself ([adding a capability]({up}how-to-add.md)).
"""


def section() -> Section:
    """Return a page for each kind that the registry knows."""
    made = Section()
    for kind in registry.kinds():
        title, words = _TITLES.get(kind, (kind.capitalize(), ""))
        made.add(title, f"reference/capabilities/{kind}.md", _page(kind, title, words))
    return made


def _page(kind: str, title: str, words: str) -> str:
    names = registry.names(kind)
    lines = [f"# {title}", "", f"{words} {len(names)} of them."]
    lines.append(_NOTE.format(kind=kind, up="../../"))
    lines += ["| name | in one sentence |", "|---|---|"]
    for name in names:
        lines.append(f"| [`{name}`](#{name}) | {cell(registry.summary(kind, name))} |")
    for name in names:
        lines += ["", f"## {name} {{ #{name} }}", "", prose(_docstring(kind, name))]
    return "\n".join(lines) + "\n"


def _docstring(kind: str, name: str) -> str:
    """Return the whole docstring of a capability's file, read without importing it."""
    spec = find_spec(registry.KINDS[kind])
    folder = Path(next(iter(spec.submodule_search_locations or [])))  # type: ignore[union-attr]
    path = folder / f"{name}.py"
    if not path.is_file():  # from another package, through an entry point
        return registry.summary(kind, name)
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
