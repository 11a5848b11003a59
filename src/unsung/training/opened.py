# SPDX-License-Identifier: MIT
"""Opens whatever holds a detector, for explanation: by what it is, without being told.

A packaged bundle or the folder of one; a run folder of `unsung train` or a checkpoint in it, with
the thresholds of its validation tracks; a folder of `unsung weights fetch|pull|convert`; the name
of published weights that were fetched; a published file under its published name; or any weights
as ``detector:file``. Nothing in a file is executed. When not to use: to scan many songs; export a
bundle where the detector can be exported.
"""

from __future__ import annotations

import csv
import hashlib
import math
from pathlib import Path

import numpy as np

from unsung import registry
from unsung.detectors._cards import WeightsCard, card, cards
from unsung.errors import BundleError, MissingExtra, UnknownName, UsageError
from unsung.evaluation.conformal import conformal_threshold
from unsung.explainers import Explainable, OfBundle, OfNetwork
from unsung.runtime import bundle_names, load_bundle
from unsung.text import parse_json

__all__ = ["open_detector"]

RECIPE, WEIGHTS, SCORES = "recipe.json", "detector.safetensors", "scores.csv"
BUNDLE, CONFIG = "bundle.json", "config.json"
CHECKPOINTS = ("best.pt", "last.pt")
SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")


def open_detector(where: str) -> Explainable:
    """Return a detector with what explaining a song needs.

    Raises:
        UnknownName: neither a name nor a place that there is.
        UsageError: weights whose detector cannot be told, or that were not fetched yet.
        BundleError: a file is damaged or does not fit its detector.
        MissingExtra: a torch detector, and torch is not installed.
    """
    if where in bundle_names():
        return OfBundle(load_bundle(where))
    kind, colon, file = where.partition(":")
    if colon and kind in registry.names("detectors"):
        return _of_file(Path(file), kind)
    path = Path(where)
    if path.is_dir():
        return _of_folder(path)
    if path.is_file():
        return _of_checkpoint(path)
    published = [one.name for one in cards()]
    if where in published:
        return _fetched(where)
    if path.suffix in SUFFIXES:
        raise UsageError(f"{where}: no such file of weights; check the path")
    known = [*bundle_names(), *published]
    raise UnknownName("bundle, run folder, weights or published weights", where, known)


def _of_folder(folder: Path) -> Explainable:
    if (folder / BUNDLE).is_file():
        return OfBundle(load_bundle(folder))
    if (folder / "bundle" / BUNDLE).is_file():  # of a run: exact, and judged as a scan does
        bundle = load_bundle(folder / "bundle")
        if not bundle.windowed:  # a network's bundle has no exact shares: its checkpoint has
            return OfBundle(bundle)
    if (folder / RECIPE).is_file():
        return _of_run(folder, None)
    if (folder / CONFIG).is_file():
        _need_torch()
        from unsung.export.pretrained import load_pretrained

        return OfNetwork(load_pretrained(folder), folder.name, note=_note_of(folder))
    raise BundleError(
        f"{folder}: expected {BUNDLE}, {RECIPE} or {CONFIG} in the folder, found none; give the "
        "folder of a bundle, of `unsung train` or of `unsung weights`"
    )


def _of_run(folder: Path, checkpoint: Path | None) -> OfNetwork:
    """Open a run of `unsung train`, finished or not."""
    _need_torch()
    from unsung.detectors._checkpoints import put_weights, read_weights
    from unsung.training.checkpoint import load_checkpoint
    from unsung.training.prepare import build_detector
    from unsung.training.recipe import Recipe

    try:
        recipe = Recipe.from_plain(parse_json((folder / RECIPE).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise BundleError(f"{folder / RECIPE}: cannot be read ({error}); train again") from error
    places = [checkpoint] if checkpoint else [folder / n for n in (WEIGHTS, *CHECKPOINTS)]
    path = next((p for p in places if p.is_file()), None)
    if path is None:
        raise BundleError(
            f"{folder}: expected {WEIGHTS} or a checkpoint beside {RECIPE}, found none; "
            "let the run get through its first epoch"
        )
    detector = build_detector(recipe)
    if path.name in CHECKPOINTS:
        state = load_checkpoint(path).get("network", {})
        found = {k.removeprefix("detector."): v for k, v in state.items()}
    else:
        found = read_weights(path)
    put_weights(detector, found, str(path))
    detector.eval()
    human = _human_scores(folder / SCORES)
    if not human:
        note = "this run has no validation scores yet: the sign of the logit is its verdict"
        return OfNetwork(detector, recipe.name, note=note)

    def limits(rate: float) -> tuple[float | None, float | None]:
        above = conformal_threshold(list(human.values()), rate, list(human))
        return (0.0, 0.0) if above is None else (above, min(0.0, above))

    needed = math.ceil(1 / 0.01 - 1)
    note = f"thresholds from {len(human)} human validation recordings"
    if len(human) < needed:
        note += (
            f"; a promise of 1 % false alarms needs {needed}: where they are too few for the "
            "stated rate, the sign of the logit is the verdict"
        )
    return OfNetwork(detector, recipe.name, limits, note)


def _human_scores(path: Path) -> dict[str, float]:
    """Return the highest score of each group of human validation tracks."""
    found: dict[str, float] = {}
    if not path.is_file():
        return found
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["part"] == "valid" and row["label"] == "human":
                score = float(row["score"])
                if np.isfinite(score):
                    found[row["path"]] = score
    return found


def _of_checkpoint(path: Path) -> Explainable:
    """Open one file by what lies beside it, or by its published name."""
    if (path.parent / RECIPE).is_file():
        return _of_run(path.parent, path)
    if (path.parent / CONFIG).is_file():
        return _of_folder(path.parent)
    about = _published(path)
    if about is not None:
        return _of_file(path, about.detector, about)
    names = ", ".join(registry.names("detectors"))
    raise UsageError(
        f"{path}: which detector do these weights fit? write for example spectttra:{path}; "
        f"detectors: {names}"
    )


def _published(path: Path) -> WeightsCard | None:
    """Return the card of a published file: by its hash, or by its name where no hash is known."""
    came = hashlib.sha256(path.read_bytes()).hexdigest()
    found = [one for one in cards() if one.sha256 == came]
    found += [one for one in cards() if not one.sha256 and Path(one.file).name == path.name]
    # The hubs call every file pytorch_model.bin: a name that many share says nothing.
    return found[0] if len(found) == 1 else None


def _of_file(path: Path, kind: str, about: WeightsCard | None = None) -> OfNetwork:
    _need_torch()
    from unsung.detectors._checkpoints import load_weights
    from unsung.export.pretrained import make

    released = getattr(registry.get("detectors", kind), "from_released", None)
    if released is not None and (about is None or about.released):
        try:
            return OfNetwork(released(path), path.stem, note=_words(about))
        except BundleError:
            if about is not None:
                raise
    detector = make(kind, about.parameters if about else {})
    load_weights(detector, path)
    return OfNetwork(detector.eval(), path.stem, note=_words(about))


def _fetched(name: str) -> Explainable:
    from unsung.export.hub import default_folder

    folder = default_folder(name)
    if not (folder / CONFIG).is_file():
        raise UsageError(f"{name}: not fetched yet; run: unsung weights fetch {name}")
    found = _of_folder(folder)
    found.name, found.note = name, _words(card(name))
    return found


def _note_of(folder: Path) -> str:
    known = {one.name: one for one in cards()}
    return _words(known.get("/".join(folder.parts[-2:])))


def _words(about: WeightsCard | None) -> str:
    words = (
        "published or converted weights without thresholds: the sign of the logit is the verdict"
    )
    return f"{words}. {about.notes}" if about and about.notes else words


def _need_torch() -> None:
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtra("torch", "research", "explaining a torch detector") from error
