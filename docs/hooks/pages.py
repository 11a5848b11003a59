# SPDX-License-Identifier: MIT
"""What every maker of generated pages returns: pages by address, and their lines of the nav."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["ROOT", "Section", "cell", "prose"]

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Section:
    """One generated part of the site.

    Attributes:
        pages: address below the site's root → Markdown, or bytes of a file that is served as it is.
        nav: lines as in ``mkdocs.yml``, one mapping of title and address a page.
    """

    pages: dict[str, str | bytes] = field(default_factory=dict)
    nav: list[dict[str, str]] = field(default_factory=list)

    def add(self, title: str, address: str, text: str) -> None:
        """Add a page that stands in the nav."""
        self.pages[address] = text
        self.nav.append({title: address})


def prose(text: str) -> str:
    """Return a docstring's text as Markdown: what stands in backticks stays, the rest is inert."""
    parts = re.split(r"(``.+?``|`.+?`)", text, flags=re.DOTALL)
    return "".join(part if at % 2 else _inert(part) for at, part in enumerate(parts))


def cell(text: object) -> str:
    """Return text for one cell of a Markdown table."""
    return prose(" ".join(str(text).split())).replace("|", "\\|")


def _inert(text: str) -> str:
    return re.sub(r"([\[\]*_])", r"\\\1", html.escape(text, quote=False))
