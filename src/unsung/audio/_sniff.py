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
    if head.startswith(_EBML):
        return _locked_matroska(file)
    if any(_packets(head, *form) for form in _TS_FORMS):
        return _locked_ts(file, head)
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
_EBML = b"\x1aE\xdf\xa3"
_SEGMENT, _TRACKS, _TRACK, _TYPE, _CLUSTER = 0x18538067, 0x1654AE6B, 0xAE, 0x83, 0x1F43B675
_ENCRYPTION = (0x6D80, 0x6240, 0x5035)  # ContentEncodings, ContentEncoding, ContentEncryption
_AUDIO_TRACK = b"\x02"
_SYNC, _PID, _PAYLOAD = 0x47, 0x1FFF, 0x10
_TS_FORMS = ((188, 0), (192, 4), (204, 0))  # bytes of a packet, and of those before its sync byte
_TS_BYTES = 1 << 20
_TS_LOCKED = (0xC1, 0xC2, 0xCF)  # AC-3, E-AC-3 and AAC with encrypted samples (HLS)
_TS_AUDIO = (0x03, 0x04, 0x0F, 0x11, 0x1C, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x87, *_TS_LOCKED)


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


def _locked_matroska(file: BinaryIO) -> str:
    """Look for an encoding that is encryption in every audio track before the first cluster."""
    locks: list[bool] = []
    for segment in _elements(file, 0, file.seek(0, os.SEEK_END), _SEGMENT):
        for tracks in _elements(file, *segment, _TRACKS):
            for track in _elements(file, *tracks, _TRACK):
                kinds = [file.seek(at) and file.read(1) for at, _ in _elements(file, *track, _TYPE)]
                if kinds == [_AUDIO_TRACK]:
                    locks.append(any(True for _ in _below(file, track, _ENCRYPTION)))
    return "its sound is encrypted (Matroska, WebM)" if locks and all(locks) else ""


def _below(file: BinaryIO, at: tuple[int, int], path: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    for found in _elements(file, *at, path[0]):
        yield from _below(file, found, path[1:]) if path[1:] else (found,)


def _elements(file: BinaryIO, at: int, end: int, wanted: int) -> Iterator[tuple[int, int]]:
    """Yield where the content of each EBML element of this kind begins and ends."""
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(12)
        width = 9 - head[0].bit_length() if head else 9
        if at >= end or width > 4 or len(head) <= width or not head[width]:
            return
        kind = int.from_bytes(head[:width], "big")
        length = 9 - head[width].bit_length()
        most = (1 << 7 * length) - 1
        size = int.from_bytes(head[width : width + length], "big") & most
        start = at + width + length
        stop = min(end, start + size) if size != most else end  # all ones: not known
        if kind == wanted:
            yield start, stop
        elif kind == _CLUSTER:
            return
        at = stop


def _locked_ts(file: BinaryIO, head: bytes) -> str:
    """Look whether most packets of every audio stream are scrambled, or its type says so."""
    form = next(form for form in _TS_FORMS if _packets(head, *form))
    file.seek(0)
    packets = _packets(file.read(_TS_BYTES), *form)
    audio: dict[int, int] = {}  # packet identifier → type of stream
    for program in _sections(packets, {0}, b"\x00"):
        for at in range(8, len(program) - 4, 4):
            maps = {int.from_bytes(program[at + 2 : at + 4], "big") & _PID}
            for section in _sections(packets, maps, b"\x02"):
                audio |= {pid: kind for kind, pid in _streams(section) if kind in _TS_AUDIO}
    locks = []
    for pid, kind in audio.items():
        own = [p[3] >> 6 != 0 for p in packets if _pid(p) == pid and p[3] & _PAYLOAD]
        if own:
            locks.append(kind in _TS_LOCKED or 2 * sum(own) > len(own))
    return "its sound is encrypted (scrambled MPEG-TS)" if locks and all(locks) else ""


def _packets(data: bytes, size: int, before: int) -> list[bytes]:
    """Cut MPEG-TS into its packets; none where the first few do not begin with its sync byte."""
    found = [data[at : at + 188] for at in range(before, len(data) - 187, size)]
    return found if len(found) > 3 and all(p[0] == _SYNC for p in found[:8]) else []


def _sections(packets: list[bytes], pids: set[int], table: bytes) -> Iterator[bytes]:
    """Yield the tables of a kind that begin and end in one packet, as those of programs do."""
    for packet in packets:
        if _pid(packet) in pids and packet[1] & 0x40 and packet[3] & _PAYLOAD:
            at = 5 + packet[4] if packet[3] & 0x20 else 4  # behind an adaptation field
            section = packet[at + 1 + packet[at] :] if at < len(packet) else b""
            if section[:1] == table:
                yield section[: 3 + (int.from_bytes(section[1:3], "big") & 0x0FFF)]
                return


def _streams(section: bytes) -> Iterator[tuple[int, int]]:
    """Yield type and packet identifier of each stream of a program."""
    at = 12 + (int.from_bytes(section[10:12], "big") & 0x0FFF)
    while at + 5 <= len(section) - 4:
        yield section[at], int.from_bytes(section[at + 1 : at + 3], "big") & _PID
        at += 5 + (int.from_bytes(section[at + 3 : at + 5], "big") & 0x0FFF)


def _pid(packet: bytes) -> int:
    return int.from_bytes(packet[1:3], "big") & _PID


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
