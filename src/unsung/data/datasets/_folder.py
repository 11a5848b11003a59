# SPDX-License-Identifier: MIT
"""The layout `human/`, `ai/<generator>/`, `resynth/<system>/`, `mixed/`, shared by adapters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from unsung.audio.folders import entries, look
from unsung.audio.sources import search
from unsung.data.datasets._files import AUDIO, audio_files
from unsung.errors import DatasetError
from unsung.types import Label, Track

__all__ = ["LAYOUT", "folder_tracks", "left_out_below"]

LAYOUT = (
    "human/**/song.wav",
    "ai/<generator>/**/song.wav",
    "resynth/<system>/**/song.wav   (same name below as the original below human/)",
    "mixed/**/song.wav",
)
_LABELS: tuple[Label, ...] = ("human", "ai", "resynth", "mixed")


def folder_tracks(root: Path, dataset: str, licence: str = "") -> Iterator[Track]:
    """Yield the tracks of a folder arranged by label.

    A file below `resynth/<system>/` and the file of the same relative name (whatever the ending)
    below `human/` are one pair and one group: they must not part over a split.

    Raises:
        DatasetError: none of the four folders exists, or sound lies in another folder.
    """
    found = {label: look(str(root / label)) for label in _LABELS}
    there = {label: at for label, at in found.items() if at is not None and at.kind != "file"}
    if not there:
        raise DatasetError(
            f"{root}: expected folders named {', '.join(_LABELS)}; arrange the files as "
            "human/, ai/<generator>/, resynth/<system>/ and mixed/"
        )
    _refuse_others(root)
    for label, at in there.items():
        for path in audio_files(root / label) if at.kind == "folder" else [root / label]:
            yield _track(root, path, label, dataset, licence)


def left_out_below(root: Path) -> Counter[str]:
    """Count the files below the folders of labels that have no extension of sound."""
    left_out: Counter[str] = Counter()
    for label in _LABELS:
        for _ in search(str(root / label), left_out) if (root / label).is_dir() else ():
            pass
    return left_out


def _refuse_others(root: Path) -> None:
    for entry in entries(str(root)):
        if entry.kind != "folder" or entry.name in _LABELS or entry.name.startswith("."):
            continue
        found = audio_files(Path(entry.path))
        stray = [path for path in found if path.suffix.lower() in AUDIO]
        if stray:
            raise DatasetError(
                f"{stray[0]}: expected sound only below {', '.join(_LABELS)}; "
                f"move the folder '{entry.name}' below the label that its files have"
            )


def _track(root: Path, path: Path, label: Label, dataset: str, licence: str) -> Track:
    inner = path.relative_to(root / label)
    parts = inner.with_suffix("").parts if inner.name else ()  # () is a folder that is closed
    made = label in ("ai", "resynth") and len(parts) > 1
    name = "/".join(parts[1:] if made else parts)
    paired = label in ("human", "resynth")
    return Track(
        id=path.relative_to(root).as_posix(),
        path=str(path),
        label=label,
        generator=parts[0] if made else "",
        dataset=dataset,
        group=name if paired else "/".join((label, *parts)),
        pair_id=name if paired else "",
        licence=licence,
    )
