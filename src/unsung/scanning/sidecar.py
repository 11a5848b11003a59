# SPDX-License-Identifier: MIT
"""Writes a verdict beside a file or, asked for by name, into its tags; never by itself.

A sidecar is ``song.mp3.unsung.json``: the row of the scan, written whole or not at all. Tags are
written to a copy that takes the file's place when its sound has been decoded and found the same,
sample by sample. MP3 (ID3v2.3 and 2.4, user text frames) and FLAC (Vorbis comments) only: their
tags stand apart from the sound. For every other format use the sidecar.

Sources: id3.org "ID3 tag version 2.4.0 – Main Structure" and 2.3.0; RFC 9639 section 8 (FLAC).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from unsung.audio.read import open_audio, sha256_file
from unsung.errors import UnsungError
from unsung.scanning.settings import FileFacts, Row
from unsung.types import Score

__all__ = ["SUFFIX", "Marker", "TagError", "tag_values", "write_sidecar", "write_tags"]

SUFFIX = ".unsung.json"
PREFIX = "UNSUNG_"
_BLOCK_S = 2.0
_COMMENT, _PADDING = 4, 1  # FLAC block types
_LAST = 0x80


class TagError(UnsungError):
    """Tags cannot be written into this file; it was left as it is."""


@dataclass
class Marker:
    """Marks each judged file as a scan goes on; what cannot be marked is told and left alone.

    Attributes:
        sidecar: write a sidecar beside the file.
        tags: write the verdict into the file; the row then carries the new bytes' hash.
        refused: told why a file was left as it is.
        n_refused: how many were.
    """

    sidecar: bool = False
    tags: bool = False
    refused: Callable[[str], None] = lambda _: None
    n_refused: int = 0

    def __call__(self, row: Row) -> Row:
        """Mark a row's file and return the row as the file now stands."""
        path = Path(row.score.path)
        if row.score.state in ("failed", "unrated") or not path.is_file():
            return row
        try:
            if self.tags and write_tags(row.score):
                score = replace(row.score, sha256=sha256_file(path))
                state, facts = path.stat(), row.facts or FileFacts()
                facts = replace(facts, size_bytes=state.st_size, modified_ns=state.st_mtime_ns)
                row = replace(row, score=score, facts=facts)
            if self.sidecar:
                write_sidecar(row.score)
        except (UnsungError, OSError) as error:
            self.n_refused += 1
            self.refused(str(error))
        return row


def write_sidecar(score: Score) -> Path:
    """Write the score beside its file and return the sidecar's path; an older one is replaced."""
    target = Path(score.path + SUFFIX)
    text = json.dumps(score.to_dict(), indent=2, ensure_ascii=True) + "\n"
    _replace(target, lambda path: path.write_text(text, encoding="utf-8"))
    return target


def tag_values(score: Score) -> dict[str, str]:
    """Return the tags of a verdict; a probability never goes without its calibration set."""
    values = {
        "VERDICT": score.verdict or "undecided",
        "LOGIT": "" if score.logit is None else f"{score.logit:.4f}",
        "FALSE_ALARM_RATE": "" if score.false_alarm_rate is None else f"{score.false_alarm_rate:g}",
        "DETECTOR": score.detector,
        "REASON": score.reason,
    }
    if score.probability is not None and score.calibration:
        values["PROBABILITY"] = f"{score.probability:.4f}"
        values["CALIBRATION"] = f"{score.calibration}; prior {score.prior:g}"
    return {PREFIX + name: value for name, value in values.items() if value}


def write_tags(score: Score) -> bool:
    """Write the verdict into the file's own tags; the sound stays bit-identical.

    Returns:
        Whether the file was changed: one that holds this verdict already is left alone.

    Raises:
        TagError: another format, tags we cannot edit safely, or a copy that decodes differently.
    """
    path = Path(score.path)
    values = tag_values(score)
    with path.open("rb") as file:
        head = file.read(10)
    if head[:4] == b"fLaC":
        edit = _flac
    elif head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):
        edit = _mp3
    else:
        raise TagError(f"{path}: tags are written into MP3 and FLAC only; use --sidecar")
    changed = True

    def write(copy: Path) -> None:
        nonlocal changed
        edit(path, copy, values)
        changed = sha256_file(copy) != sha256_file(path)
        if changed and _sound(copy) != _sound(path):
            raise TagError(f"{path}: the tagged copy decodes differently; the file stays as it is")

    _replace(path, write, lambda: changed)
    return changed


def _replace(
    target: Path, write: Callable[[Path], object], wanted: Callable[[], bool] = lambda: True
) -> None:
    """Write a file beside the target and let it take its place, safe against a power loss."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".unsung-", suffix=target.suffix)
    os.close(handle)
    copy = Path(name)
    try:
        write(copy)
        if not wanted():
            return
        if target.exists():
            shutil.copystat(target, copy)
        else:
            umask = os.umask(0)
            os.umask(umask)
            copy.chmod(0o666 & ~umask)
        os.utime(copy)
        with copy.open("rb") as file:
            os.fsync(file.fileno())
        copy.replace(target)
    finally:
        copy.unlink(missing_ok=True)


def _sound(path: Path) -> str:
    """Hash every decoded sample, with rate and channels."""
    digest = hashlib.sha256()
    with open_audio(path, str(path)) as stream:
        digest.update(f"{stream.info.sample_rate_hz}/{stream.info.channels}".encode())
        for block in stream.blocks(_BLOCK_S, mono=False):
            digest.update(block.tobytes())
    return digest.hexdigest()


def _mp3(path: Path, copy: Path, values: dict[str, str]) -> None:
    """Put user text frames into the ID3v2 tag before the sound; the sound's bytes are copied."""
    with path.open("rb") as source, copy.open("wb") as target:
        head = source.read(10)
        version, frames = 4, b""
        if head[:3] == b"ID3":
            version, flags = head[3], head[5]
            if version not in (3, 4) or flags:
                raise TagError(
                    f"{path}: an ID3v2.{version} tag with flags {flags:#04x} cannot be edited "
                    "safely; use --sidecar"
                )
            frames = _others(path, source.read(_syncsafe(head[6:10])), version)
        else:
            source.seek(0)
        for name, value in values.items():
            frames += _user_text(name, value, version)
        target.write(b"ID3" + bytes((version, 0, 0)) + _to_syncsafe(len(frames)) + frames)
        shutil.copyfileobj(source, target, 1 << 20)


def _others(path: Path, body: bytes, version: int) -> bytes:
    """Return all frames but our own; padding is dropped."""
    at, kept = 0, b""
    while at + 10 <= len(body) and body[at] != 0:
        name, raw = body[at : at + 4], body[at + 4 : at + 8]
        size = _syncsafe(raw) if version == 4 else int.from_bytes(raw, "big")
        end = at + 10 + size
        if not name.isalnum() or size == 0 or end > len(body):
            raise TagError(f"{path}: its ID3 tag is damaged; use --sidecar")
        ours = name == b"TXXX" and PREFIX.encode() in body[at + 10 : at + 30].replace(b"\0", b"")
        if not ours:
            kept += body[at:end]
        at = end
    return kept


def _user_text(name: str, value: str, version: int) -> bytes:
    """Return a TXXX frame in UTF-16, which both versions know."""
    text = "".join(f"\ufeff{part}" for part in (name + "\0", value))
    data = b"\x01" + text.encode("utf-16-le")
    size = _to_syncsafe(len(data)) if version == 4 else len(data).to_bytes(4, "big")
    return b"TXXX" + size + b"\0\0" + data


def _syncsafe(data: bytes) -> int:
    return sum((byte & 0x7F) << shift for byte, shift in zip(data, (21, 14, 7, 0), strict=True))


def _to_syncsafe(number: int) -> bytes:
    if number >= 1 << 28:
        raise TagError("a tag of 256 MB or more cannot be written; use --sidecar")
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def _flac(path: Path, copy: Path, values: dict[str, str]) -> None:
    """Rewrite the comment block; every other block and the frames are copied as they are."""
    with path.open("rb") as source, copy.open("wb") as target:
        source.read(4)
        blocks: list[tuple[int, bytes]] = []
        last = False
        while not last:
            head = source.read(4)
            size = int.from_bytes(head[1:], "big")
            data = source.read(size)
            if len(head) < 4 or len(data) < size:
                raise TagError(f"{path}: its FLAC header is damaged; use --sidecar")
            last = bool(head[0] & _LAST)
            blocks.append((head[0] & ~_LAST, data))
        old = next((data for kind, data in blocks if kind == _COMMENT), None)
        kept = [item for item in blocks if item[0] not in (_COMMENT, _PADDING)]
        kept.insert(1, (_COMMENT, _comments(path, old, values)))  # STREAMINFO comes first
        target.write(b"fLaC")
        for number, (kind, data) in enumerate(kept, start=1):
            mark = kind | (_LAST if number == len(kept) else 0)
            target.write(bytes((mark,)) + len(data).to_bytes(3, "big") + data)
        shutil.copyfileobj(source, target, 1 << 20)


def _comments(path: Path, old: bytes | None, values: dict[str, str]) -> bytes:
    vendor, lines = b"unsung", list[bytes]()
    if old is not None:
        try:
            vendor, at = _text(old, 0)
            count, at = int.from_bytes(old[at : at + 4], "little"), at + 4
            for _ in range(count):
                line, at = _text(old, at)
                if not line.upper().startswith(PREFIX.encode()):
                    lines.append(line)
        except IndexError as error:
            raise TagError(f"{path}: its comments are damaged; use --sidecar") from error
    lines += [f"{name}={value}".encode() for name, value in values.items()]
    packed = b"".join(len(line).to_bytes(4, "little") + line for line in lines)
    head = len(vendor).to_bytes(4, "little") + vendor + len(lines).to_bytes(4, "little")
    if len(head) + len(packed) >= 1 << 24:
        raise TagError(f"{path}: its comments leave no room; use --sidecar")
    return head + packed


def _text(data: bytes, at: int) -> tuple[bytes, int]:
    end = at + 4 + int.from_bytes(data[at : at + 4], "little")
    if at + 4 > len(data) or end > len(data):
        raise IndexError
    return data[at + 4 : end], end
