# SPDX-License-Identifier: MIT
"""A client's file name as it may stand in answers: its last part, printable, short.

It is never used as a path: uploads are stored under names of our own.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import urlsplit

__all__ = ["shown_address", "shown_name"]

_LONGEST = 120


def shown_name(raw: str) -> str:
    r"""Return a name without folders, control characters and direction marks.

    >>> shown_name("..\\..\\etc/pass\x00wd\u202e.mp3")
    'passwd.mp3'
    >>> shown_name("../")
    'upload'
    """
    last = raw.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    kept = "".join(c for c in last if unicodedata.category(c)[0] != "C")
    kept = unicodedata.normalize("NFC", kept).strip()
    if len(kept) > _LONGEST:  # the suffix says more than the middle
        kept = kept[: _LONGEST - 12] + "…" + kept[-11:]
    return kept if kept.strip(".") else "upload"


def shown_address(url: str) -> str:
    """Return an address without its query and fragment, which often hold secrets.

    >>> shown_address("https://example.org/a/song.mp3?token=1")
    'https://example.org/a/song.mp3'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"[:500]
