# SPDX-License-Identifier: MIT
"""Reads the tags that a catalogue is sorted by: ID3, Vorbis comments, MP4 and RIFF INFO alike.

FFmpeg gives most tags common names; the rest (label, ISRC) is looked up under each format's own.
Tags are what someone wrote into the file: they are carried along and never part of a score.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from unsung.audio.tags import file_tags
from unsung.scanning.settings import Metadata

__all__ = ["read_metadata"]

_LONGEST = 300
"""Characters kept of one tag: enough for any title, not for pasted lyrics."""

_NAMES = {
    "artist": ("artist", "tpe1", "author", "performer"),
    "title": ("title", "tit2"),
    "album": ("album", "talb"),
    "album_artist": ("album_artist", "albumartist", "album artist", "tpe2"),
    "label": ("label", "publisher", "tpub", "organization", "organisation", "©pub"),
    "isrc": ("isrc", "tsrc"),
    "date": ("date", "tdrc", "tdrl", "tyer", "year", "originaldate", "creation_time"),
    "genre": ("genre", "tcon"),
}


def read_metadata(path: Path) -> Metadata:
    """Return a file's tags; empty where it has none or they cannot be read, never an error."""
    found: dict[str, str] = {}
    with suppress(Exception):  # a tag is never worth a row
        found = {
            name.lower().rpartition(":")[2]: " ".join(value.replace("\0", "; ").split())[:_LONGEST]
            for name, value in file_tags(path).items()
        }
    values = {
        field: next((found[name] for name in names if found.get(name)), "")
        for field, names in _NAMES.items()
    }
    return Metadata(**values)
