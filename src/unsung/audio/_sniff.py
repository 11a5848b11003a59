# SPDX-License-Identifier: MIT
"""Recognises by their first bytes the contents that are no sound, to name them in an error."""

from __future__ import annotations

import re

__all__ = ["foreign", "plain_text", "shown"]

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"PK\x07\x08", "a spanned ZIP archive"),
    (b"%PDF-", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"(\xb5/\xfd", "a zstd archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"\x7fELF", "a program"),
    (b"MThd", "a MIDI file (notes, no sound)"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a Microsoft Office document"),
    (b"{\\rtf", "an RTF document"),
    (b"-----BEGIN ", "a PEM key or certificate"),
)
_HTML = re.compile(rb"<!doctype html|<html|<head|<body|<script", re.IGNORECASE)
_ENCRYPTED = 1  # bit 0 of a ZIP entry's flags


def shown(name: str) -> str:
    r"""Return a file name that can be printed anywhere (undecodable bytes as escapes).

    >>> shown("caf\udce9.mp3")
    'caf\\udce9.mp3'
    """
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def foreign(head: bytes) -> str:  # noqa: PLR0911  # one return a kind reads best
    """Name a content that certainly is no sound, or return "".

    >>> foreign(b"%PDF-1.7")
    'a PDF document'
    """
    for magic, what in _MAGIC:
        if head.startswith(magic):
            if what == "a ZIP archive" and len(head) > 7 and head[6] & _ENCRYPTED:
                return "a password-protected ZIP archive"
            return what
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "a WebP picture"
    if head[257:262] == b"ustar":
        return "a tar archive"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"#EXTM3U"):
        return "a playlist (give it a name that ends in .m3u8 to scan what it lists)"
    if text.startswith((b"<?xml", b"<svg")):
        return "an HTML page" if _HTML.search(text[:1024]) else "an XML document"
    if text.startswith(b"<") and _HTML.match(text):
        return "an HTML page"
    return ""


def plain_text(head: bytes) -> bool:
    """Return whether the bytes read as text (used only after every decoder refused them)."""
    if not head or b"\x00" in head:
        return False
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # not just a character cut by the end of the piece
            return False
        text = head[: error.start].decode("utf-8")
    return all(sign.isprintable() or sign in "\t\r\n\f" for sign in text)
