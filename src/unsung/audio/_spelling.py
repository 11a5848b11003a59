# SPDX-License-Identifier: MIT
"""Finds the file that an entry of a list means: programs and systems write paths in their own ways.

What exists decides. As written comes first, so that no odd name is read as something else; then the
forms of other writers: ``file:`` addresses, percent signs, code pages, backslashes, drive letters,
our own CSV escapes, and at last names that differ only in composed letters or in case.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from unsung.audio.folders import Entry, entries, look
from unsung.text import code_page_readings, has_raw_bytes

__all__ = ["Finder"]

_DRIVE = re.compile(r"[A-Za-z]:[\\/]|[\\/]")
_ESCAPE = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|[nrt])")
_SIGNS = {"n": "\n", "r": "\r", "t": "\t"}
_MOST_FOLDERS = 64  # whose names are kept while one list is read


class Finder:
    """Finds files for the entries of one list.

    Args:
        folder: where the list lies; "" is where the program runs.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._names: dict[str, list[str]] = {}

    def find(self, entry: str) -> Entry | None:
        """Return what an entry means; None where nothing of any spelling is there."""
        places = list(dict.fromkeys(p for form in _spellings(entry) for p in self._places(form)))
        barred = None
        for place in places:
            found = look(place)
            if found is not None and found.kind in ("file", "folder", "special"):
                return found
            barred = barred or found
        return barred or next((e for place in places if (e := self._alike(place))), None)

    def beside(self, entry: str) -> str:
        """Return the path of an entry as written, from the list's folder on."""
        return os.path.join(self._folder, entry)  # noqa: PTH118  # absolute ones stay as they are

    def _places(self, form: str) -> Iterator[str]:
        yield self.beside(form)
        yield form  # written relative to where the program runs
        rooted = _DRIVE.match(form)
        if rooted is not None and os.path.splitdrive(form)[0] == "":
            # A drive or card that is mounted elsewhere: the list lies on it, too.
            inner = form[rooted.end() :].lstrip("\\/")
            here = Path(self._folder or ".").absolute()
            yield from (str(above / inner) for above in (here, *here.parents))

    def _alike(self, place: str) -> Entry | None:
        """Follow a path name by name, taking one that alone differs by composition or case."""
        path = Path(place)
        at = path.anchor
        for part in path.parts[bool(at) :]:
            exact = os.path.join(at, part)  # noqa: PTH118
            if os.path.lexists(exact):
                at = exact
                continue
            names = self._listed(at)
            same = [name for name in names if _composed(name) == _composed(part)]
            same = same or [
                n for n in names if _composed(n).casefold() == _composed(part).casefold()
            ]
            if len(same) != 1:
                return None
            at = os.path.join(at, same[0])  # noqa: PTH118
        return look(at)

    def _listed(self, folder: str) -> list[str]:
        if folder not in self._names:
            if len(self._names) >= _MOST_FOLDERS:
                self._names.clear()
            self._names[folder] = [e.name for e in entries(folder or ".") if e.kind != "fault"]
        return self._names[folder]


def _spellings(entry: str) -> list[str]:
    """Return the forms an entry may stand for, as written first."""
    local = _local(entry)
    forms = [local, local.strip(" \t")]
    forms += [unquote(form, errors="surrogateescape") for form in forms if "%" in form]
    for form in list(forms):
        if has_raw_bytes(form):
            forms += [text for _, text in code_page_readings(form)]
    if os.sep == "/":
        forms += [form.replace("\\", "/") for form in forms if "\\" in form]
    if "\\" in local:
        forms.append(_ESCAPE.sub(_unescaped, local))
    return list(dict.fromkeys(forms))


def _local(entry: str) -> str:
    """Turn a ``file:`` address into a path; leave everything else."""
    if not entry.lstrip().lower().startswith("file:"):
        return entry
    path = unquote(entry.strip()[5:], errors="surrogateescape")
    if path.startswith("//"):
        host, _, path = path[2:].partition("/")
        path = f"/{path}" if host in ("", "localhost") else f"//{host}/{path}"
    return path[1:] if path[2:3] == ":" else path  # /C:/music


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    return _SIGNS.get(code) or chr(int(code[1:], 16))


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
