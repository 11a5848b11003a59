# SPDX-License-Identifier: MIT
"""Seconds to explain 30 s before the default detector, beside captum's integrated gradients.

    python bench/explain.py [--rounds 3] [-o results/explain-speed.md]

CPU seconds of one process with one thread, the best of several rounds in which all take turns; the
sound is 30 s that `unsung.synthesis` plays. "captum" is its `IntegratedGradients` on the same
network, pictures, baseline and 50 Gauss–Legendre steps, one step at a time (in one batch it takes
50 times the memory). Pictures are made once for all and timed apart. The page's size is that of
`unsung explain -o`, sounds included.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from unsung.audio.write import write
from unsung.explainers import OfBundle, build, explain, listen
from unsung.explainers._torch import tensors
from unsung.reports.explanation import write_explanation
from unsung.runtime import load_bundle
from unsung.synthesis.render import render
from unsung.synthesis.score import compose
from unsung.types import Clip

SECONDS = 30.0
METHODS = ("exact_linear", "gradient_input", "integrated_gradients", "smooth_grad", "lrp")


def sound() -> Clip:
    """Return 30 s of a piece that this program plays, repeated where it is shorter."""
    played = render(compose("guitar", 0), 0)
    wanted = round(SECONDS * played.sample_rate_hz)
    samples = np.tile(played.samples, (1, -(-wanted // played.samples.shape[1])))[:, :wanted]
    return Clip(np.ascontiguousarray(samples), played.sample_rate_hz)


def best(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the least CPU time of each, taken in turns."""
    found = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds):
        for name, run in contenders.items():
            start = time.process_time()
            run()
            found[name] = min(found[name], time.process_time() - start)
    return found


def captum_map(subject) -> Callable[[], object]:
    """Return captum's integrated gradients of the same question."""
    from captum.attr import IntegratedGradients

    method = IntegratedGradients(subject.network())
    pictures = tuple(tensors([p.values for p in subject.planes]))
    nothing = tuple(tensors(subject.baseline("mean")))

    def run() -> object:
        return method.attribute(pictures, nothing, n_steps=50, internal_batch_size=1)

    return run


def page_bytes(clip: Clip, detector: OfBundle) -> int:
    """Return the size of the page of a whole explanation."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "song.flac"
        write(path, clip)
        found = explain(str(path), detector=detector, seconds=SECONDS, turn=False)
        page = write_explanation(found, listen(found.explanation, found.clip), Path(folder) / "why")
        return page.stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("-o", "--out", type=Path)
    choice = parser.parse_args()
    torch.set_num_threads(1)
    detector, clip = OfBundle(load_bundle()), sound()
    subject = detector.subject(clip)
    contenders: dict[str, Callable[[], object]] = {"pictures": lambda: detector.subject(clip)}
    for name in METHODS:
        contenders[name] = lambda name=name: build(name)(subject)
    contenders["captum, integrated gradients"] = captum_map(subject)
    found = best(contenders, choice.rounds)
    ratio = found["captum, integrated gradients"] / found["integrated_gradients"]
    ours = build("integrated_gradients")(subject).relevance.sum(dtype=np.float64)
    theirs = sum(
        float(part.double().sum()) for part in contenders["captum, integrated gradients"]()
    )
    lines = [
        "# Speed of explanations",
        "",
        f"Written by `bench/explain.py`: {SECONDS:g} s of sound before {detector.name}, CPU "
        f"seconds on one core ({platform.machine()}, torch {torch.__version__}, captum "
        f"{metadata.version('captum')}), best of {choice.rounds} rounds; do not edit.",
        "",
        "| part | CPU s |",
        "|---|---|",
        *(f"| {name} | {value:.3f} |" for name, value in found.items()),
        "",
        f"captum takes {ratio:.2f} times as long as our integrated gradients; the sums of both "
        f"maps are {theirs:.4f} and {ours:.4f} logits. The slowest method with its pictures takes "
        f"{found['pictures'] + max(found[name] for name in METHODS):.2f} s; wanted: under 2 s.",
    ]
    print("\n".join(lines), flush=True)
    size = (
        f"The page with its sounds has {page_bytes(clip, detector) / 1e6:.2f} MB; wanted: under 5."
    )
    print(size)
    text = "\n".join([*lines, size]) + "\n"
    if choice.out:
        choice.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
