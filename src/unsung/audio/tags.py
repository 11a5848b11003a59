# SPDX-License-Identifier: MIT
"""Reads what a file says about its own origin: shown beside a verdict, never part of it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from unsung.audio._id3 import flooded, id3_end
from unsung.audio._length import promise
from unsung.audio._part import Part
from unsung.types import Provenance

__all__ = ["claims_ai", "file_tags", "provenance"]

_PIECE_BYTES = 256 * 1024
_TAGS_S = 0.5  # processor time after which tags are given up: FFmpeg's grows with their square
_LONGEST = 200  # characters of a value that are shown
_MP4_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # the box that C2PA 2.1 names
_JUMBF = re.compile(rb"jumb.{4}jumdc2pa|uuid" + re.escape(_MP4_UUID), re.DOTALL)
_RIFF_C2PA = re.compile(rb"C2PA.{4}.{4}jumb", re.DOTALL)
_GEOB_C2PA = re.compile(rb"application/(?:x-)?c2pa(?:-manifest-store)?\x00")
_TRAINED = re.compile(rb"trainedAlgorithmicMedia|compositeWithTrainedAlgorithmicMedia")
_ENCODER = re.compile(rb"(?:LAME ?3\.\d[\w.]{0,6}|Lavc\d[\d.]{2,14}|Lavf\d[\d.]{2,14})")

_PLAIN = (  # names that mean a generator and little else
    r"suno(?:\.ai|\.com| ai)?(?: v\d[\w.]*)?|udio(?:\.com| ai)?|music ?gen|audio ?craft"
    r"|stable audio(?: open)?(?: \d[\d.]*)?|riffusion|ace[- ]step|eleven ?labs(?: music)?"
    r"|mureka(?:\.ai)?|aiva\.ai|aiva technologies|(?-i:AIVA)|soundraw(?:\.io)?|boomy\.com"
    r"|loudly\.com|beatoven(?:\.ai)?|music ?lm|audio ?ldm ?2?|diff ?rhythm|jukebox ai"
)
_SHARED = r"(?-i:YuE)|boomy|loudly|lyria"  # also people's names or common words
_SITES = re.compile(
    r"\b(?:suno\.(?:ai|com)|suno ai|udio\.com|udio ai|musicgen|audiocraft|stable audio open"
    r"|riffusion\.com|elevenlabs music|mureka\.ai|boomy\.com|aiva\.ai|aiva technologies"
    r"|soundraw\.io|loudly\.com|beatoven\.ai|ace-step)(?!\w)",
    re.IGNORECASE,
)
_MADE = r"\b(?:made|created|generated|composed|produced|synthesi[sz]ed)\s+(?:entirely\s+)?"
_BY = re.compile(
    rf"{_MADE}(?:(?:with|by|using|via|in|on|from)\s+(?:the\s+)?(?:{_PLAIN})"
    rf"|(?:with|using|via|on)\s+(?:the\s+)?(?:{_SHARED}))(?!\w)",
    re.IGNORECASE,
)
_CLAIM = re.compile(
    r"\b(?:ai[- ]?(?:generated|created|composed|made)|artificially generated"
    r"|(?:generated|made|created|composed) (?:by|with|using) (?:an? )?"
    r"(?:ai|artificial intelligence|neural networks?))(?!\w)",
    re.IGNORECASE,
)
_DENIAL = re.compile(
    r"\b(?:not?|non|never|without|isn'?t|wasn'?t)\b[\w\s,'-]{0,24}$", re.IGNORECASE
)
_ANSWER_NO = re.compile(r"\s*[:=?]+\s*(?:no|false|0|none)\b", re.IGNORECASE)
_ALONE = re.compile(rf"\W*(?:{_PLAIN})\W*", re.IGNORECASE)
_TOOLS = ("encoder", "encoded", "tool", "software", "generator", "vendor")
_REMARKS = ("comment", "description", "copyright", "url", "website", "publisher", "creator")
_PEOPLE = ("artist", "album_artist", "composer", "performer", "title", "album")


def provenance(path: str | Path) -> tuple[Provenance, ...]:
    """Return the hints that a file carries; empty when there are none or it cannot be read.

    Reads the first and last 256 KiB and the container's metadata. Anyone can write or strip
    these: their absence means nothing.
    """
    hints: list[Provenance] = []
    with contextlib.suppress(Exception):  # a hint is never worth an error
        hints.extend(_from_bytes(*_ends(Path(path))))
    with contextlib.suppress(Exception):
        hints.extend(_from_metadata(Path(path)))
    # The container and its stream often repeat each other: one hint for one statement.
    return tuple({(hint.kind, hint.value): hint for hint in reversed(hints)}.values())[::-1]


def file_tags(path: Path) -> dict[str, str]:
    """Return a file's tags under FFmpeg's names; empty where there are far too many.

    Raises:
        OSError: it cannot be read; and what PyAV raises for contents that FFmpeg does not take.
    """
    import av

    from unsung.audio._ffmpeg import OPTIONS

    tags: dict[str, str] = {}
    with path.open("rb") as file:
        promised = promise(file)
        if promised.flood or promised.untrue:
            return tags
        part = Part(file, b"", id3_end(file) if flooded(file) else 0)
        with (
            part.opening(_TAGS_S),
            av.open(part, options=OPTIONS, metadata_errors="replace") as found,
        ):
            for stream in found.streams.audio[:1]:
                tags.update(stream.metadata)
            tags.update(found.metadata)
    return tags


def claims_ai(field: str, value: str) -> bool:
    """Return whether a tag says outright that a generator made the sound.

    A generator's bare name counts only in fields where tools sign, never as artist or title.

    >>> claims_ai("comment", "made with Suno"), claims_ai("title", "Boomy bass")
    (True, False)
    """
    key = field.lower()
    if "lyric" in key:
        return False
    claim = _CLAIM.search(value) or _BY.search(value)
    if claim is None and any(word in key for word in (*_TOOLS, *_REMARKS)):
        claim = _SITES.search(value) or _ALONE.fullmatch(value)
    if claim is None:
        return False
    denied = _DENIAL.search(value[: claim.start()]) or _ANSWER_NO.match(value, claim.end())
    return not denied


def _ends(path: Path) -> tuple[bytes, bytes]:
    with path.open("rb") as file:
        head = file.read(_PIECE_BYTES)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(len(head), size - _PIECE_BYTES))
        return head, file.read(_PIECE_BYTES)


def _from_bytes(head: bytes, tail: bytes) -> Iterator[Provenance]:
    for where, piece in (("head", head), ("tail", tail)):
        found = _JUMBF.search(piece) or _RIFF_C2PA.search(piece) or _GEOB_C2PA.search(piece)
        if found:
            ai = bool(_TRAINED.search(piece, found.start()))
            said = "trained algorithmic media" if ai else "manifest present, not verified"
            yield Provenance("c2pa", where, said, says_ai=ai)
    encoder = _ENCODER.search(head)
    if encoder:
        yield Provenance("encoder", "stream", encoder.group().decode("ascii"))


def _from_metadata(path: Path) -> Iterator[Provenance]:
    for field, value in file_tags(path).items():
        text = " ".join(value.split())
        ai = claims_ai(field, text)
        kind = _kind(field)
        named = field.lower() in _PEOPLE and (_ALONE.fullmatch(text) or _SITES.search(text))
        if text and (kind or ai or named):
            yield Provenance(kind or "tag", field.lower(), text[:_LONGEST], says_ai=ai)


def _kind(field: str) -> Literal["encoder", "tool", "comment", "c2pa", "tag"] | None:
    key = field.lower()
    if key in ("encoder", "encoded_by", "encoder_options", "vendor_id"):
        return "encoder"
    if any(word in key for word in _TOOLS):
        return "tool"
    if "comment" in key or "description" in key:
        return "comment"
    if key.startswith("c2pa"):
        return "c2pa"
    return None
