# SPDX-License-Identifier: MIT
"""Text that others wrote: which encoding it has, JSON of any depth, and how it may be shown."""

from __future__ import annotations

import codecs
import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

__all__ = [
    "CODE_PAGES",
    "LONGEST_LINE",
    "as_path_text",
    "code_page_readings",
    "has_raw_bytes",
    "numbered_lines",
    "one_line",
    "open_text",
    "parse_json",
    "printable",
]

CODE_PAGES = (
    *("cp1252", "cp1250", "cp1251", "cp932", "gb18030", "cp949", "cp950"),
    *("cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp866", "cp850"),
)
"""What lists and tables that are not Unicode may be written in, Windows' own first."""

LONGEST_LINE = 10_000_000
"""Characters; notes and lyrics in one cell pass 100 000, a file without any line end is no list."""

_HEAD_BYTES = 65536
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like UTF-16's: looked for first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_RAW = re.compile("[\udc80-\udcff]")
_BREAKING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def parse_json(text: str | bytes) -> Any:
    """Return the value that JSON text holds.

    Raises:
        ValueError: it is no JSON, or nested deeper than this machine can follow (Python itself
            raises a RecursionError there, which no caller expects of a file).

    >>> parse_json('{"a": [1]}')
    {'a': [1]}
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("JSON nested too deeply; expected a few levels") from error


def printable(text: str) -> str:
    r"""Return text that cannot move the cursor or break the line, whatever a file is called.

    >>> printable("a\x1b[2Jb\n")
    'a\\x1b[2Jb\\n'
    """
    safe = "".join(c if c.isprintable() or c == " " else repr(c)[1:-1] for c in text)
    return safe.encode("utf-8", "backslashreplace").decode()


def one_line(text: str) -> str:
    r"""Return text without control characters and line breaks of any kind, these as escapes.

    Milder than `printable`: spaces of all widths and joiners of letters stay.

    >>> one_line("a\r\x85\u2028b\u3000c")
    'a\\r\\x85\\u2028b\u3000c'
    """
    return _BREAKING.sub(lambda found: repr(found[0])[1:-1], text)


def open_text(path: str | os.PathLike[str], newline: str | None = "\n") -> TextIO:
    """Open a text file that others wrote.

    UTF-8 and UTF-16 are recognised, with and without a byte order mark. Of anything else, ASCII
    is read and other bytes stay as they are (``surrogateescape``): see `code_page_readings`.

    Args:
        path: a regular file; a pipe would be waited for without end.
        newline: as for `open`; by default lines end with a line feed and with nothing else.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise OSError("this is no regular file")
    with Path(path).open("rb") as file:
        encoding = _encoding(file.read(_HEAD_BYTES))
    errors = "surrogateescape" if encoding.startswith("utf-8") else "surrogatepass"
    return Path(path).open(encoding=encoding, errors=errors, newline=newline)


def numbered_lines(stream: TextIO) -> Iterator[tuple[int, str]]:
    """Yield each line with its number from 1; memory stays bounded whatever the file is.

    Raises:
        ValueError: a line is longer than `LONGEST_LINE`, or does not fit the encoding.
    """
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise ValueError(f"line {number} is longer than {LONGEST_LINE} characters")
        yield number, line


def has_raw_bytes(text: str) -> bool:
    """Say whether text of `open_text` holds bytes that are no Unicode."""
    return _RAW.search(text) is not None


def code_page_readings(text: str) -> Iterator[tuple[str, str]]:
    r"""Yield (code page, text) for every code page that gives the raw bytes a meaning.

    >>> dict(code_page_readings("caf\udce9"))["cp1252"]
    'café'
    """
    raw = text.encode("utf-8", "surrogateescape")
    for page in CODE_PAGES:
        try:
            yield page, raw.decode(page)
        except UnicodeDecodeError:
            continue


def as_path_text(text: str, page: str) -> str:
    """Return text with its raw bytes read in a code page; unchanged where that is impossible."""
    if not page or not has_raw_bytes(text):
        return text
    return dict(code_page_readings(text)).get(page, text)


def _encoding(head: bytes) -> str:
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    even, odd = head[::2].count(0), head[1::2].count(0)
    if even + odd > len(head) / 20 and max(even, odd) > 9 * min(even, odd):
        # Line ends and the letters of ".mp3" have a zero byte each, always on the same side.
        return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8"
