# SPDX-License-Identifier: MIT
"""The detectors of an experiment: a bundle, or a crew of bundles that each missed one fold."""

from __future__ import annotations

import hashlib
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
        UsageError: a cross-fitted detector without its folder.
    """
    return [
        _crossfit(name, data) if name.startswith(CROSSFIT) else _plain(name, data) for name in names
    ]


def _plain(name: str, data: Mapping[str, str]) -> Detector:
    bundle = load_bundle(data.get(name, name))
    return Detector(bundle.name, {"": bundle})


def _crossfit(name: str, data: Mapping[str, str]) -> Detector:
    given = data.get("crossfit")
    found = sorted(Path(given).glob("fold-*/bundle.json")) if given else []
    if not found:
        raise UsageError(
            f"{name}: expected --data crossfit=FOLDER with fold-0, fold-1, ..., got "
            f"{given or 'nothing'}; write the folder with `python -m unsung.training.folds`"
        )
    bundles = {path.parent.name.removeprefix("fold-"): load_bundle(path.parent) for path in found}
    return Detector(f"{name.removeprefix(CROSSFIT)}, cross-fitted", bundles)
