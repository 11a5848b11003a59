# SPDX-License-Identifier: MIT
"""A fingerprint of the code behind an attack: what was measured with other code is another result.

Hashed are the attack's own file, the files that attacks share, and the reading, writing and
resampling that codecs use. Unit: SHA-256 in hex.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path

from unsung.attacks._batteries import ChainLadder
from unsung.attacks._chain import parse
from unsung.attacks.base import Attack

__all__ = ["code_sha256"]


def code_sha256(attack: Attack | ChainLadder) -> str:
    """Return the hash over the source of an attack, or of every attack in a ladder of chains."""
    if isinstance(attack, ChainLadder):
        steps = [step.attack for text in attack.chains for step in parse(text).steps]
    else:
        steps = [attack]
    own = sorted({_file(type(step)) for step in steps})
    digest = hashlib.sha256(_shared().encode())
    for path in own:
        digest.update(_content(path))
    return digest.hexdigest()


def _file(kind: type[Attack]) -> str:
    import inspect

    return inspect.getsourcefile(kind) or kind.__module__


@functools.cache
def _shared() -> str:
    root = Path(__file__).parents[1]
    files: Iterable[Path] = [
        *sorted((root / "attacks").glob("_*.py")),
        root / "attacks" / "base.py",
        *sorted((root / "audio").glob("*.py")),
    ]
    digest = hashlib.sha256()
    for path in files:
        digest.update(_content(str(path)))
    return digest.hexdigest()


@functools.cache
def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:  # typed at a prompt: the name is all there is
        return path.encode()
