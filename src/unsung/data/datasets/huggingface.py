# SPDX-License-Identifier: MIT
"""Any Hugging Face dataset with a column of sound: a repository on this disk, or a saved one.

The folder is either what `save_to_disk` wrote, or a repository as downloaded
(`unsung data fetch hf://datasets/OWNER/NAME -o FOLDER`): Parquet files, or sound files with
`metadata.csv`. Which columns mean what is said by arguments, or by `columns.toml` in the folder:

    audio = "audio"          # the column of sound
    label = "label"          # its words (or class names) are mapped below; absent: `all`
    human = ["real", "human", "bonafide"]
    ai = ["fake", "ai"]
    resynth = []
    generator = "model"      # optional, as are group, split, licence and id
    all = "ai"               # instead of label: every row has this one

Sound inside the tables is written once to `extracted/`. Datasets that need their own code to load
are not supported: the `datasets` package no longer runs such code.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from unsung.data.datasets._parquet import extract
from unsung.data.datasets.base import Dataset, Info
from unsung.errors import DatasetError, MissingExtra, UnknownName
from unsung.types import Label, Record, Track

__all__ = ["Columns", "HuggingFace"]


@dataclass(frozen=True)
class Columns(Record):
    """Which column means what; an empty name stands for "there is none".

    Attributes:
        audio: column of sound.
        label: column of labels.
        human: words that mean human.
        ai: words that mean generated.
        resynth: words that mean resynthesised.
        all: label of every row, where there is no column of labels.
        generator: column of generators.
        group: column of what must stay together (artist, prompt, ...).
        split: column of splits; empty takes the dataset's own.
        licence: column of licences.
        id: column of ids; empty numbers the rows.
    """

    audio: str = "audio"
    label: str = "label"
    human: tuple[str, ...] = ("human", "real", "bonafide", "bona-fide", "0")
    ai: tuple[str, ...] = ("ai", "fake", "spoof", "generated", "1")
    resynth: tuple[str, ...] = ("resynth", "resynthesised")
    all: str = ""
    generator: str = ""
    group: str = ""
    split: str = ""
    licence: str = ""
    id: str = ""

    def words(self) -> dict[str, Label]:
        """Return each word's label."""
        pairs: tuple[tuple[tuple[str, ...], Label], ...] = (
            (self.human, "human"),
            (self.ai, "ai"),
            (self.resynth, "resynth"),
        )
        return {word.lower(): label for words, label in pairs for word in words}


class HuggingFace(Dataset):
    """A Hugging Face dataset on this disk.

    Args:
        root: saved dataset, or repository as downloaded.
        subset: unused; keep one configuration in one folder.
        columns: which column means what; by default from `columns.toml`, or `Columns()`.

    Raises:
        DatasetError: the folder does not exist, or `columns.toml` has an unknown key or value.
    """

    info = Info(
        title="Hugging Face dataset",
        homepage="https://huggingface.co/docs/datasets",
        licence="unstated",
        citation="see the card of the dataset",
        instructions="save the dataset with save_to_disk, or get its repository by "
        "`unsung data fetch hf://datasets/OWNER/NAME -o FOLDER`, and name its columns in "
        "columns.toml",
        layout=(
            "dataset_info.json, state.json, data-*.arrow   (saved), or",
            "data/train-*.parquet   (repository), or",
            "metadata.csv and sound files   (audio folder)",
            "columns.toml   (optional)",
        ),
        verified_by="documentation of datasets, and datasets 5.2 itself",
    )

    def __init__(self, root: Path, subset: str = "", columns: Columns | None = None) -> None:
        super().__init__(root, subset)
        self.columns = columns or _read_columns(root / "columns.toml")

    def tracks(self) -> Iterator[Track]:
        """Yield split by split, row by row; see `Dataset.tracks`."""
        words = self.columns.words()
        for split, rows in _open(self.root, self.columns.audio):
            self._check(split, rows)
            names = _class_names(rows, self.columns.label)
            for number, row in enumerate(rows):
                yield self._track(split, number, row, names, words)

    def _check(self, split: str, rows: Any) -> None:
        asked = self.columns
        wanted = [asked.audio, "" if asked.all else asked.label]
        wanted += [asked.generator, asked.group, asked.split, asked.licence, asked.id]
        missing = [name for name in wanted if name and name not in rows.column_names]
        if missing:
            raise DatasetError(
                f"{self.root}, split {split}: the column {' and '.join(missing)} is missing; came: "
                f"{', '.join(rows.column_names)}; name the right ones in columns.toml"
            )

    def _track(
        self,
        split: str,
        number: int,
        row: Mapping[str, Any],
        names: list[str],
        words: Mapping[str, Label],
    ) -> Track:
        asked = self.columns
        where = f"{self.root}, split {split}, row {number}"
        name = str(row[asked.id]) if asked.id else f"{split}-{number:06d}"
        safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
        path = extract(row[asked.audio], self.root / "extracted", safe, where)

        def text(column: str) -> str:
            value = row[column] if column else ""
            return "" if value is None else str(value)

        return Track(
            id=name,
            path=str(path if path.is_absolute() else self.root / path),
            label=self._label(row, names, words, where),
            generator=text(asked.generator),
            dataset=self.root.name,
            split=text(asked.split) if asked.split else split,
            group=text(asked.group),
            licence=text(asked.licence),
        )

    def _label(
        self, row: Mapping[str, Any], names: list[str], words: Mapping[str, Label], where: str
    ) -> Label:
        if self.columns.all:
            return self.columns.all  # type: ignore[return-value]  # checked when it was read
        value = row[self.columns.label]
        word = names[value] if names and isinstance(value, int) else value
        label = words.get(str(word).lower())
        if label is None:
            raise DatasetError(
                f"{where}: expected a label among {', '.join(words)}, got '{word}'; "
                "say in columns.toml what it means (human, ai or resynth)"
            )
        return label


def _read_columns(path: Path) -> Columns:
    if not path.is_file():
        return Columns()
    try:
        columns = Columns.from_dict(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, UnknownName) as error:
        raise DatasetError(f"{path}: {error}") from error
    if columns.all and columns.all not in get_args(Label):
        raise DatasetError(
            f"{path}: expected all among {', '.join(get_args(Label))}, got '{columns.all}'"
        )
    return columns


def _open(root: Path, audio: str) -> Iterator[tuple[str, Any]]:
    """Yield (split, rows) with the sound undecoded."""
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise MissingExtra("datasets", "data", "reading Hugging Face datasets") from error
    saved = (root / "dataset_info.json").is_file() or (root / "dataset_dict.json").is_file()
    try:
        opened = datasets.load_from_disk(str(root)) if saved else datasets.load_dataset(str(root))
    except Exception as error:  # any of many kinds, by format; all mean the folder is unfit
        raise DatasetError(
            f"{root}: cannot be opened as a Hugging Face dataset ({error}); "
            f"{HuggingFace.info.instructions}"
        ) from error
    parts = opened.items() if isinstance(opened, dict) else [("", opened)]
    for split, rows in parts:
        kind = rows.features.get(audio)
        raw = isinstance(kind, datasets.Audio)
        yield str(split), rows.cast_column(audio, datasets.Audio(decode=False)) if raw else rows


def _class_names(rows: Any, label: str) -> list[str]:
    return list(getattr(rows.features.get(label), "names", None) or [])
