# SPDX-License-Identifier: MIT
"""From a recipe to what a run needs: the detector, and tracks divided without leaks.

With ``data.fold`` that fold is the test and the rest is divided into training and validation by
whole groups, so that no page, recording or pair stands on two sides. Without it the manifest's own
splits train, valid and test count.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from unsung import registry
from unsung.data import read_manifest
from unsung.data.split import split
from unsung.detectors.base import Detector
from unsung.errors import ManifestError, UnknownName, UsageError
from unsung.training.fitting import load_start, option_values, set_stage
from unsung.training.recipe import Recipe
from unsung.training.sampling import mixed_seed
from unsung.training.settings import Data
from unsung.training.store import SoundStore
from unsung.training.targets import Targets, check_classes
from unsung.types import Manifest, Track

__all__ = ["Material", "build_detector", "prepare", "select"]


@dataclass(frozen=True)
class Material:
    """Tracks of each part whose sound is at hand, and why others are not.

    Attributes:
        left_out: path → why the track is not used.
        sha256: hash over all rows of all parts.
    """

    train: tuple[Track, ...]
    valid: tuple[Track, ...]
    test: tuple[Track, ...]
    targets: Targets
    store: SoundStore
    window_s: float
    left_out: dict[str, str]
    sha256: str


def build_detector(recipe: Recipe) -> Detector:
    """Build the recipe's detector with its seed, load its weights, freeze what is not to learn.

    Raises:
        UsageError: an option that the detector does not have, or a `train_only` that names nothing.
        UnknownName: no detector of that name.
        BundleError: weights that do not fit.
    """
    kind: type[Any] = registry.get("detectors", recipe.detector)
    torch.manual_seed(mixed_seed(recipe.run.seed, 2))
    try:
        detector: Detector = kind(**option_values(recipe.options))
    except TypeError as error:
        raise UsageError(
            f"options: {recipe.detector} cannot be built with {dict(recipe.options)} ({error})"
        ) from error
    if recipe.weights:
        load_start(detector, Path(recipe.weights), recipe.skip_weights)
    set_stage(detector, recipe.stage, recipe.last_layers)
    only = recipe.optimiser.train_only
    if only:
        for name, parameter in detector.named_parameters():
            parameter.requires_grad_(name.startswith(only))
    if recipe.optimiser.name == "closed_form":
        return detector
    if not any(p.requires_grad for p in detector.parameters()):
        names = sorted({name.split(".")[0] for name, _ in detector.named_parameters()})
        raise UsageError(
            f"expected parameters that learn, {recipe.detector} has none left; "
            f"optimiser.train_only = {list(only)}, its parts: {', '.join(names) or 'none'}"
        )
    return detector


def prepare(
    recipe: Recipe,
    detector: Detector,
    on_progress: Callable[[int, int], None] | None = None,
) -> Material:
    """Read the manifests, divide them, decode what is not in the store yet.

    Raises:
        EmptyClass: a part lacks positives or negatives.
        ManifestError: manifests that cannot be read, or splits that leak.
    """
    data = recipe.data
    tracks, unused = select(data)
    parts = _divided(tracks, data, recipe.run.seed)
    window_s = data.window_s or detector.window_s
    rate_hz = detector.front_ends[0].sample_rate_hz
    store = SoundStore(Path(data.cache), rate_hz, max(data.longest_s, window_s), data.store)
    every = [track for part in parts.values() for track in part]
    left_out = {**unused, **store.prepare(every, data.jobs, on_progress)}
    targets = Targets.of(detector.outputs, recipe)
    usable = {k: tuple(t for t in v if t.path not in left_out) for k, v in parts.items()}
    check_classes("training", targets, usable["train"])
    check_classes("validation", targets, usable["valid"])
    if usable["test"]:
        check_classes("test", targets, usable["test"])
    digest = hashlib.sha256(
        json.dumps([[k, t.id, t.label, t.sha256] for k, v in usable.items() for t in v]).encode()
    )
    return Material(
        usable["train"], usable["valid"], usable["test"], targets, store, window_s, left_out,
        digest.hexdigest(),
    )  # fmt: skip


def select(data: Data) -> tuple[list[Track], dict[str, str]]:
    """Return the tracks that a recipe asks for, and path → why a track is left out.

    Raises:
        UsageError: no manifest is named.
    """
    if not data.manifests:
        raise UsageError(
            "data.manifests: expected a manifest to train on, got none; give --data music.csv"
        )
    chosen, unused = [], {}
    for path in data.manifests:
        for track in read_manifest(Path(path)):
            reason = _reason(track, data)
            if reason:
                unused[track.path] = reason
            else:
                chosen.append(track)
    if data.limit:
        chosen = _limited(chosen, data)
    return chosen, unused


def _reason(track: Track, data: Data) -> str:
    if data.targets:
        return ""
    if track.label not in (*data.positive, *data.negative):
        return f"label {track.label} is neither positive nor negative"
    if data.uses and track.label in data.positive and track.use not in data.uses:
        return f"use {track.use or 'unknown'} is not among data.uses"
    return ""


def _limited(tracks: Sequence[Track], data: Data) -> list[Track]:
    """Keep so many of each class and split, spread evenly through the manifest."""
    lots: dict[tuple[str, bool], list[Track]] = defaultdict(list)
    for track in tracks:
        lots[(track.split, track.label in data.positive)].append(track)
    kept = set()
    share = max(1, data.limit // max(1, len({name for name, _ in lots})))
    for lot in lots.values():
        step = max(1.0, len(lot) / share)
        kept |= {lot[int(i * step)].path for i in range(min(share, len(lot)))}
    return [track for track in tracks if track.path in kept]


def _divided(tracks: Sequence[Track], data: Data, seed: int) -> dict[str, list[Track]]:
    splits = {track.split for track in tracks}
    if data.fold:
        if data.fold not in splits:
            raise UnknownName("fold in the manifests", data.fold, splits - {""})
        test = [t for t in tracks if t.split == data.fold]
        rest = [dataclasses.replace(t, split="") for t in tracks if t.split != data.fold]
        _no_leak(test, rest)
        return _shared_out(rest, data.valid_share, seed) | {"test": test}
    named = {k: [t for t in tracks if t.split == k] for k in ("train", "valid", "test")}
    if not named["train"]:
        if splits & {"valid", "test"} or any(splits):
            raise ManifestError(
                f"the manifests: expected a split named train, or data.fold among "
                f"{', '.join(sorted(splits - {''}))}; give --set data.fold=NAME"
            )
        return _shared_out(list(tracks), data.valid_share, seed) | {"test": []}
    if not named["valid"]:
        rest = [dataclasses.replace(t, split="") for t in named["train"]]
        return _shared_out(rest, data.valid_share, seed) | {"test": named["test"]}
    return named


def _shared_out(tracks: list[Track], share: float, seed: int) -> dict[str, list[Track]]:
    made = split(Manifest("rest", "1", tuple(tracks)), {"train": 1 - share, "valid": share},
                 seed=seed)  # fmt: skip
    return {k: [t for t in made if t.split == k] for k in ("train", "valid")}


def _no_leak(test: Sequence[Track], rest: Sequence[Track]) -> None:
    for key in ("group", "recording", "pair_id"):
        both = {getattr(t, key) for t in test} & {getattr(t, key) for t in rest} - {""}
        if both:
            raise ManifestError(
                f"the test fold shares the {key} '{min(both)}' with what is trained on; "
                "divide the manifest again with `unsung data split`"
            )
