# SPDX-License-Identifier: MIT
"""Renders templates to self-contained pages: escaped, without any address to the outside.

The content security policy of each page forbids all requests and runs only our own script, known
by its hash; a tag or file name that carries a script stays text.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from unsung.core.text import clock
from unsung.outputs import Kind, output_file, replacing, text_with
from unsung.reports import words

__all__ = ["PAGE", "asset", "render", "this_command", "this_version", "write_page"]

_LONGEST_COMMAND = 300
PAGE = Kind(
    "a page of unsung",
    (".html",),
    text_with("default-src &#39;none&#39;; img-src data:", "script-src &#39;sha256-"),
)
"""Known by the policy that `render` puts into its head."""


def render(template: str, script: str, context: dict[str, Any]) -> str:
    """Return a page; ``script`` names the JavaScript file that it may run."""
    code = asset(script)
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode("ascii")
    policy = (
        "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    # Both are files of this package, not of the user: they may stand in the page as they are.
    own = {"script": Markup(code), "style": Markup(asset("style.css")), "policy": policy}
    return _environment().get_template(template).render(own | context)


def write_page(page: Path, text: str) -> Path:
    """Write a rendered page whole or not at all, and return its path.

    A file name need not be valid Unicode; what cannot be written becomes a question mark.

    Raises:
        UsageError: a file stands there that is no page of ours.
    """
    output_file(page, (), PAGE)
    with replacing(page) as part:
        part.write_bytes(text.encode("utf-8", "replace"))
    return page


@cache
def asset(name: str) -> str:
    """Return a text file of the templates folder."""
    return (_folder() / name).read_text(encoding="utf-8").strip()


@cache
def this_version() -> str:
    """Return the installed version of unsung."""
    try:
        return version("unsung")
    except PackageNotFoundError:
        return "(from source)"


def this_command() -> str:
    """Return the `unsung` command that is running, or nothing when called from Python."""
    program = Path(sys.argv[0])
    if program.stem != "unsung" and program.parts[-2:] != ("unsung", "__main__.py"):
        return ""
    text = shlex.join(["unsung", *sys.argv[1:]])
    return text if len(text) <= _LONGEST_COMMAND else text[: _LONGEST_COMMAND - 1] + "…"


def _folder() -> Path:
    return Path(__file__).parent / "templates"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_folder()),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        clock=clock,
        hertz=words.hertz,
        number=words.number,
        percent=words.percent,
        sureness=words.sureness,
    )
    return environment
