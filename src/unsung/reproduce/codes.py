# SPDX-License-Identifier: MIT
"""The hash of the code behind an attack, so that an edited attack is scored again and no other."""

from __future__ import annotations

import ast
import hashlib
import inspect
from importlib.util import find_spec
from pathlib import Path

from unsung import registry
from unsung.attacks import parse

__all__ = ["attack_files", "condition_sha256"]

_PACKAGE = "unsung.attacks"


def condition_sha256(condition: str, also: tuple[Path, ...] = ()) -> str:
    """Return the hash over the source of every attack in a chain.

    Args:
        condition: the text of a chain; presets count as their steps.
        also: further files that the sound depends on.
    """
    names = sorted({step.name for step in parse(condition).steps})
    files = {path for name in names for path in attack_files(name)}
    digest = hashlib.sha256()
    for path in sorted(files | set(also), key=lambda item: item.name):
        digest.update(f"{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def attack_files(name: str) -> set[Path]:
    """Return an attack's source file and those of the package's modules that it builds on.

    An attack of another package counts with its own file only.
    """
    kind = registry.get("attacks", name)
    start = Path(inspect.getfile(kind))
    found: set[Path] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        waiting += [file for file in map(_file, _imported(path)) if file is not None]
    return found


def _imported(path: Path) -> list[str]:
    """Return the modules of the attacks' package that a file imports by name."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [item.name for item in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
            names += [f"{node.module}.{item.name}" for item in node.names]
    return [name for name in names if name.startswith(f"{_PACKAGE}.")]


def _file(module: str) -> Path | None:
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:  # the name of a class or a function, not of a module
        return None
    return Path(spec.origin) if spec is not None and spec.origin else None
