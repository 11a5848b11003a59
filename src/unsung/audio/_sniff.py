# SPDX-License-Identifier: MIT
"""Recognises contents that are no sound or are locked, to name them in an error."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["foreign", "locked", "plain_text", "shown"]

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
_BOXES = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_LOCKED = {
    b"enca": "its sound is encrypted (Common Encryption, as streaming services use)",
    b"drms": "its sound is encrypted (FairPlay, as in old iTunes purchases)",
    b"aavd": "its sound is encrypted (Audible)",
}
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_LOCKS = (
    bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e"),  # Content Encryption
    bytes.fromhex("14e68a292226174cb935dae07ee9289c"),  # Extended Content Encryption
)
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


def locked(file: BinaryIO, head: bytes) -> str:
    """Say how the sound is locked, or return ""; one open track is enough to be judged.

    FFmpeg would decode the locked bytes to noise, or to a few packets by chance.
    """
    if head.startswith(_ASF):
        return "its sound is encrypted (Windows Media)" if any(
            mark in head for mark in _ASF_LOCKS
        ) else ""  # fmt: skip
    if head[4:8] != b"ftyp":
        return ""
    try:
        kinds = list(_sample_kinds(file, 0, file.seek(0, os.SEEK_END), _BOXES))
    except (OSError, struct.error):
        return ""
    sounds = [kind for kind in kinds if kind in _LOCKED or kind in _OPEN]
    return _LOCKED[sounds[0]] if sounds and all(kind in _LOCKED for kind in sounds) else ""


_OPEN = (b"mp4a", b"alac", b"ac-3", b"ec-3", b"Opus", b"fLaC", b"samr", b"sawb", b"lpcm", b".mp3")
_MOST_BOXES = 10_000


def _sample_kinds(file: BinaryIO, at: int, end: int, path: tuple[bytes, ...]) -> Iterator[bytes]:
    """Yield the four letters of each sample description down the path of boxes."""
    for _ in range(_MOST_BOXES):
        if at + 8 > end:
            return
        file.seek(at)
        size, name = struct.unpack(">I4s", file.read(8))
        start = at + 8
        if size == 1:
            size, start = struct.unpack(">Q", file.read(8))[0], at + 16
        size = size or end - at
        if size < 8:
            return
        if not path:
            yield name
        elif name == path[0]:
            inside = start + (8 if name == b"stsd" else 0)  # a version and a count come first
            yield from _sample_kinds(file, inside, min(at + size, end), path[1:])
        at += size


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
