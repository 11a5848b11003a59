# SPDX-License-Identifier: MIT
"""Shows doctests as code: an extension of Griffe, which reads the docstrings for the reference."""

from __future__ import annotations

import re
from typing import Any

import griffe

__all__ = ["Doctests", "fenced"]

_DOCTEST = re.compile(r"^( *)>>> .*(?:\n(?! *$).*)*", flags=re.MULTILINE)


class Doctests(griffe.Extension):
    """Puts a fence around every doctest; Markdown would take its signs for quotations."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of one object, when it is complete."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text: str) -> str:
    """Return text with a fence around each paragraph that begins with a prompt."""
    return _DOCTEST.sub(r"\n\1```pycon\n\g<0>\n\1```", text)
