# SPDX-License-Identifier: MIT
"""Names the generator whose fingerprint a track is most like, or says "unknown".

A track's residual minus the human mean is correlated with the fingerprint of each generator; the
best one names generator and family where it exceeds the threshold. The threshold is set by leaving
out whole pages: human tracks, and tracks whose family no other page holds, should be named at most
5 times in a hundred. What is named is a decoder, not a product: systems that share one are alike.
Units: correlation. When not to use: on music that was pitched or sped up; its lines have moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unsung.errors import UsageError
from unsung.fingerprints.spectra import AXIS_HZ, TrackSpectra
from unsung.types import FloatArray, Record

__all__ = ["UNKNOWN", "Attribution", "Gallery", "Outcome", "build_gallery", "cross_attribute"]

UNKNOWN = "unknown"
WRONG_NAMES = 0.05
"""Share of tracks that should stay unknown and may be named."""

LOW_HZ = 500.0
_LOW = int(np.searchsorted(AXIS_HZ, LOW_HZ))
_FEWEST = 3


@dataclass(frozen=True)
class Attribution(Record):
    """What a track is most like.

    Attributes:
        family: its family, or "unknown".
        generator: the nearest generator, also where the family is unknown.
        score: correlation with that generator's fingerprint.
        threshold: below which a track is unknown.
        ranking: the nearest generators and their scores, best first.
    """

    family: str
    generator: str
    score: float
    threshold: float
    ranking: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Gallery(Record):
    """Fingerprints to compare with. Shape of difference_db: ``[generator, bin]``.

    Attributes:
        names: of the generators.
        families: of each.
        difference_db: residual minus the human one.
        human_db: the human residual. Shape: ``[bin]``.
        threshold: least score that names a generator.
    """

    names: tuple[str, ...]
    families: tuple[str, ...]
    difference_db: FloatArray
    human_db: FloatArray
    threshold: float

    def attribute(self, spectra: TrackSpectra) -> Attribution:
        """Return the nearest generator, and its family if it is near enough."""
        scores = _scores(_unit(_rows([spectra], self.human_db)), _unit(self.difference_db))[0]
        order = np.argsort(-scores, kind="stable")
        best = int(order[0])
        known = scores[best] > self.threshold
        return Attribution(
            self.families[best] if known else UNKNOWN,
            self.names[best],
            float(scores[best]),
            self.threshold,
            tuple((self.names[i], round(float(scores[i]), 4)) for i in order[:5]),
        )


@dataclass(frozen=True)
class Outcome(Record):
    """A held-out track and what it was taken for.

    Attributes:
        path: of the track.
        label: human, ai or resynth.
        generator: its own.
        family: its own.
        known: whether the gallery held its family, from another page.
        given: the family it was given, or "unknown".
        nearest: the generator nearest to it.
        score: correlation with that.
    """

    path: str
    label: str
    generator: str
    family: str
    known: bool
    given: str
    nearest: str
    score: float


def build_gallery(spectra: Sequence[TrackSpectra]) -> Gallery:
    """Return the gallery of all generators with at least three tracks, threshold included.

    Raises:
        UsageError: no human tracks, or no generator.
    """
    tracks = _Tracks(spectra)
    names, centres, families = tracks.centres(np.zeros(len(spectra), bool))
    if not names:
        raise UsageError(f"expected a generator with at least {_FEWEST} tracks, got none")
    return Gallery(tuple(names), tuple(families), centres, tracks.human_db, _threshold(tracks))


def cross_attribute(spectra: Sequence[TrackSpectra], folds: Sequence[str]) -> list[Outcome]:
    """Attribute every track with a gallery and a threshold made from the other folds.

    Args:
        spectra: labelled tracks.
        folds: of each; a page lies in one fold.

    Raises:
        UsageError: fewer than two folds, or lengths that differ.
    """
    if len(folds) != len(spectra) or len(set(folds)) < 2:
        raise UsageError("expected a fold for each track, and at least two folds")
    outcomes = []
    of = np.array(folds)
    for fold in sorted(set(folds)):
        rest = [s for s, f in zip(spectra, folds, strict=True) if f != fold]
        gallery = build_gallery(rest)
        for index in np.flatnonzero(of == fold).tolist():
            one = spectra[index]
            found = gallery.attribute(one)
            family = "human" if one.track.label == "human" else _family(one)
            outcomes.append(
                Outcome(
                    one.track.path,
                    one.track.label,
                    one.track.generator,
                    family,
                    family in gallery.families,
                    found.family,
                    found.generator,
                    found.score,
                )
            )
    return outcomes


class _Tracks:
    """Residuals minus the human mean, with the sums from which centres without a page follow."""

    def __init__(self, spectra: Sequence[TrackSpectra]) -> None:
        human = [s for s in spectra if s.track.label == "human"]
        if len(human) < _FEWEST:
            raise UsageError(f"expected at least {_FEWEST} human tracks, got {len(human)}")
        self.human_db = _mean_held(np.stack([s.residual_db for s in human]))
        self.rows = _rows(spectra, self.human_db)
        self.human = np.array([s.track.label == "human" for s in spectra])
        self.pages = np.array([s.track.group or s.unit for s in spectra])
        self.names = np.array([s.track.generator or _family(s) for s in spectra])
        self.families = np.array([_family(s) for s in spectra])
        self.sums: dict[str, tuple[NDArray[np.float64], int]] = {}
        self.family_of: dict[str, str] = {}
        for name in np.unique(self.names[~self.human]).tolist():
            mine = ~self.human & (self.names == name)
            total = self.rows[mine].sum(axis=0, dtype=np.float64)
            self.sums[name] = (total, int(mine.sum()))
            self.family_of[name] = str(self.families[mine][0])

    def centres(self, left_out: NDArray[np.bool_]) -> tuple[list[str], FloatArray, list[str]]:
        """Return names, mean differences and families of generators with enough tracks left."""
        names, centres, families = [], [], []
        for name, (total, count) in self.sums.items():
            gone = left_out & ~self.human & (self.names == name)
            held = count - int(gone.sum())
            if held >= _FEWEST:
                names.append(name)
                centres.append((total - self.rows[gone].sum(axis=0)) / held)
                families.append(self.family_of[name])
        return names, np.array(centres, np.float32), families


def _threshold(tracks: _Tracks) -> float:
    """Return the score that 95 % of tracks that should stay unknown do not reach."""
    strangers = []
    for page in np.unique(tracks.pages):
        out = tracks.pages == page
        names, centres, families = tracks.centres(out)
        if not names:
            continue
        stranger = out & (tracks.human | ~np.isin(tracks.families, families))
        if stranger.any():
            scores = _scores(_unit(tracks.rows[stranger]), _unit(centres))
            strangers.append(scores.max(axis=1))
    if not strangers:
        raise UsageError("expected tracks from several pages, to set the threshold for 'unknown'")
    return float(np.quantile(np.concatenate(strangers), 1 - WRONG_NAMES))


def _rows(spectra: Sequence[TrackSpectra], human_db: FloatArray) -> FloatArray:
    """Return differences from human music, 0 where a track has no sound. ``[track, bin]``."""
    rows = np.stack([s.residual_db for s in spectra]) - human_db
    return np.asarray(np.nan_to_num(rows, nan=0.0), np.float32)


def _unit(rows: FloatArray) -> FloatArray:
    rows = np.nan_to_num(rows[:, _LOW:])
    size = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return np.asarray(rows / size, np.float32)


def _scores(tracks: FloatArray, centres: FloatArray) -> FloatArray:
    """Return cosines of unit rows. Shape: ``[track, bin]``, ``[generator, bin]`` → both."""
    scores: FloatArray = (tracks @ centres.T).astype(np.float32)
    return scores


def _mean_held(rows: FloatArray) -> FloatArray:
    held = np.isfinite(rows)
    total = np.where(held, rows, 0).sum(axis=0, dtype=np.float64)
    return np.asarray(total / np.maximum(held.sum(axis=0), 1), np.float32)


def _family(one: TrackSpectra) -> str:
    return one.track.family or one.track.generator or "unnamed"
