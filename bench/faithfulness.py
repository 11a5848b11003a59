# SPDX-License-Identifier: MIT
"""Which explainer to trust: planted evidence, for the default detector and two torch detectors.

    python bench/faithfulness.py --data music.csv --work FOLDER [--default BUNDLE] -o results/

1. Human excerpts of all folds but one, and copies with evidence planted over their whole length
   (steady tones in one band, `unsung.explainers._planted`), in FOLDER.
2. Two detectors learn to tell them apart through `unsung train`'s own loop, in a few epochs on one
   core (--minutes at most): Deezer's CNN on the amplitude spectrum, SpecTTTra gamma on 5 s.
3. Human excerpts of the fold that nobody learned from get one patch each; all explainers that fit
   are asked where it is. Rows go to faithfulness.jsonl, the page to faithfulness.md.

Give --default the default detector's bundle fitted without that fold. Steps whose output stands in
FOLDER are not done again.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from unsung.audio.read import read_clip
from unsung.audio.resample import resample
from unsung.audio.write import write
from unsung.data import read_table
from unsung.explainers._check import DETECTOR, heard, measure
from unsung.explainers._fit import fitting
from unsung.explainers._planted import plant
from unsung.training.opened import open_detector
from unsung.training.recipe import Recipe
from unsung.training.run import run_recipe
from unsung.types import Clip, Track

RATE_HZ, SECONDS = 44100, 8.0
HELD_OUT = "0"
TRAINED = {
    "deezer_cnn": {
        "options": {"input": "amplitude", "generators": [], "momentum": 0.1},
        "optimiser": {"name": "adam", "lr": 1e-3},
        "data": {"windows": 1, "valid_windows": 1},
        "run": {"batch": 16, "epochs": 4},
    },
    "spectttra": {
        "options": {"variant": "gamma", "seconds": 5},
        "optimiser": {"name": "adamw", "lr": 2e-4, "weight_decay": 0.05, "clip_norm": 5.0},
        "data": {"windows": 1, "valid_windows": 1},
        "run": {"batch": 8, "epochs": 4},
    },
}
"""Small budgets want the batch norm's memory short and SpecTTTra's rate below the published one."""
QUICK = {
    "integrated_gradients": {"steps": 8},
    "smooth_grad": {"copies": 8},
    "shap_gradient": {"samples": 16},
    "occlusion": {"bands": 8, "segment_s": 1.0},
    "lime": {"bands": 8, "segment_s": 0.5, "samples": 200},
    "shap_partition": {"bands": 8, "segment_s": 0.5, "evaluations": 200},
    "shap_kernel": {"bands": 8, "segment_s": 0.5, "samples": 200},
}
"""Settings of the check: cells as small as the patch, few enough scores for one core."""
_ESTIMATED = ("lime", "shap_partition", "shap_kernel", "smooth_grad", "shap_gradient")
SLOW = {"deezer_cnn": _ESTIMATED, "spectttra": _ESTIMATED}
"""Left out for networks, whose hundreds of forward passes a clip are minutes of one core."""
CLIP_S = {"default": 8.0, "deezer_cnn": 3.2, "spectttra": 5.0}
"""A few windows of each detector."""
PLANTED = {"default": "decoder", "deezer_cnn": "tones", "spectttra": "tones"}
PAGE_HEAD = """# Which explainer to trust

Written by `bench/faithfulness.py`. Human excerpts that no detector learned from, one a page, get
one patch of evidence each (a third of the length, one band). Columns: does the most relevant place
of 250 Hz × 0.5 s lie in the patch; positive relevance in the patch over the patch's share of
places; how often a place inside outranks one outside; mean logit while cells of 16 bands × 1 s are
taken away or brought in, most relevant first; fall of the logit without, and with only, the most
relevant fifth; rank correlation with the map under shuffled weights; change under noise at −60 dB;
gap; time on one core that other programs shared. Mean over clips, 95 % bootstrap interval.
`random` and `edge_detector` are controls.
"""
METRICS = {
    "pointing": "pointing game",
    "mass": "mass ÷ chance",
    "auc": "localisation AUC",
    "deletion": "deletion (low)",
    "insertion": "insertion (high)",
    "comprehensiveness": "comprehensiveness (high)",
    "sufficiency": "sufficiency (0)",
    "random weights": "shuffled weights (0)",
    "stability": "stability (0)",
    "conservation": "gap share (0)",
    "seconds": "s",
}


def human_clips(table: Path, held_out: bool) -> Iterator[tuple[Track, Clip]]:
    """Yield the fully human excerpts in or outside the held-out fold, mono, at one rate."""
    for track in read_table(table).tracks:
        if track.label != "human" or track.use != "full" or (track.split == HELD_OUT) != held_out:
            continue
        clip = read_clip(table.parent / track.path, 0.0, SECONDS)
        mono = resample(clip.mono(), clip.sample_rate_hz, RATE_HZ).astype(np.float32)
        if len(mono) >= 5 * RATE_HZ:
            yield track, Clip(mono[None], RATE_HZ, 0.0, track.id)


def make_material(table: Path, work: Path) -> Path:
    """Write human excerpts and their planted copies; return the manifest."""
    manifest = work / "planted.csv"
    if manifest.is_file():
        return manifest
    (work / "sound").mkdir(parents=True, exist_ok=True)
    rows = []
    for i, (track, clip) in enumerate(human_clips(table, held_out=False)):
        tones = plant(clip, i, kind="tones", share=1.0).clip
        for name, sound in (("", clip), ("tones", tones)):
            path = work / "sound" / f"{i:04d}{name}.flac"
            peak = max(1.0, float(np.abs(sound.samples).max()))
            write(path, replace(sound, samples=sound.samples / peak))
            split = "valid" if track.split == "1" else "train"
            label = "ai" if name else "human"
            rows.append((path.resolve(), label, name, track.group, track.id, split))
    with manifest.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "generator", "group", "pair_id", "split"))
        writer.writerows(rows)
    return manifest


def train(name: str, manifest: Path, work: Path, minutes: float) -> Path:
    """Train one detector within a budget; return its run folder."""
    run = work / "runs" / name
    if (run / "summary.json").is_file():
        return run
    plain = json.loads(json.dumps(TRAINED[name]))
    plain["data"] |= {"manifests": [str(manifest)], "cache": str(work / "cache"), "jobs": -1}
    plain["augment"] = {"balance": ["class"]}
    plain["run"] |= {"minutes": minutes, "metric": "auc", "device": "cpu"}
    recipe = Recipe.from_plain({"name": f"{name}-planted", "detector": name} | plain)
    run.mkdir(parents=True, exist_ok=True)
    # Written at once, so that a run that is stopped early can be opened by its best checkpoint.
    (run / "recipe.json").write_text(json.dumps(recipe.to_dict()), encoding="utf-8")
    run_recipe(recipe, run, on_progress=lambda p: print(name, p.epoch, p.loss, p.note, flush=True))
    return run


def check(choice: argparse.Namespace, name: str) -> Path:
    """Measure the explainers that fit one detector; return the file of rows."""
    methods = choice.methods.split(",") if choice.methods else []
    out = choice.work / f"rows-{name}{'-' + methods[0] if methods else ''}.jsonl"
    if out.is_file():
        return out
    where = choice.default if name == "default" else str(choice.work / "runs" / name)
    found = open_detector(where)
    items = []
    for i, clip in enumerate(one_a_page(choice.data, choice.clips)):
        length = round(CLIP_S[name] * RATE_HZ)
        short = replace(clip, samples=clip.samples[:, :length])
        items.append(plant(short, i, kind=PLANTED[name]))
    fit = [n for n in fitting(found.subject(items[0].clip)) if n not in SLOW.get(name, ())]
    rows = heard(items, found.subject, name)
    for method in methods or fit:
        rows += measure(method, items, found.subject, name, settings=QUICK.get(method))
        print(name, method, flush=True)
        out.with_suffix(".part").write_text("".join(json.dumps(r.to_dict()) + "\n" for r in rows))
    out.with_suffix(".part").rename(out)
    return out


def one_a_page(table: Path, count: int) -> list[Clip]:
    """Return held-out human excerpts of different pages: clips of one page are alike."""
    found, seen = [], set()
    for track, clip in human_clips(table, held_out=True):
        if track.group not in seen:
            seen.add(track.group)
            found.append(clip)
        if len(found) == count:
            break
    return found


def write_page(files: Sequence[Path], out: Path) -> None:
    """Join the rows and write one table a detector."""
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    kept = {(r["detector"], r["explainer"], r["metric"]): r for r in map(json.loads, lines)}
    rows = list(kept.values())
    (out / "faithfulness.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    lines = [PAGE_HEAD]
    for name in dict.fromkeys(r["detector"] for r in rows):
        own = [r for r in rows if r["detector"] == name]
        of = {(r["explainer"], r["metric"]): r for r in own}
        raised, rise = (of.get((DETECTOR, m)) for m in ("raised", "rise"))
        lines += [
            f"## {name}",
            f"Evidence: {PLANTED[name]}; {max(r['n_clips'] for r in own)} clips of "
            f"{CLIP_S[name]:g} s. The patch raised the logit in {cell(raised)} of them, by "
            f"{cell(rise)}.",
            "",
            "| explainer | " + " | ".join(METRICS.values()) + " |",
            "|---" * (len(METRICS) + 1) + "|",
        ]
        for method in dict.fromkeys(r["explainer"] for r in own if r["explainer"] != DETECTOR):
            cells = " | ".join(cell(of.get((method, m))) for m in METRICS)
            lines.append(f"| {method} | {cells} |")
        errors = [f"- {r['explainer']}: {r['error']}" for r in own if r["error"]]
        lines += ["", *errors, ""]
    (out / "faithfulness.md").write_text("\n".join(lines), encoding="utf-8")


def cell(row: dict | None) -> str:
    """Return a number with its interval."""
    if row is None or row["value"] is None:
        return "–"
    span = "" if row["low"] is None else f" [{row['low']:.2f}, {row['high']:.2f}]"
    return f"{row['value']:.2f}{span}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--default", default="default")
    parser.add_argument("--minutes", type=float, default=40.0)
    parser.add_argument("--only", choices=("make", *TRAINED), help="Train nothing else.")
    parser.add_argument("--check", choices=tuple(PLANTED), help="Check this detector alone.")
    parser.add_argument("--methods", default="", help="Only these explainers, with commas.")
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("-o", "--out", type=Path, default=Path("results"))
    choice = parser.parse_args(arguments)
    torch.set_num_threads(1)
    manifest = make_material(choice.data, choice.work)
    wanted = TRAINED if choice.only is None else [n for n in TRAINED if n == choice.only]
    for name in [] if choice.check else wanted:
        train(name, manifest, choice.work, choice.minutes)
    if choice.only:
        return
    names = [choice.check] if choice.check else list(PLANTED)
    for name in names:
        check(choice, name)
    choice.out.mkdir(parents=True, exist_ok=True)
    write_page([f for name in PLANTED for f in choice.work.glob(f"rows-{name}*.*")], choice.out)


if __name__ == "__main__":
    main()
