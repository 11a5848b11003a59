# SPDX-License-Identifier: MIT
"""MkDocs hooks: fill the generated parts of the nav, and let no page load anything from elsewhere.

A nav line ``generated:cli`` is replaced by the pages that the maker of that name returns. They are
made from the installed package at every build, so that none can be stale.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cli_pages
import model_pages
import python_pages
import registry_pages
import rest_pages
import result_pages
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from pages import ROOT, Section

MAKERS: dict[str, Callable[[], Section]] = {
    "capabilities": registry_pages.section,
    "cli": cli_pages.section,
    "models": model_pages.section,
    "python": python_pages.section,
    "rest": rest_pages.section,
    "results": result_pages.section,
}
_MARK = "generated:"
_STRANGERS = re.compile(r"https://(?:unpkg\.com|api\.github\.com)[^\"'`]*")
_OUTSIDE = re.compile(r"\]\((?P<path>(?:\.\./)+results/[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")
_made: dict[str, str | bytes] = {}


def on_config(config: Any) -> Any:
    """Replace the marked nav lines by the pages that are made for them."""
    _made.clear()
    config.nav = [line for item in config.nav for line in _filled(item)]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the made pages; a written page of the same address would be hidden, so it is an error."""
    for address, content in _made.items():
        if files.get_file_from_path(address) is not None:
            raise PluginError(f"docs/{address} is written by hand and generated too; remove one")
        files.append(File.generated(config, address, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links to files of ``results/`` into links to where the site serves them.

    In the repository a page links to ``../results/web.md``; both readings of a page then work.
    """
    source = page.file.abs_src_path
    if source is None:
        return markdown
    here = posixpath.dirname(page.file.src_uri) or "."

    def moved(match: re.Match[str]) -> str:
        target = (Path(source).parent / match["path"]).resolve()
        address = target.relative_to(ROOT).as_posix() if target.is_relative_to(ROOT) else ""
        if address not in _made:
            return match[0]
        return f"]({posixpath.relpath(address, here)}{match['anchor'] or ''})"

    return _OUTSIDE.sub(moved, markdown)


def on_post_build(config: Any) -> None:
    """Take foreign addresses out of the theme's scripts; parts unused here would load them."""
    for path in Path(config.site_dir).glob("assets/javascripts/**/*.js"):
        text = path.read_text(encoding="utf-8")
        path.write_text(_STRANGERS.sub("", text), encoding="utf-8")
    for path in Path(config.site_dir).glob("assets/**/*.map"):
        path.unlink()  # debugging aids with a second copy of the theme's sources


def _filled(item: Any) -> list[Any]:
    if isinstance(item, str):
        return _lines(item) if item.startswith(_MARK) else [item]
    ((title, value),) = item.items()
    if isinstance(value, list):
        return [{title: [line for inner in value for line in _filled(inner)]}]
    if isinstance(value, str) and value.startswith(_MARK):
        return [{title: _lines(value)}]
    return [item]


def _lines(mark: str) -> list[dict[str, str]]:
    name = mark.removeprefix(_MARK)
    if name not in MAKERS:
        raise PluginError(f"mkdocs.yml: no maker of pages named '{name}'; there is {list(MAKERS)}")
    section = MAKERS[name]()
    _made.update(section.pages)
    return section.nav
