# SPDX-License-Identifier: MIT
"""The detectors of an experiment: a bundle, or a crew of bundles that each missed one fold."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from unsung.errors import UsageError
from unsung.runtime import Bundle, load_bundle
from unsung.types import Track

__all__ = ["CROSSFIT", "Detector", "open_detectors"]

CROSSFIT = "crossfit:"
"""``crossfit:default`` scores each track by the bundle fitted without the track's fold."""


@dataclass(frozen=True)
class Detector:
    """A name in tables, and the bundle for each fold ("" stands for every fold)."""

    name: str
    bundles: Mapping[str, Bundle]

    @property
    def sha256(self) -> str:
        """Hash over the bundles: one for a plain detector, all for a cross-fitted one."""
        if "" in self.bundles:
            return self.bundles[""].sha256
        text = " ".join(f"{fold}={b.sha256}" for fold, b in sorted(self.bundles.items()))
        return hashlib.sha256(text.encode()).hexdigest()

    def of(self, track: Track) -> Bundle:
        """Return the bundle that may judge this track.

        Raises:
            UsageError: no bundle was fitted without the track's fold.
        """
        found = self.bundles.get("") or self.bundles.get(track.split)
        if found is None:
            raise UsageError(
                f"{self.name}: no bundle for fold '{track.split}' of {track.id}; folds with one: "
                f"{', '.join(sorted(self.bundles))}; write them with unsung.training.folds"
            )
        return found


def open_detectors(names: tuple[str, ...], data: Mapping[str, str]) -> list[Detector]:
    """Load what an experiment names.

    Args:
        names: packaged names, folders, or ``crossfit:NAME``.
        data: the folder of cross-fitted bundles stands under ``crossfit``.

    Raises:
        UsageError: a cross-fitted detector without its folder, or two of the same name.
    """
    found = [
        _crossfit(name, data) if name.startswith(CROSSFIT) else _plain(name, data) for name in names
    ]
    for name, count in Counter(detector.name for detector in found).items():
        if count > 1:
            raise UsageError(
                f"two detectors of the experiment are called '{name}', expected names of their "
                "own in tables; leave one out or export it under another name"
            )
    return found


def _plain(name: str, data: Mapping[str, str]) -> Detector:
    bundle = load_bundle(data.get(name, name))
    return Detector(bundle.name, {"": bundle})


def _folder(name: str, data: Mapping[str, str]) -> str | None:
    """Return the folder of a crew: its own, or the sub-folder or the whole of the common one."""
    common = data.get("crossfit")
    if name in data or common is None:
        return data.get(name)
    own = Path(common) / name.removeprefix(CROSSFIT)
    return str(own) if own.is_dir() else common if name == f"{CROSSFIT}default" else None


def _crossfit(name: str, data: Mapping[str, str]) -> Detector:
    given = _folder(name, data)
    found = sorted(Path(given).glob("fold-*/bundle.json")) if given else []
    if not found:
        option = "crossfit" if name == f"{CROSSFIT}default" else name
        raise UsageError(
            f"{name}: expected --data {option}=FOLDER with fold-0, fold-1, ..., got "
            f"{given or 'nothing'}; write the folder with `python -m unsung.training.folds`"
        )
    bundles = {path.parent.name.removeprefix("fold-"): load_bundle(path.parent) for path in found}
    return Detector(f"{name.removeprefix(CROSSFIT)}, cross-fitted", bundles)
