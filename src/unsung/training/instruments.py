# SPDX-License-Identifier: MIT
"""Trains the instrument CNN on a corpus of `unsung synth instruments`, from pictures made once.

    python -m unsung.training.instruments CORPUS -o RUN --recipe instrument_cnn-small

The loop, its checkpoints and its resumption are those of `unsung train`; only the pictures come
out of a store. Weights of positive targets follow from the training clips (absent over present),
as in the study. ``--start`` takes the weights of another side: convolutions as they are, the last
layer's maps resized (progressive resizing), so that most epochs can run at a quarter of the cost.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as nnf

from unsung.data import read_manifest
from unsung.training.distributed import Team
from unsung.training.instrument_pictures import PictureCNN, PictureStore
from unsung.training.logs import Progress
from unsung.training.loop import Trainer
from unsung.training.prepare import Material
from unsung.training.recipe import Recipe, find_recipe, load_recipe
from unsung.training.sampling import mixed_seed
from unsung.training.targets import Targets
from unsung.types import Track

__all__ = ["load_weights", "main", "resized", "train"]

WEIGHTS = "weights.safetensors"


def main(argv: Sequence[str] | None = None) -> None:
    """Train one network."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("corpus", type=Path, help="folder of `unsung synth instruments`")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--recipe", default="instrument_cnn", help="name or TOML")
    parser.add_argument("--set", action="append", default=[], help="key=value of the recipe")
    parser.add_argument("--pictures", type=Path, required=True, help="folder of the pictures")
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--clips", type=int, default=0, help="training clips; 0 takes all")
    given = parser.parse_args(argv)
    names = [
        f"data.manifests=['{given.corpus / 'manifest.jsonl'}']",
        f"data.targets='{given.corpus / 'labels.jsonl'}'",
    ]
    recipe = load_recipe(find_recipe(given.recipe), [*names, *given.set])
    train(recipe, given.out, given.pictures, start=given.start, clips=given.clips)


def train(
    recipe: Recipe, out: Path, pictures: Path, *, start: Path | None = None, clips: int = 0
) -> dict[str, Any]:
    """Train until the recipe's epochs or minutes are used up; returns the best epoch.

    Args:
        recipe: its manifest's splits train and valid count.
        out: folder of checkpoints, logs and the kept weights.
        pictures: folder of the store, shared between runs.
        start: weights to begin with, of any side.
        clips: how many training clips to take, the first ones; 0 takes all.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(mixed_seed(recipe.run.seed, 2))
    detector = PictureCNN(**recipe.options)
    if start is not None:
        load_weights(detector, start)
    tracks = [t for path in recipe.data.manifests for t in read_manifest(Path(path))]
    parts = {name: tuple(t for t in tracks if t.split == name) for name in ("train", "valid")}
    parts["train"] = parts["train"][: clips or None]
    store = PictureStore(
        pictures, detector.window_s, detector.side, [t.path for t in parts["train"]]
    )
    store.prepare([*parts["train"], *parts["valid"]], on_progress=_told)
    targets = Targets.of(detector.outputs, recipe)
    if not recipe.loss.class_weights:
        loss = dataclasses.replace(recipe.loss, class_weights=_weights(targets, parts["train"]))
        recipe = dataclasses.replace(recipe, loss=loss)
    material = Material(
        parts["train"], parts["valid"], (), targets, store, detector.window_s, {}, ""
    )
    team = Team(torch.device("cpu"))
    trainer = Trainer(recipe, detector, material, out, team=team, on_progress=_spoken)
    history = trainer.run()
    trainer.load_best()
    save_file(detector.state_dict(), out / WEIGHTS)
    best: dict[str, Any] = dict(trainer.best or {})
    facts = {"recipe": recipe.to_dict(), "best": best, "epochs": history,
             "n_train": len(parts["train"]), "n_valid": len(parts["valid"])}  # fmt: skip
    (out / "run.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return best


def load_weights(detector: PictureCNN, path: Path) -> None:
    """Load weights of the same depth; a last layer of another side is resized."""
    state = load_file(path)
    wanted = detector.fc.weight.shape[1]
    if state["fc.weight"].shape[1] != wanted:
        channels = getattr(detector, f"conv{detector.layers}").out_channels
        state["fc.weight"] = resized(state["fc.weight"], channels, wanted)
    detector.load_state_dict(state)


def resized(weight: Tensor, channels: int, wanted: int) -> Tensor:
    """Resize a last layer's maps so that the sum over a map stays what it was.

    Shape: ``[output, channels · a · a]`` → ``[output, wanted]``, wanted = channels · b · b.
    """
    old = round((weight.shape[1] / channels) ** 0.5)
    new = round((wanted / channels) ** 0.5)
    maps = weight.reshape(len(weight), channels, old, old)
    larger = nnf.interpolate(maps, size=(new, new), mode="bilinear", align_corners=False)
    scaled: Tensor = larger * (old / new) ** 2
    return scaled.flatten(1)


def _weights(targets: Targets, tracks: Sequence[Track]) -> tuple[float, ...]:
    present = targets.matrix(tracks).mean(0)
    return tuple(round(float((1 - share) / share), 4) for share in present)


def _told(done: int, total: int) -> None:
    if done % 200 == 0 or done == total:
        print(f"pictures {done} of {total}", flush=True)


def _spoken(progress: Progress) -> None:
    if progress.note or progress.done % 20 == 0:
        loss = "" if progress.loss is None else f" loss {progress.loss:.3f}"
        print(f"step {progress.done} of {progress.total}{loss} {progress.note}", flush=True)


if __name__ == "__main__":
    main()
