# SPDX-License-Identifier: MIT
"""Writes a verdict beside a file or, asked for by name, into its tags; never by itself.

A sidecar is ``song.mp3.unsung.json``: the row of the scan, written whole or not at all. Tags are
written to a copy that takes the file's place when every other tag has been found the same, byte by
byte, and its sound, sample by sample. MP3 (ID3v2.3 and 2.4, user text frames) and FLAC (Vorbis
comments) only: their tags stand apart from the sound. For every other format use the sidecar.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from unsung.audio.read import open_audio, sha256_file
from unsung.errors import UnsungError
from unsung.outputs import Kind, output_file, write_whole
from unsung.scanning._tagging import FlacTags, Id3Tags, TagError, read_tags
from unsung.scanning.output import ROWS
from unsung.scanning.settings import FileFacts, Row
from unsung.types import Score

__all__ = ["SUFFIX", "Marker", "TagError", "tag_values", "write_sidecar", "write_tags"]

SUFFIX = ".unsung.json"
PREFIX = "UNSUNG_"
NAMES = frozenset(
    PREFIX + name
    for name in (
        "VERDICT", "LOGIT", "FALSE_ALARM_RATE", "DETECTOR", "REASON", "PROBABILITY", "CALIBRATION"
    )
)  # fmt: skip
"""Every tag that is ours; others that begin alike are somebody else's."""
_BLOCK_S = 2.0


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
    output_file(target, (), Kind("the score of this file", (), ROWS.ours))
    write_whole(target, text)
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

    Before the tagged copy takes the file's place, every foreign frame, comment and block and every
    byte behind the tags is compared, the sound is decoded and compared, and owner and mode are
    carried over. A symbolic link stays one: the file behind it is tagged.

    Returns:
        Whether the file was changed: one that holds this verdict already is left alone.

    Raises:
        TagError: another format, tags of which not every byte can be accounted for, a file with
            several names (hard links) or an owner that a copy cannot have, one that changes
            meanwhile, or a copy that decodes differently.
    """
    path, values = Path(score.path).resolve(), tag_values(score)
    try:
        before = path.stat()
        with path.open("rb") as file:
            old = read_tags(file, NAMES)
        if old is None:
            raise TagError("tags are written into MP3 and FLAC only; use --sidecar")
        if old.ours == values:
            return False
        if before.st_nlink > 1:
            raise TagError("has several names (hard links), which would part; use --sidecar")
        with _copy_beside(path) as copy:
            with path.open("rb") as source, copy.open("wb") as target:
                target.write(old.written(values))
                source.seek(old.end)
                shutil.copyfileobj(source, target, 1 << 20)
            _compare(path, copy, old, values)
            _carry_over(path, copy, before)
            if _state(path.stat()) != _state(before):
                raise TagError("was changed while it was tagged; scan it again")
            copy.replace(path)
    except TagError as error:
        raise TagError(f"{path}: {error}") from error
    return True


@contextmanager
def _copy_beside(path: Path) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".unsung-", suffix=path.suffix)
    os.close(handle)
    copy = Path(name)
    try:
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def _compare(path: Path, copy: Path, old: Id3Tags | FlacTags, values: dict[str, str]) -> None:
    """Prove that nothing but our own tags differs."""
    with path.open("rb") as before, copy.open("rb") as after:
        new = read_tags(after, NAMES)
        assert new is not None, "the copy begins as the file did"
        if new.ours != values or replace(new, ours=old.ours, end=old.end) != old:
            raise TagError("its other tags would not stay as they are; use --sidecar")
        before.seek(old.end)
        after.seek(new.end)
        while piece := before.read(1 << 20):
            if after.read(len(piece)) != piece:
                raise TagError("could not be copied; check the disk")
    codec = "flac" if isinstance(old, FlacTags) else "mp3"
    if _sound(copy, codec) != _sound(path, codec):
        raise TagError("the tagged copy decodes differently; the file stays as it is")


def _carry_over(path: Path, copy: Path, state: os.stat_result) -> None:
    """Give the copy owner, mode and extended attributes, and see it onto the disk."""
    try:
        if hasattr(os, "chown"):
            os.chown(copy, state.st_uid, state.st_gid)
        shutil.copystat(path, copy)
        if _attributes(copy) != _attributes(path) or copy.stat().st_mode != state.st_mode:
            raise TagError("its rights cannot be carried over to a tagged copy; use --sidecar")
        os.utime(copy)
        with copy.open("rb") as file:
            os.fsync(file.fileno())
    except PermissionError as error:
        raise TagError("belongs to another user, whom a copy would not; use --sidecar") from error


def _attributes(path: Path) -> dict[str, bytes]:
    """Return what is kept beside the bytes: access lists and users' notes, where there are any."""
    if not hasattr(os, "listxattr"):
        return {}
    try:
        names = [n for n in os.listxattr(path) if n.startswith(("user.", "system.posix_acl"))]
        return {name: os.getxattr(path, name) for name in names}
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return {}
        raise


def _state(state: os.stat_result) -> tuple[int, ...]:
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns


def _sound(path: Path, codec: str) -> str:
    """Hash every decoded sample, with rate and channels.

    Raises:
        TagError: the sound is of another codec, such as FLAC behind an ID3 tag.
    """
    digest = hashlib.sha256()
    with open_audio(path, str(path)) as stream:
        info = stream.info
        if not info.codec.startswith(codec):
            raise TagError(f"holds {info.codec} behind tags of {codec}; use --sidecar")
        digest.update(f"{info.sample_rate_hz}/{info.channels}".encode())
        for block in stream.blocks(_BLOCK_S, mono=False):
            digest.update(block.tobytes())
    return digest.hexdigest()
