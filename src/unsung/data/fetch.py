# SPDX-License-Identifier: MIT
"""Fetches a corpus, or an address, into a folder: only what licence and host allow.

A corpus states its files and checksums in its `Info`. Running the same command again goes on
where the last one ended and skips what is complete; `.unsung-fetch.json` in the folder remembers
what was unpacked (delete it to unpack again). Where terms forbid a download, the instructions are
the answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from unsung import registry
from unsung.core.text import is_url
from unsung.data.datasets.base import Download, Info
from unsung.data.fetch_http import Remote, Report, get_file
from unsung.data.fetch_hub import hub_files, zenodo_files
from unsung.data.fetch_unpack import is_archive, unpack
from unsung.data.fetch_web import Settings
from unsung.errors import DatasetError, FetchError, UnknownName, UsageError
from unsung.text import parse_json
from unsung.types import Record

__all__ = ["Fetched", "fetch", "fetch_files", "wanted"]

MEMORY = ".unsung-fetch.json"
_ADDRESS = ("http://", "https://", "hf://", "zenodo:")


@dataclass(frozen=True)
class Fetched(Record):
    """What a fetch did: files that are complete now, files unpacked, corpus facts if it was one."""

    folder: str
    files: tuple[str, ...] = ()
    n_unpacked: int = 0
    info: Info | None = None


def fetch(
    name: str,
    folder: Path,
    subset: str = "",
    *,
    settings: Settings | None = None,
    report: Report = lambda *_: None,
    keep_archives: bool = True,
) -> Fetched:
    """Fetch a corpus by name, or an address, into a folder.

    Args:
        name: a corpus, or `https://...`, `zenodo:RECORD[/FILE]`, `hf://datasets/OWNER/NAME[/FILE]`.
        folder: where it goes; made if needed.
        subset: one of the corpus' subsets; empty takes its first.
        settings: how patient to be, and which servers.
        report: told the progress of each file.
        keep_archives: whether archives stay after they were unpacked.

    Raises:
        UnknownName: no such corpus or subset.
        DatasetError: the corpus must not be downloaded; the message holds the instructions.
        FetchError: a download or an archive failed; what came is kept.
        MissingExtra: a package is missing.
    """
    settings = settings or Settings()
    if name.startswith(_ADDRESS):
        file = Download(name, _last_name(name), unpack=True)
        return fetch_files((file,), folder, settings, report, keep_archives)
    info: Info = registry.get("datasets", name).info
    done = fetch_files(wanted(info, subset), folder, settings, report, keep_archives)
    return Fetched(done.folder, done.files, done.n_unpacked, info)


def wanted(info: Info, subset: str = "") -> tuple[Download, ...]:
    """Return the downloads of a subset.

    Raises:
        UnknownName: no such subset.
        DatasetError: there is nothing to download without asking someone.
    """
    if subset and subset not in info.subsets:
        raise UnknownName(f"subset of {info.title}", subset, info.subsets)
    chosen = subset or (info.subsets[0] if info.subsets else "")
    files = tuple(file for file in info.downloads if file.subset in ("", chosen))
    if not files:
        raise DatasetError(
            f"{info.title} (licence: {info.licence}) cannot be fetched by a program; "
            f"{info.instructions} ({info.homepage})"
        )
    return files


def fetch_files(
    files: tuple[Download, ...],
    folder: Path,
    settings: Settings,
    report: Report = lambda *_: None,
    keep_archives: bool = True,
) -> Fetched:
    """Download and unpack these files.

    Raises:
        FetchError: a download or an archive failed; what came is kept.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made ({error.strerror}); give a folder") from error
    memory = _recall(folder)
    found: list[str] = []
    n_unpacked = 0
    for file in files:
        for path, key in _get(file, folder, settings, report, memory):
            name = path.relative_to(folder).as_posix()
            found.append(name)
            if not file.unpack or key in memory or not is_archive(path):
                continue
            n_unpacked += unpack(path, folder)
            memory[key] = name
            _write_memory(folder, memory)
            if not keep_archives:
                path.unlink()
    return Fetched(str(folder), tuple(found), n_unpacked)


def _get(
    file: Download, folder: Path, settings: Settings, report: Report, memory: dict[str, str]
) -> Iterator[tuple[Path, str]]:
    """Yield (path, key in the memory) of each file that an entry stands for, downloaded.

    An archive that was unpacked and deleted is not downloaded again.
    """
    if file.url.startswith("hf://"):
        for path in hub_files(file.url, folder, settings, set(memory.values())):
            _verify(path, file.checksum)
            yield path, _key(f"{file.url}#{path.relative_to(folder).as_posix()}")
        return
    if file.url.startswith("zenodo:"):
        remotes = zenodo_files(file.url, settings)
    else:
        remotes = [Remote(file.filename, file.url, file.size_bytes, file.checksum)]
    for remote in remotes:
        key = _key(f"{remote.url}#{remote.checksum}")
        path = folder / remote.name
        if key in memory and not path.exists():
            yield path, key
        else:
            yield get_file(remote, folder, settings, report), key


def _verify(path: Path, checksum: str) -> None:
    """Compare a file with its published checksum.

    Raises:
        FetchError: it differs.
    """
    kind, _, expected = checksum.partition(":")
    if not expected:
        return
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, kind).hexdigest()
    if found != expected:
        raise FetchError(
            f"{path}: expected {kind} {expected}, got {found}; delete it and fetch again"
        )


def _last_name(address: str) -> str:
    """Return the file name that an address ends with; "" where it names no single file."""
    if not is_url(address):
        return ""
    name = PurePosixPath(unquote(urlsplit(address).path)).name
    return name if name not in ("", "..") and "\\" not in name else "download"


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _recall(folder: Path) -> dict[str, str]:
    try:
        values = parse_json((folder / MEMORY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # never fetched here, or the note was damaged: everything is checked again
    return {str(key): str(value) for key, value in values.items()} if values else {}


def _write_memory(folder: Path, memory: dict[str, str]) -> None:
    part = folder / f"{MEMORY}.part"
    part.write_text(json.dumps(memory, indent=1), encoding="utf-8")
    part.replace(folder / MEMORY)
