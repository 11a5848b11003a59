# SPDX-License-Identifier: MIT
"""Where a command may write: never over an input, nor over a file that unsung did not write.

Every option that names an output goes through `output_file` or `output_folder` before any work is
done, and every finished file is written by `replacing`: whole or not at all. What an earlier run
of the same command wrote is told by its content (keys, columns, marks), never by its name alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from unsung.errors import UsageError
from unsung.text import parse_json

__all__ = [
    "FOREIGN",
    "Kind",
    "csv_with",
    "is_earlier",
    "json_with",
    "lines_with",
    "named",
    "new_part",
    "output_file",
    "output_folder",
    "parquet_with",
    "replacing",
    "take_place",
    "text_with",
    "write_whole",
    "zip_with",
]

_HEAD = 1 << 16
_LARGEST_JSON = 1 << 26
_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH  # the mode counts, also for an administrator
_STEM_BYTES = 200  # a part's name must fit where the target's does

Input = str | os.PathLike[str] | None


@dataclass(frozen=True)
class Kind:
    """A kind of output.

    Attributes:
        what: what messages call it: "a calibration".
        suffixes: extensions that reading takes for this kind; empty where the caller names them.
        ours: says of an existing file whether an earlier run wrote it.
    """

    what: str
    suffixes: tuple[str, ...]
    ours: Callable[[Path], bool]


FOREIGN = Kind("a file that can be told to be unsung's own", (), lambda _: False)
"""Of names that are only replaced in a folder whose sign says that all of it is ours."""


def output_file(path: Path, inputs: Iterable[Input], kind: Kind) -> Path:
    """Return the path of an output as it is; refuse one that would cost somebody a file.

    Args:
        path: what the user named.
        inputs: what the command reads; addresses, ``-`` and None are passed over.
        kind: of the output.

    Raises:
        UsageError: another extension, an input, a folder or device, or a file of other content.
    """
    if kind.suffixes and path.suffix.lower() not in kind.suffixes:
        raise UsageError(
            f"{path}: expected a name that ends in {' or '.join(kind.suffixes)} for {kind.what}; "
            "give it another name, so that it is read back as what it is"
        )
    with named(path):
        _refuse(_behind(path), path, list(inputs), kind)
    return path


def output_folder(
    path: Path, inputs: Iterable[Input], kinds: Mapping[str, Kind], *, signs: Iterable[str] = ()
) -> Path:
    """Return a folder to write into, after looking at every file that could be replaced in it.

    Args:
        path: what the user named; need not exist.
        inputs: what the command reads.
        kinds: name or pattern of each file that the command writes, and its kind.
        signs: names among them that, where one is ours, say that all of these files are.

    Raises:
        UsageError: no folder, or one of the files is an input or of other content.
    """
    given = list(inputs)
    with named(path):
        if _behind(path).exists() and not path.is_dir():
            raise UsageError(f"{path}: expected a folder, this is a file; give another name")
        known = is_earlier(path, {name: kinds[name] for name in signs})
        for pattern, kind in kinds.items():
            for found in sorted(path.glob(pattern)):
                if found.is_dir():
                    _refuse_full(found, known or kind is not FOREIGN)
                    continue
                whole = Kind(kind.what, (), lambda _: True) if known else kind
                _refuse(_behind(found), found, given, whole)
    return path


def is_earlier(path: Path, signs: Mapping[str, Kind]) -> bool:
    """Say whether a folder is an earlier run's: one of the files that tell is ours."""
    return any(
        found.is_file() and kind.ours(found)  # a pipe would be waited for
        for name, kind in signs.items()
        for found in path.glob(name)
    )


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside the target to write to; it takes the target's place if nothing failed.

    A link stays a link, an existing file keeps its mode, and the part keeps the extension.

    Raises:
        OSError: as it came, with the target's name where it had none.
    """
    with named(path):
        _behind(path).parent.mkdir(parents=True, exist_ok=True)
        part = new_part(path)
        try:
            yield part
            take_place(part, path)
        finally:
            part.unlink(missing_ok=True)


def new_part(path: Path, end: str | None = None) -> Path:
    """Return where the target is written first: a free name beside what the path leads to.

    Args:
        path: the target, or a link to it.
        end: extension of the part, for which others may look; None takes the target's.
    """
    target = _behind(path)
    stem = os.fsdecode(os.fsencode(target.stem)[:_STEM_BYTES])
    part = target.with_name(f".{stem}.part{target.suffix if end is None else end}")
    part.unlink(missing_ok=True)  # of a killed run; never written through a link
    return part


def take_place(part: Path, path: Path) -> None:
    """Put a finished part in the place of its target; see `replacing`."""
    target = _behind(path)
    if target.exists():
        shutil.copymode(target, part)
    part.replace(target)


def write_whole(path: Path, text: str) -> None:
    """Write a text in UTF-8, line ends as they are; see `replacing`."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8", newline="")


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Let an OSError say which file it is about: a write to a full disk does not know."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise


def json_with(*keys: str) -> Callable[[Path], bool]:
    """Know a JSON document, list of objects, or JSON Lines, by keys of its first object."""

    def ours(path: Path) -> bool:
        with path.open("rb") as file:
            line = file.readline(_LARGEST_JSON)
        try:
            first = parse_json(line)
        except ValueError:
            try:
                if path.stat().st_size > _LARGEST_JSON:
                    return False
                first = parse_json(path.read_bytes())
            except ValueError:
                return False
        if isinstance(first, list) and first:
            first = first[0]
        return isinstance(first, dict) and all(key in first for key in keys)

    return ours


def lines_with(first: str, *keys: str) -> Callable[[Path], bool]:
    """Know JSON Lines as `json_with` does, and also a first line that a kill cut short."""
    whole = json_with(first, *keys)

    def ours(path: Path) -> bool:
        if whole(path):
            return True
        head = _head(path).rstrip(b"\0")  # zeros: what a power loss can leave of a line's end
        start = json.dumps({first: ""})[:-3].encode()
        cut = b"\n" not in head and path.stat().st_size <= _HEAD and not _parses(head)
        return cut and bool(head) and start.startswith(head[: len(start)])

    return ours


def csv_with(*columns: str) -> Callable[[Path], bool]:
    """Know a table by the first columns of its header."""

    def ours(path: Path) -> bool:
        line = _head(path).split(b"\n", 1)[0].decode("utf-8", "replace")
        return line.strip().split(",")[: len(columns)] == list(columns)

    return ours


def parquet_with(*columns: str) -> Callable[[Path], bool]:
    """Know a Parquet file by names in its footer, which pyarrow need not read."""

    def ours(path: Path) -> bool:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            size = file.tell()
            if size < 12:
                return False
            file.seek(-8, os.SEEK_END)
            tail = file.read(8)
            length = int.from_bytes(tail[:4], "little")
            if tail[4:] != b"PAR1" or length > size - 12:
                return False
            file.seek(-8 - length, os.SEEK_END)
            footer = file.read(length)
        return all(name.encode() in footer for name in columns)

    return ours


def zip_with(*names: str) -> Callable[[Path], bool]:
    """Know a zip, as .npz is one, by names of its members."""

    def ours(path: Path) -> bool:
        try:
            with zipfile.ZipFile(path) as held:
                return set(names) <= set(held.namelist())
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            return False

    return ours


def text_with(*marks: str) -> Callable[[Path], bool]:
    """Know a file by words near its beginning."""

    def ours(path: Path) -> bool:
        head = _head(path)
        return all(mark.encode() in head for mark in marks)

    return ours


def _parses(text: bytes) -> bool:
    try:
        parse_json(text)
    except ValueError:
        return False
    return True


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def _behind(path: Path) -> Path:
    """Follow links, so that what they point to is looked at and written, and they stay links."""
    try:
        return path.resolve() if path.is_symlink() else path
    except RuntimeError as error:  # a loop, before Python 3.13
        raise UsageError(f"{path}: the link leads back to itself; give another name") from error


def _refuse(target: Path, shown: Path, inputs: Iterable[Input], kind: Kind) -> None:
    try:
        state = target.stat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(state.st_mode):
        what = "a folder" if stat.S_ISDIR(state.st_mode) else "a pipe or device"
        raise UsageError(f"{shown}: expected a file to write {kind.what}, this is {what}")
    for given in inputs:
        if given is not None and _same(given, state):
            raise UsageError(
                f"{shown}: is the input itself, or another file that this command reads; give "
                "the output another name"
            )
    if not state.st_mode & _WRITABLE:
        raise UsageError(
            f"{shown}: is protected from writing and left as it is; give another name, or let it "
            "be written (chmod u+w)"
        )
    if state.st_size and not kind.ours(target):
        raise UsageError(
            f"{shown}: holds something else than {kind.what} of an earlier run and is left as it "
            "is; give another name, or move that file away"
        )


def _refuse_full(folder: Path, allowed: bool) -> None:
    if not allowed and any(folder.iterdir()):
        raise UsageError(
            f"{folder}: expected a new or empty folder, or one of an earlier run; it holds other "
            "files, which are left as they are: give another name"
        )


def _same(given: Input, state: os.stat_result) -> bool:
    assert given is not None, "the caller leaves None out"
    try:
        other = os.stat(given)  # noqa: PTH116  # paths are text, undecodable bytes included
    except (OSError, ValueError):  # an address, standard input, a pattern
        return False
    return os.path.samestat(state, other)
