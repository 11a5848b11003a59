# SPDX-License-Identifier: MIT
"""How far the relevance of a transformer's tokens spreads over time: a moment, or all of it?

    python bench/token_spread.py --data crews/test.jsonl --run crews/runs/spectttra-gamma-5s \
        -o results/token-spread.md [--tracks 40]

The middle of each excerpt, one window long, goes through a trained SpecTTTra and through the same
network with weights drawn at random. Of each explainer's relevance for "ai" the positive part is
summed over frequency; its effective share of moments is exp(entropy) over their number: 1 when all
moments count alike, 1/n when one does. Temporal and spectral tokens are shown apart where an
explainer keeps them apart. Means with 95 % intervals, bootstrap over pages. What a share cannot
say: whether the order of these moments matters; that is `experiments/long-range-*.toml`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from unsung.data import read_manifest
from unsung.errors import UnsungError
from unsung.evaluation.intervals import group_weights, percentile_interval
from unsung.explainers import build
from unsung.explainers._story import read_part
from unsung.explainers._subject import Subject
from unsung.training.opened import open_detector
from unsung.types import FloatArray, Track

METHODS = ("attention_rollout", "chefer", "generic_attention", "attn_lrp")
AXES = ("moments", "bands")


def effective_share(relevance: FloatArray) -> float:
    """Return exp(entropy) of the positive part, as a share of its length; NaN where there is none.

    >>> float(effective_share(np.ones(8)))
    1.0
    >>> float(effective_share(np.eye(8)[0]))
    0.125
    """
    positive = np.maximum(np.asarray(relevance, np.float64), 0)
    if not positive.sum() > 0:
        return float("nan")
    p = positive / positive.sum()
    entropy = -np.sum(p[p > 0] * np.log(p[p > 0]))
    return float(np.exp(entropy) / len(p))


def shares(relevance: FloatArray) -> dict[str, float]:
    """Return the effective shares over time and over frequency of ``[channel, freq, frame]``."""
    temporal = relevance[0] if len(relevance) == 2 else relevance.sum(0)
    spectral = relevance[-1] if len(relevance) == 2 else relevance.sum(0)
    return {
        "moments": effective_share(temporal.sum(0)),
        "bands": effective_share(spectral.sum(1)),
    }


def drawn(tracks: list[Track], n: int) -> list[Track]:
    """Return at most ``n`` tracks of each class, pages in turn, so that no page rules."""
    found: list[Track] = []
    for label in ("human", "ai"):
        pages: dict[str, list[Track]] = {}
        for track in sorted(tracks, key=lambda track: track.id):
            if track.label == label and track.use in ("", "full"):
                pages.setdefault(track.group, []).append(track)
        turns = [own[k] for k in range(n) for own in pages.values() if k < len(own)]
        found += turns[:n]
    return found


def measured(
    subject_of: Callable[..., Subject], tracks: list[Track], window_s: float
) -> dict[tuple[str, str, str], list[tuple[str, float]]]:
    """Return (label, method, axis) → (page, share) of every track."""
    rows: dict[tuple[str, str, str], list[tuple[str, float]]] = {}
    for track in tracks:
        try:
            subject = subject_of(read_part(track.path, None, window_s))
            for method in METHODS:
                for axis, value in shares(build(method)(subject, "ai").relevance).items():
                    rows.setdefault((track.label, method, axis), []).append((track.group, value))
        except UnsungError as error:
            print(f"{track.path}: {error}", flush=True)
    return rows


def page(found: dict[str, dict[tuple[str, str, str], list[tuple[str, float]]]], text: str) -> str:
    """Return the Markdown page."""
    lines = ["# How far token relevance spreads", "", text, ""]
    for axis in AXES:
        lines += [f"## Effective share of {axis}", "",
                  "| method | " + " | ".join(f"{w}, {c}" for w in found for c in ("human", "ai"))
                  + " |", "|---|" + "---|" * (2 * len(found))]  # fmt: skip
        for method in METHODS:
            cells = []
            for rows in found.values():
                for label in ("human", "ai"):
                    own = [(g, v) for g, v in rows.get((label, method, axis), []) if v == v]
                    cells.append(_cell(own))
            lines.append(f"| {method} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _cell(rows: list[tuple[str, float]]) -> str:
    if len({group for group, _ in rows}) < 2:
        return ""
    groups, values = [group for group, _ in rows], np.array([value for _, value in rows])
    weights = group_weights(np.zeros(len(values), np.int64), groups, 1000, seed=0)
    found = percentile_interval(float(values.mean()), weights @ values / weights.sum(1))
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="manifest of unheard excerpts")
    parser.add_argument("--run", type=Path, required=True, help="folder with best.pt")
    parser.add_argument("--tracks", type=int, default=40, help="of each class, at most")
    parser.add_argument("-o", "--out", type=Path, default=Path("results/token-spread.md"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    trained = open_detector(str(given.run / "best.pt"))
    untrained = open_detector(str(given.run / "best.pt"))
    tracks = drawn(list(read_manifest(given.data).tracks), given.tracks)
    for module in untrained.detector.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    window_s = float(trained.detector.window_s)
    found = {
        "trained": measured(trained.subject, tracks, window_s),
        "random weights": measured(untrained.subject, tracks, window_s),
    }
    text = (
        f"Written by `python bench/token_spread.py`; do not edit. {trained.name}, {len(tracks)} "
        f"excerpts of {len({t.group for t in tracks})} pages that it was not trained on, "
        f"{window_s:g} s each. " + " ".join((__doc__ or "").split("\n\n")[2].split())
    )
    given.out.write_text(page(found, text), encoding="utf-8")
    print(given.out)


if __name__ == "__main__":
    main()
