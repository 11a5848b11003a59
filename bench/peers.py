# SPDX-License-Identifier: MIT
"""Our detector and its peers on one manifest, in one run, with paired intervals.

    python bench/peers.py --data music.csv --crossfit FOLDS [--crews CREWS] \
        [--peer NAME=model.onnx,rate=16000,window=5[,output=1][,probability]] [-o results/peers]

* ``default``: our bundles fitted without each fold (`python -m unsung.training.folds`);
* ``linear residual spectrum``: the published linear peak detector's front end, fitted here without
  each fold (Afchar et al., ISMIR 2025);
* every bundle of ``--crews`` (`python -m unsung.training.architectures`): networks on mel spectra,
  descriptors with logistic regression, ..., each scored on the folds that it has not heard;
* every ``--peer``: an ONNX graph by path that takes mono sound ``[1, time]`` at a rate and gives
  logits (or probabilities): windows one after another, their mean logit. It comes as it is, trained
  on whatever its makers used; if that was these very tracks, its row says nothing.

Each peer is compared with the default on the tracks that both have scored, resampling source pages
for both at once. Fully generated tracks against human ones, all rows of the table's folds.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from unsung.audio.read import read_clip
from unsung.audio.resample import resample
from unsung.data.table import read_table
from unsung.errors import UnsungError, UsageError
from unsung.evaluation import (
    bootstrap_difference,
    bootstrap_interval,
    detection_rate_at,
    eer,
    roc_auc,
)
from unsung.evaluation.weighted import auc_many
from unsung.runtime import load_bundle
from unsung.training.crossfit import BASELINE_PENALTY
from unsung.training.linear import out_of_fold
from unsung.training.material import BASELINE
from unsung.training.measure import Excerpt, measure
from unsung.types import Track

SEED = 0
METRICS = {
    "auc": roc_auc,
    "eer": eer,
    "found at 1 %": partial(detection_rate_at, false_alarm_rate=0.01),
}


@dataclass(frozen=True)
class Peer:
    """An ONNX graph by path: what it takes and what it gives."""

    name: str
    path: str
    rate: int
    window: float
    output: int = 0
    probability: bool = False

    @classmethod
    def parse(cls, text: str) -> Peer:
        """Read ``NAME=model.onnx,rate=HZ,window=SECONDS[,output=N][,probability]``."""
        name, _, rest = text.partition("=")
        path, *options = rest.split(",")
        given = dict(option.partition("=")[::2] for option in options)
        unknown = set(given) - {"rate", "window", "output", "probability"}
        if not path or unknown or "rate" not in given or "window" not in given:
            raise UsageError(
                "--peer: expected NAME=model.onnx,rate=HZ,window=SECONDS[,output=N][,probability], "
                f"got {text!r}"
            )
        return cls(
            name,
            path,
            int(given["rate"]),
            float(given["window"]),
            int(given.get("output", 0)),
            "probability" in given,
        )

    def logit(self, samples: np.ndarray) -> float:
        """Score mono sound at the peer's rate. Shape: ``[time]``."""
        import onnxruntime

        session = onnxruntime.InferenceSession(self.path, providers=["CPUExecutionProvider"])
        size = round(self.window * self.rate)
        if len(samples) < size:
            samples = np.resize(samples, size)
        rows = samples[: len(samples) // size * size].reshape(-1, size)
        entry = session.get_inputs()[0].name
        values = [session.run(None, {entry: row[None]})[0].reshape(-1)[self.output] for row in rows]
        found = np.asarray(values, np.float64)
        if self.probability:
            found = np.log(np.clip(found, 1e-9, 1 - 1e-9) / np.clip(1 - found, 1e-9, 1))
        return float(found.mean())


def with_peer(track: Track, peer: Peer) -> float:
    clip = read_clip(track.path)
    return peer.logit(np.asarray(resample(clip.mono(), clip.sample_rate_hz, peer.rate), np.float32))


def with_bundles(track: Track, folder: Path) -> float:
    """Score by the bundle that has not heard the track's fold; NaN where there is none."""
    path = folder / f"fold-{track.split}"
    if not path.is_dir():
        return float("nan")
    clip = read_clip(track.path)
    analyzer = _open(path).analyzer(clip.sample_rate_hz)
    analyzer.push(clip.mono())
    found = analyzer.finish().logit
    return float("nan") if found is None else found


_OPEN: dict[Path, object] = {}


def _open(path: Path):
    if path not in _OPEN:
        _OPEN[path] = load_bundle(path)
    return _OPEN[path]


def safely(track: Track, score: Callable[[Track], float]) -> float:
    """Score one track; a bad file or a bad graph loses its own figure only."""
    try:
        return score(track)
    except (UnsungError, OSError, RuntimeError, ValueError) as error:
        print(f"{track.id}: {type(error).__name__}: {error}")
        return float("nan")


def linear_residual(tracks: Sequence[Track], jobs: int) -> np.ndarray:
    """Fit the published front end without each fold and score that fold."""
    rows = list(measure([Excerpt(t) for t in tracks], [BASELINE], jobs))
    good = np.array([row.features is not None for row in rows])
    features = np.stack([row.features for row in rows if row.features is not None]).astype("f4")
    kept = [t for t, ok in zip(tracks, good, strict=True) if ok]
    folds = np.array([int(t.split) for t in kept])
    fits = out_of_fold(
        features,
        np.array([t.label != "human" for t in kept]),
        [t.group for t in kept],
        folds,
        BASELINE_PENALTY,
    )
    scores = np.full(len(tracks), np.nan)
    own = np.zeros(len(kept))
    for fold, fit in enumerate(fits):
        own[folds == fold] = fit.logits(features[folds == fold])
    scores[good] = own
    return scores


def rows_of(name: str, scores: np.ndarray, ours: np.ndarray, labels, groups) -> list[dict]:
    """Return each metric with its interval, and its paired difference from the default."""
    both = np.isfinite(scores) & np.isfinite(ours)
    found = []
    for metric, function in METRICS.items():
        many = auc_many if metric == "auc" else None
        value = bootstrap_interval(
            function, labels[both], scores[both], groups[both], many=many, seed=SEED
        )
        gap = bootstrap_difference(
            function, labels[both], scores[both], ours[both], groups[both], many=many, seed=SEED
        )
        found.append(
            {
                "detector": name,
                "metric": metric,
                "value": value.value,
                "low": value.low,
                "high": value.high,
                "against_default": gap.value,
                "against_default_low": gap.low,
                "against_default_high": gap.high,
                "n_human": int((labels[both] == 0).sum()),
                "n_ai": int((labels[both] == 1).sum()),
                "n_groups": len(set(groups[both])),
                "seed": SEED,
            }
        )
    return found


def page(rows: list[dict], command: str) -> str:
    lines = [
        "# Peers on one manifest",
        "",
        f"Written by `{command}`; do not edit. Fully generated tracks against human ones; 95 % "
        "intervals resample source pages, in brackets after the difference from the default too, "
        "which is paired on the tracks that both scored.",
        "",
        "| detector | n human + AI | " + " | ".join(f"{m} | less default" for m in METRICS) + " |",
        "|---|--:|" + "--:|" * (2 * len(METRICS)),
    ]
    for name in dict.fromkeys(row["detector"] for row in rows):
        own = [row for row in rows if row["detector"] == name]
        cells = []
        for row in own:
            cells.append(f"{row['value']:.3f} [{row['low']:.2f}, {row['high']:.2f}]")
            gap = f"{row['against_default']:+.3f} "
            gap += f"[{row['against_default_low']:+.2f}, {row['against_default_high']:+.2f}]"
            cells.append("–" if name == "default" else gap)
        lines.append(f"| {name} | {own[0]['n_human']} + {own[0]['n_ai']} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="table: path, label, source, fold")
    parser.add_argument(
        "--crossfit", type=Path, required=True, help="folder with fold-0, fold-1, …"
    )
    parser.add_argument("--crews", type=Path, help="folder of NAME/fold-N bundles")
    parser.add_argument("--only", nargs="*", help="names in --crews; all by default")
    parser.add_argument("--peer", action="append", default=[], help="NAME=model.onnx,rate=,window=")
    parser.add_argument("-o", "--out", type=Path, default=Path("results/peers"))
    parser.add_argument("--limit", type=int, help="at most so many tracks of each label")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    peers = [Peer.parse(text) for text in arguments.peer]
    every = [
        t
        for t in read_table(arguments.data).tracks
        if t.label == "human" or (t.label == "ai" and t.use == "full")
    ]
    tracks = every
    if arguments.limit:
        tracks = [
            t
            for label in ("human", "ai")
            for t in [x for x in every if x.label == label][: arguments.limit]
        ]
    labels = np.array([int(t.label == "ai") for t in tracks])
    groups = np.array([t.group for t in tracks])
    crews = (
        sorted(p for p in arguments.crews.iterdir() if any(p.glob("fold-*/bundle.json")))
        if arguments.crews
        else []
    )
    crews = [p for p in crews if not arguments.only or p.name in arguments.only]
    jobs: dict[str, Callable[[Track], float]] = {
        "default": partial(with_bundles, folder=arguments.crossfit)
    }
    jobs |= {p.name: partial(with_bundles, folder=p) for p in crews}
    jobs |= {p.name: partial(with_peer, peer=p) for p in peers}
    scores = {}
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        for name, score in jobs.items():
            print(name, flush=True)
            work = partial(safely, score=score)
            scores[name] = np.array(list(pool.map(work, tracks, chunksize=8)))
    scores["linear residual spectrum"] = linear_residual(tracks, arguments.jobs)
    rows = []
    for name, values in scores.items():
        usable = np.isfinite(values) & np.isfinite(scores["default"])
        if len(set(labels[usable])) < 2:
            print(f"{name}: scored no track of one label; left out")
            continue
        rows += rows_of(name, values, scores["default"], labels, groups)
    command = "python bench/peers.py --data music.csv --crossfit FOLDS"
    command += " --crews CREWS" if crews else ""
    command += "".join(f" --peer {p.name}=…" for p in peers)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.with_suffix(".md").write_text(page(rows, command), encoding="utf-8")
    text = "".join(json.dumps(row) + "\n" for row in rows)
    arguments.out.with_suffix(".jsonl").write_text(text, encoding="utf-8")
    print(page(rows, command))


if __name__ == "__main__":
    main()
