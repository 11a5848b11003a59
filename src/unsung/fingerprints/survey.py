# SPDX-License-Identifier: MIT
"""From a table or folder to fingerprints: measure, compare, find combs, tree, test attribution.

When not to use: in a loop over single songs; load the gallery once and call its `attribute`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from unsung.errors import UsageError
from unsung.fingerprints.attribution import (
    Attribution,
    Gallery,
    Outcome,
    build_gallery,
    cross_attribute,
)
from unsung.fingerprints.compare import (
    Fingerprint,
    Reference,
    find_comb,
    fingerprint_all,
    reference,
)
from unsung.fingerprints.spectra import TrackSpectra, measure, measure_all, read_tracks
from unsung.fingerprints.storage import load_gallery
from unsung.fingerprints.tree import Tree, similarity_tree
from unsung.types import Record, Track

__all__ = ["Survey", "attribute", "survey"]

_FEWEST_FOR_GALLERY = 3


@dataclass(frozen=True)
class Survey(Record):
    """All that was found.

    Attributes:
        source: name of the table or folder.
        fingerprints: one a generator.
        human: what they were compared with.
        human_source: where that comes from.
        tree: of the fingerprints; None for fewer than two.
        gallery: to attribute further tracks; None without human tracks or pages.
        outcomes: held-out attribution, where the table has folds.
        human_combs: human tracks with a comb, and human tracks.
        failed: path and reason of what could not be measured.
    """

    source: str
    fingerprints: tuple[Fingerprint, ...]
    human: Reference
    human_source: str
    tree: Tree | None
    gallery: Gallery | None
    outcomes: tuple[Outcome, ...]
    human_combs: tuple[int, int]
    failed: tuple[tuple[str, str], ...]


def survey(
    location: Path,
    against: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Survey:
    """Return the fingerprints of all generators of a table or folder.

    Args:
        location: table (path, label, and where known generator, family, source, recording, fold)
            or folder with a subfolder for each generator.
        against: table or folder of human music; else the table's own human rows, else the
            human reference of the package.
        progress: called with tracks done and tracks in all.

    Raises:
        ManifestError: nothing to read at the location.
        UsageError: only human tracks, or too few to compare with.
        UnsungError: no track could be read.
    """
    tracks = read_tracks(location)
    if against is not None:
        tracks = [t for t in tracks if t.label != "human"] + _as_human(read_tracks(against))
    if all(track.label == "human" for track in tracks):
        raise UsageError(
            f"{location}: expected tracks of a generator (label ai or resynth), got only human ones"
        )
    spectra, failed = measure_all(tracks, progress)
    own = [s for s in spectra if s.track.label == "human"]
    human = reference(own) if own else load_gallery()[1]
    prints = fingerprint_all(spectra, human)
    if not prints:
        raise UsageError(f"{location}: not one track of a generator could be read")
    return Survey(
        source=location.name,
        fingerprints=tuple(prints),
        human=human,
        human_source=str((against or location).name) if own else "the package",
        tree=similarity_tree(prints) if len(prints) > 1 else None,
        gallery=_gallery(spectra, own),
        outcomes=_outcomes(spectra),
        human_combs=(sum(_has_comb(s) for s in own), len(own)),
        failed=tuple(failed),
    )


def attribute(path: str, gallery: Gallery | None = None) -> Attribution:
    """Return what a track is most like, in a gallery or in the package's.

    Raises:
        AudioError: the file cannot be read, is silent or shorter than two seconds.
    """
    spectra = measure(Track(id=path, path=path, label="ai"))
    return (gallery or load_gallery()[0]).attribute(spectra)


def _as_human(tracks: list[Track]) -> list[Track]:
    """Take a folder's tracks as human; of a table only the rows that say so."""
    marked = [track for track in tracks if track.label == "human"]
    return marked or [replace(track, label="human") for track in tracks]


def _gallery(spectra: list[TrackSpectra], own: list[TrackSpectra]) -> Gallery | None:
    pages = {s.track.group for s in spectra}
    if len(own) < _FEWEST_FOR_GALLERY or len(pages) < 2:
        return None
    names = [s.track.generator for s in spectra if s.track.label != "human"]
    if max(names.count(name) for name in set(names)) < _FEWEST_FOR_GALLERY:
        return None
    return build_gallery(spectra)


def _outcomes(spectra: list[TrackSpectra]) -> tuple[Outcome, ...]:
    folds = [s.track.split for s in spectra]
    humans = [s.track.split for s in spectra if s.track.label == "human"]
    others = [s.track for s in spectra if s.track.label != "human"]
    if len(set(folds)) < 2 or "" in folds:
        return ()
    for fold in set(folds):  # what is left without a fold must still make a gallery
        names = [track.generator for track in others if track.split != fold]
        most = max((names.count(name) for name in set(names)), default=0)
        if min(sum(f != fold for f in humans), most) < _FEWEST_FOR_GALLERY:
            return ()
    return tuple(cross_attribute(spectra, folds))


def _has_comb(spectra: TrackSpectra) -> bool:
    return find_comb(spectra.residual_db).found
