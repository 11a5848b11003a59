# SPDX-License-Identifier: MIT
"""A fingerprint of the code behind an attack: what was measured with other code is another result.

Hashed are an attack's own file and, followed through its imports, the package's modules that it
builds on: helpers of attacks, and the reading, writing and resampling that codecs use. An attack of
another package counts with its own file and what that imports from this one. Unit: SHA-256 in hex.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from unsung.attacks._batteries import ChainLadder
from unsung.attacks._chain import parse
from unsung.attacks.base import Attack

__all__ = ["code_sha256", "source_files"]

_STORIES = ("unsung.attacks.", "unsung.audio.")


def code_sha256(
    attack: Attack | type[Attack] | ChainLadder | Iterable[type[Attack]], also: Iterable[Path] = ()
) -> str:
    """Return the hash over the source of an attack, of several, or of a ladder of chains.

    Args:
        attack: what makes the sound.
        also: further files that the sound depends on.
    """
    if isinstance(attack, ChainLadder):
        kinds = {type(step.attack) for text in attack.chains for step in parse(text).steps}
    elif isinstance(attack, Attack):
        kinds = {type(attack)}
    else:
        kinds = {attack} if isinstance(attack, type) else set(attack)
    files = {path for kind in kinds for path in source_files(kind)} | set(also)
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda item: (item.name, str(item))):
        digest.update(f"{path.name}\0".encode() + _content(path))
    return digest.hexdigest()


def source_files(kind: type[Attack]) -> set[Path]:
    """Return an attack's source file and those of the package's modules that it builds on."""
    try:
        start = Path(inspect.getfile(kind))
    except (OSError, TypeError):  # typed at a prompt: the name is all there is
        start = Path(kind.__module__) / kind.__qualname__
    found: set[Path] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(path)
    return found


@functools.cache
def _imported(path: Path) -> tuple[Path, ...]:
    """Return the files of the package's modules that a file imports by name."""
    names = []
    for node in ast.walk(ast.parse(_content(path))) if path.is_file() else ():
        if isinstance(node, ast.Import):
            names += [item.name for item in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
            names += [f"{node.module}.{item.name}" for item in node.names]
    files = (_file(name) for name in names if name.startswith(_STORIES))
    return tuple(file for file in files if file is not None)


def _file(module: str) -> Path | None:
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:  # the name of a class or a function, not of a module
        return None
    return Path(spec.origin) if spec is not None and spec.origin else None


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else str(path).encode()
