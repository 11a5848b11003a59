# SPDX-License-Identifier: MIT
"""The base of all corpora: a folder as it is published in, tracks with honest labels out.

A subclass states the corpus (`Info`) and yields its tracks; it opens metadata files, never audio.
Files that the metadata names and the folder lacks are yielded all the same: `unsung data check`
counts them, so that half a download is seen rather than silently used.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from unsung.errors import DatasetError, UnknownName
from unsung.types import Manifest, Record, Track

__all__ = ["Dataset", "Download", "Info"]


@dataclass(frozen=True)
class Download(Record):
    """One file that `unsung data fetch` may get.

    Attributes:
        url: https address; `hf://datasets/OWNER/NAME/FILE` on a Hugging Face hub (without FILE: the
            whole repository); `zenodo:RECORD/FILE` on Zenodo, whose API states size and md5
            (without FILE: every file of the record).
        filename: name below the corpus folder; unused where the address names no single file.
        checksum: `sha256:…`, `sha1:…` or `md5:…` as published; empty if none is published.
        size_bytes: as published; 0 if unknown.
        subset: the subset that needs it; empty for all.
        unpack: whether the file is an archive to unpack into the corpus folder.
    """

    url: str
    filename: str
    checksum: str = ""
    size_bytes: int = 0
    subset: str = ""
    unpack: bool = False


@dataclass(frozen=True)
class Info(Record):
    """What anyone must know before using a corpus.

    Attributes:
        title: its published name.
        homepage: where it is described.
        licence: SPDX identifier or the publisher's words; "unstated" if none.
        citation: one line: authors, title, venue, year.
        instructions: how to get it and how the folder must look then.
        downloads: files that may be fetched without asking anyone; empty where terms forbid it.
        subsets: names accepted by `subset`; the first is the default.
        domain: "music", "speech" or "singing".
        layout: the folder as published, one line a file or folder.
        size_gb: about how much is downloaded for everything; 0 if unknown.
        verified_by: where the file and column names were read; "" if no layout is published.
    """

    title: str
    homepage: str
    licence: str
    citation: str
    instructions: str
    downloads: tuple[Download, ...] = ()
    subsets: tuple[str, ...] = ()
    domain: str = "music"
    layout: tuple[str, ...] = ()
    size_gb: float = 0.0
    verified_by: str = ""


class Dataset(ABC):
    """One corpus in a folder of this machine.

    Args:
        root: folder with the corpus laid out as published.
        subset: one of `info.subsets`; empty takes the first.

    Raises:
        UnknownName: no such subset.
        DatasetError: the folder does not exist (its message holds the instructions).
    """

    CAPABILITY: ClassVar[bool] = True
    info: ClassVar[Info]

    def __init__(self, root: Path, subset: str = "") -> None:
        if subset and subset not in self.info.subsets:
            raise UnknownName(f"subset of {self.info.title}", subset, self.info.subsets)
        if not root.is_dir():
            raise DatasetError(
                f"{root}: expected a folder with {self.info.title}; {self.info.instructions}"
            )
        self.root = root
        self.subset = subset or (self.info.subsets[0] if self.info.subsets else "")

    @abstractmethod
    def tracks(self) -> Iterator[Track]:
        """Yield every track in a fixed order; ids are unique, paths absolute or below `root`.

        Raises:
            DatasetError: a metadata file or column is missing, or a value does not fit; the
                message names the file, the line and what is needed.
        """

    def manifest(self, name: str, version: str = "1") -> Manifest:
        """Return all tracks as a manifest.

        Raises:
            DatasetError: as `tracks`, or there is no track at all.
        """
        tracks = tuple(self.tracks())
        if not tracks:
            raise DatasetError(
                f"{self.root}: no track of {self.info.title} found; {self.info.instructions}"
            )
        return Manifest(name, version, tracks)
