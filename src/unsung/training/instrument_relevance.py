# SPDX-License-Identifier: MIT
"""What an instrument CNN listens to: relevance measured on sounds whose truth is known.

    python -m unsung.training.instrument_relevance NAME=RUN ... \
        -o results/instrument-relevance/measured.json

Every question compares a share of positive relevance with two things that know nothing of the
network: the share that the same cells have of the area (a random map) and of the picture's edges
(the Sobel map, which many saliency methods cannot be told from). Relevance: CRP's rules
(EpsilonPlusFlat, as in the study, and EpsilonPlus), gradient × input, and occlusion-free random
weights (the same network shuffled) as the sanity check of Adebayo et al. 2018. Values are means
with 95 % bootstrap intervals over sounds. When not to use: to say what a recording's network hears;
these are a SoundFont's notes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.ndimage
import torch
from numpy.typing import NDArray
from torch import Tensor

from unsung.detectors.instrument_cnn import INSTRUMENTS
from unsung.relevance import Attribution, attribute, composite, merged_batch_norms
from unsung.synthesis.instruments import find_soundfont
from unsung.text import parse_json
from unsung.training.instrument_measure import load_network
from unsung.training.instrument_pictures import PictureCNN
from unsung.training.instrument_truth import Mask, Probe, Studio
from unsung.types import FloatArray

__all__ = ["METHODS", "PITCHES", "Walker", "lift", "main", "summary"]

METHODS = ("epsilon_plus_flat", "epsilon_plus", "gradient_input")
PITCHES = (60, 64, 67, 72)
SUSTAINED = ("string ensemble 1", "trumpet", "drawbar organ", "violin", "soprano sax", "piccolo")
STRUCK = ("acoustic grand piano", "acoustic guitar (nylon)", "celesta", "acoustic bass")
REPLICATES = 1000


class Walker:
    """A network with relevance: logits and maps of pictures."""

    def __init__(self, network: PictureCNN) -> None:
        self.network = network
        self._module = _OnImages(network).eval()
        for parameter in self._module.parameters():
            parameter.requires_grad_(False)

    def logits(self, images: Sequence[FloatArray]) -> NDArray[np.float64]:
        """Shape: ``[side, side]`` each → ``[image, output]``."""
        with torch.no_grad():
            found: Tensor = self._module(self._batch(np.stack(images)))
            return found.double().numpy()

    def relevance(self, image: FloatArray, target: int, method: str) -> FloatArray:
        """Return the map of one output. Shape: ``[side, side]`` → the same."""
        return self.walk(image, target, method).heatmap[0].sum(0).numpy()

    def walk(
        self, image: FloatArray, target: int, method: str, record: Sequence[str] = (),
        conditions: Sequence[dict[str, list[int]]] = ({},),
    ) -> Attribution:  # fmt: skip
        """Walk back from one output; see `unsung.relevance.attribute`."""
        x = self._batch(image[None])
        if method == "gradient_input":
            leaf = x.clone().requires_grad_()
            (slope,) = torch.autograd.grad(self._module(leaf)[0, target], leaf)
            return Attribution(slope * x, torch.zeros(1), {}, {})
        names = [f"network.{name}" for name in record]
        rows = [{f"network.{k}": v for k, v in c.items()} for c in conditions]
        with merged_batch_norms(self._module, x):
            return attribute(
                self._module, x, target, composite(method), record=names, conditions=rows
            )

    def shuffled(self, seed: int = 0) -> Walker:
        """Return the same network with the weights of every layer in random order."""
        import copy

        other = copy.deepcopy(self.network)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, value in other.named_parameters():
                if name.startswith(("conv", "fc")):
                    order = torch.randperm(value.numel(), generator=generator)
                    value.copy_(value.flatten()[order].reshape(value.shape))
        return Walker(other)

    def _batch(self, images: FloatArray) -> Tensor:
        x = torch.from_numpy(images)[:, None]
        return x.expand(-1, self.network.channels, -1, -1).contiguous()


class _OnImages(torch.nn.Module):
    def __init__(self, network: PictureCNN) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        return self.network.classify(image)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure networks and write one JSON file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", help="NAME=FOLDER; all tests for the first, the "
                        "single notes for the others")  # fmt: skip
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--soundfont", type=Path)
    given = parser.parse_args(argv)
    from unsung.training.instrument_questions import questions

    found: dict[str, Any] = {}
    if given.out.exists():  # networks that are measured already stay
        found = parse_json(given.out.read_text(encoding="utf-8"))
    for number, item in enumerate(given.runs):
        name, _, folder = item.partition("=")
        if name in found:
            continue
        network = load_network(Path(folder))
        studio = Studio(network.side, network.window_s, find_soundfont(given.soundfont))
        facts = parse_json((Path(folder) / "run.json").read_text(encoding="utf-8"))
        found[name] = {
            "layers": network.layers, "side": network.side, "n_train": facts["n_train"],
            "steps": facts["best"]["step"], "valid_macro_f1": facts["best"]["macro_f1"],
            "single": single_notes(Walker(network), studio),
        }  # fmt: skip
        if number == 0:
            found[name] |= questions(Walker(network), studio)
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(f"{name}: measured", flush=True)


def single_notes(walker: Walker, studio: Studio) -> dict[str, Any]:
    """Return, for notes alone, where relevance lies against area and edges, by instrument."""
    random = walker.shuffled()
    rows: list[dict[str, Any]] = []
    for probe in studio.single(INSTRUMENTS, PITCHES):
        target = INSTRUMENTS.index(probe.name)
        logits = walker.logits([probe.image])[0]
        row: dict[str, Any] = {
            "name": probe.name, "pitch": probe.pitch, "right": bool(logits.argmax() == target),
            "said": float(logits[target]),
            "area": _pair(np.ones_like(probe.image), probe),
            "energy": _pair(probe.image + 1, probe),
            "edges": _pair(edges(probe.image), probe),
        }  # fmt: skip
        for method in METHODS:
            row[method] = _pair(walker.relevance(probe.image, target, method), probe)
        shuffled = random.relevance(probe.image, target, "epsilon_plus")
        row["shuffled"] = _pair(shuffled, probe)
        rows.append(row)
    kinds = ("energy", "edges", "shuffled", *METHODS)
    return {
        "n": len(rows),
        "right": float(np.mean([row["right"] for row in rows])),
        "harmonics": {k: summary([lift(r[k][0], r["area"][0]) for r in rows]) for k in kinds},
        "attack": {k: summary([lift(r[k][1], r["area"][1]) for r in rows]) for k in kinds},
        "note": {k: summary([r[k][2] for r in rows]) for k in (*kinds, "area")},
        "by_instrument": {
            name: _of_instrument([row for row in rows if row["name"] == name])
            for name in INSTRUMENTS
        },
        "rows": rows,
    }


def _of_instrument(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "right": float(np.mean([row["right"] for row in rows])),
        **{
            key: {k: float(np.mean([lift(r[k][i], r["area"][i]) for r in rows]))
                  for k in ("energy", "edges", *METHODS)}
            for i, key in enumerate(("harmonics", "attack"))
        },
    }  # fmt: skip


def _pair(relevance: FloatArray, probe: Probe) -> tuple[float, float, float]:
    """Return shares: harmonics in the note below 4 kHz, attack in the note, note in all."""
    return (
        share(relevance, probe.harmonics, probe.low),
        share(relevance, probe.attack, probe.note),
        share(relevance, probe.note, np.ones_like(probe.note)),
    )


def share(relevance: FloatArray, inner: Mask, outer: Mask) -> float:
    """Return how much of the positive relevance in the outer cells lies in the inner ones."""
    positive = np.maximum(relevance, 0).astype(np.float64)
    total = float(positive[outer].sum())
    return float(positive[inner & outer].sum()) / total if total > 0 else 0.0


def lift(part: float, chance: float) -> float:
    """Return a share over the share that the same cells have of the area: 1 is chance."""
    return part / chance if chance > 0 else 0.0


def edges(image: FloatArray) -> FloatArray:
    """Return the size of the Sobel gradient: a map that knows nothing of the network."""
    found: FloatArray = np.hypot(scipy.ndimage.sobel(image, 0), scipy.ndimage.sobel(image, 1))
    return found


def summary(values: Sequence[float], seed: int = 0) -> dict[str, float]:
    """Return mean, 95 % bootstrap interval over sounds, and count."""
    array = np.asarray(values, np.float64)
    if not len(array):
        return {"value": float("nan"), "low": float("nan"), "high": float("nan"), "n": 0}
    draws = np.random.default_rng(seed).integers(0, len(array), (REPLICATES, len(array)))
    low, high = np.quantile(array[draws].mean(1), [0.025, 0.975])
    return {"value": float(array.mean()), "low": float(low), "high": float(high), "n": len(array)}


Question = Callable[[Walker, Studio], dict[str, Any]]


if __name__ == "__main__":
    main()
