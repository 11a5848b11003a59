# SPDX-License-Identifier: MIT
"""Chooses the tracks of an experiment: evenly over pages and generators, the same every time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from unsung.data import read_manifest
from unsung.errors import ManifestError, UnknownName, UsageError
from unsung.evaluation._checks import OneClassError
from unsung.reproduce.experiment import Selection, Study
from unsung.types import Manifest, Track

__all__ = ["choose", "known_data", "open_manifests", "positive"]

_HASH = 64


def positive(track: Track) -> bool:
    """Say whether a track counts as AI: everything that is not human."""
    return track.label != "human"


def open_manifests(study: Study, data: Mapping[str, str]) -> dict[str, Manifest]:
    """Read every manifest of an experiment; ``data`` gives the path of each by its name.

    Raises:
        ManifestError: no path is given, the file cannot be read, or its hash is another.
        UnknownName: ``data`` names something that the experiment does not know.
    """
    wanted = study.experiment.manifests
    for name in data:
        if name not in known_data(study):
            raise UnknownName("data set of this experiment", name, known_data(study))
    found = {}
    for name, value in wanted.items():
        path = Path(data.get(name, value))
        if not path.is_file():
            raise ManifestError(
                f"manifest '{name}' of experiment '{study.experiment.name}': expected a file, "
                f"'{path}' is none; say where it is with --data {name}=PATH"
            )
        manifest = read_manifest(path)
        if len(value) == _HASH and manifest.sha256 != value and path.suffix != ".csv":
            raise ManifestError(
                f"{path}: manifest '{name}' has hash {manifest.sha256[:12]}, the experiment "
                f"expects {value[:12]}; take the version that it names"
            )
        found[name] = manifest
    return found


def known_data(study: Study) -> tuple[str, ...]:
    """Return the names that `--data` may give: manifests, detectors, the cross-fitted folder."""
    return (*study.experiment.manifests, "crossfit", *study.experiment.detectors)


def choose(study: Study, manifests: Sequence[Manifest], limit: int | None = None) -> list[Track]:
    """Return the tracks of an experiment, ordered by id.

    Args:
        study: says which labels, uses and how many.
        manifests: read from first to last.
        limit: at most so many tracks, both classes alike; None takes all.

    Raises:
        UsageError: nothing is left.
        OneClassError: all that is left is human, or all is AI.
    """
    select = study.select
    pool = [t for manifest in manifests for t in manifest if _fits(t, study)]
    _unique(pool)
    if not pool:
        raise UsageError(
            f"experiment '{study.experiment.name}': no track has a label among "
            f"{', '.join(select.labels)} and fits its other choices; see [select]"
        )
    half = None if limit is None else max(1, limit // 2)
    rng = np.random.default_rng(select.seed)
    human = _spread([t for t in pool if not positive(t)], select, "group", rng)
    others = _spread([t for t in pool if positive(t)], select, "family", rng)
    human = human[: _least(select.n_human, half)]
    others = others[: _least(select.n_ai, half)]
    if not human or not others:
        raise OneClassError(
            f"experiment '{study.experiment.name}': expected AI and human tracks, got "
            f"{len(others)} AI and {len(human)} human; add the class that is missing"
        )
    return sorted([*human, *others], key=lambda track: track.id)


def _fits(track: Track, study: Study) -> bool:
    select, split = study.select, study.experiment.split
    family = not positive(track) or not select.families or _family(track) in select.families
    use = not select.uses or track.use in select.uses
    return track.label in select.labels and use and family and split in ("", track.split)


def _unique(tracks: Sequence[Track]) -> None:
    seen: set[str] = set()
    for track in tracks:
        if track.id in seen:
            raise ManifestError(f"the id '{track.id}' stands twice; give every track its own")
        seen.add(track.id)


def _least(*counts: int | None) -> int | None:
    return min((n for n in counts if n is not None), default=None)


def _family(track: Track) -> str:
    return track.family or track.generator


def _spread(
    tracks: Sequence[Track], select: Selection, by: str, rng: np.random.Generator
) -> list[Track]:
    """Shuffle, then take one of each part in turn: a short prefix holds as many parts as it can."""
    parts: dict[str, list[Track]] = defaultdict(list)
    ordered = sorted(tracks, key=lambda track: track.id)
    for index in rng.permutation(len(ordered)):
        track = ordered[int(index)]
        parts[_family(track) if by == "family" else track.group].append(track)
    most = select.per_generator if by == "family" else None
    names = sorted(parts)
    turn = [names[int(i)] for i in rng.permutation(len(names))]
    longest = max((len(part[:most]) for part in parts.values()), default=0)
    return [
        parts[name][place] for place in range(longest) for name in turn if place < len(parts[name])
    ]
