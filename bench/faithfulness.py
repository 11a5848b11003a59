# SPDX-License-Identifier: MIT
"""Which explainer to trust: planted evidence, for the default detector and two torch detectors.

    python bench/faithfulness.py --data music.csv --work FOLDER --crossfit FOLDS -o results/

1. Human excerpts of all folds but one, and copies with evidence planted over their whole length
   (steady tones in one band, `unsung.explainers._planted`), in FOLDER.
2. Two detectors learn to tell them apart through `unsung train`'s own loop, in a few epochs on one
   core (--minutes each): Deezer's CNN on the amplitude spectrum, SpecTTTra gamma on 5 s.
3. Human excerpts that the judging detector did not learn from, one a page, get one patch each; all
   explainers that fit are asked where it is. The networks hear the fold that neither saw, the
   default detector every fold, each before the bundle of FOLDS that was fitted without it.
   Rows go to faithfulness.jsonl, the page to faithfulness.md.

What stands in FOLDER is not done again, explainer by explainer; delete rows-* after a change.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from unsung.audio.read import read_clip
from unsung.audio.resample import resample
from unsung.audio.write import write
from unsung.data import read_table
from unsung.evaluation.intervals import percentile_interval
from unsung.evaluation.proportions import Interval
from unsung.explainers import OfBundle, OfNetwork
from unsung.explainers._check import CONTROLS, DETECTOR, heard, measure
from unsung.explainers._fit import fitting
from unsung.explainers._planted import Planted, plant
from unsung.explainers._subject import Subject
from unsung.registry import get
from unsung.runtime import load_bundle
from unsung.tables import write_csv
from unsung.training.opened import open_detector
from unsung.training.recipe import Recipe
from unsung.training.run import run_recipe
from unsung.types import Clip, Track

RATE_HZ, SECONDS = 44100, 8.0
MOST_PAGES = {"default": 4, "deezer_cnn": 6, "spectttra": 8}
"""Of each fold the judging detector did not learn from."""
REPLICATES = 10_000
FOLDS, HELD_OUT, VALID = "01234", "0", "1"
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
CELLS = {"bands": 8, "segment_s": 1.0}
SETTINGS = {
    "default": {
        "lime": CELLS | {"samples": 130},
        "shap_partition": CELLS | {"evaluations": 60},
        "shap_kernel": CELLS | {"samples": 130},
    },
    "networks": {
        "integrated_gradients": {"steps": 12},
        "smooth_grad": {"copies": 6},
        "shap_gradient": {"samples": 8},
        "occlusion": CELLS,
        "lime": CELLS | {"samples": 50},
        "shap_partition": CELLS | {"evaluations": 50},
        "shap_kernel": CELLS | {"samples": 50},
    },
}
"""Cells no larger than a patch, few enough scores for one core; all else as `unsung explain`."""
VARIANTS = {
    "default": {"exact_linear, from the mean": ("exact_linear", {"baseline": "mean"})},
    "networks": {
        "integrated_gradients, from silence": (
            "integrated_gradients",
            {"steps": 12, "baseline": "silence"},
        ),
        "gradient_input, from silence": ("gradient_input", {"baseline": "silence"}),
    },
}
"""Other baselines: which one is taken decides what counts as evidence."""
CLIP_S = {"default": 8.0, "deezer_cnn": 3.2, "spectttra": 5.0}
"""A few windows of each detector."""
PLANTED = {"default": "decoder", "deezer_cnn": "tones", "spectttra": "tones"}
USUAL = dict.fromkeys(PLANTED, OfNetwork.usual) | {"default": OfBundle.usual}
"""What `unsung explain` takes where no method is named."""
PAGE_HEAD = """# Which explainer to trust

Written by `python bench/faithfulness.py`; do not edit. Human excerpts that the detector did not
learn from, one a page, get one patch of evidence each (a third of the length, one band of 2 to
3 kHz). Mean over clips, 95 % bootstrap interval over clips; an interval without width is a value
that all clips share. `random` and `edge_detector` are controls.

* **Where is it?** Pointing game: does the most relevant place of 250 Hz × 0.5 s lie in the patch.
  Mass: positive relevance in the patch over the patch's share of places. AUC: how often a place
  inside outranks one outside. A method that switches large cells spreads each over many places,
  which alone lifts these: "smoothed" averages every map over 1 kHz × 1 s first.
* **Does the detector use it?** Mean logit while cells of 16 bands × 1 s are taken away (deletion,
  low) or brought in (insertion, high), most relevant first; fall of the logit without the most
  relevant fifth (comprehensiveness, high) and with only that (sufficiency, 0 or less).
* **Is it about this detector?** Rank correlation with the map under shuffled weights (0): both
  controls reach 1, as they never ask the detector.
* **Is it steady, is it all?** Change of the map under noise at −60 dB, relative to its size (0, but
  0 as well for what does not listen); gap as a share of what was to be explained (0; methods that
  only rank have no unit, their gap says nothing); CPU seconds a clip on one core.

**The rule for the default**: the method with the highest smoothed AUC, unless the one in use is
within chance of it. "Less the usual" is the difference to the one in use, paired by clip; its
interval holds for all methods of a table at once (Bonferroni), as the best of many is picked. Torch
detectors share one default, which changes for a method that is better beyond chance before both.

**Reading it.** Cells that are taken away get the clip's mean, or the training music's before the
default detector: that favours maps counted from the mean over those counted from silence. The
fifth that is kept can score above the whole clip, where the rest speaks against AI. Edges lead to a
decoder's lines as well, which stand out of the spectrum: their AUC is high, their insertion is not.
CRP splits LRP's map by channel, its sum is LRP's. Attention methods score strips, whole moments and
whole bands, without saying whether they speak for or against AI; a map that hardly changes under
shuffled weights shows how tokens mix in any such network, and may lie on the far side of chance.
"""
METRICS = {
    "pointing smoothed": "pointing game, smoothed",
    "auc smoothed": "AUC, smoothed",
    "pointing": "pointing game",
    "mass": "mass ÷ chance",
    "auc": "AUC",
    "deletion": "deletion (low)",
    "insertion": "insertion (high)",
    "comprehensiveness": "comprehensiveness (high)",
    "sufficiency": "sufficiency (≤ 0)",
    "random weights": "shuffled weights (0)",
    "stability": "stability (0)",
    "conservation": "gap share (0)",
    "seconds": "s",
}


def human_clips(table: Path, folds: Sequence[str]) -> Iterator[tuple[Track, Clip]]:
    """Yield the fully human excerpts of some folds, mono, at one rate."""
    for track in read_table(table).tracks:
        if track.label != "human" or track.use != "full" or track.split not in folds:
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
    learned = [fold for fold in FOLDS if fold != HELD_OUT]
    for i, (track, clip) in enumerate(human_clips(table, learned)):
        tones = plant(clip, i, kind="tones", share=1.0).clip
        for name, sound in (("", clip), ("tones", tones)):
            path = work / "sound" / f"{i:04d}{name}.flac"
            peak = max(1.0, float(np.abs(sound.samples).max()))
            write(path, replace(sound, samples=sound.samples / peak))
            split = "valid" if track.split == VALID else "train"
            label = "ai" if name else "human"
            rows.append((path.resolve(), label, name, track.group, track.id, split))
    with manifest.open("w", newline="", encoding="utf-8") as file:
        write_csv(file, ("path", "label", "generator", "group", "pair_id", "split"), rows)
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
    run_recipe(recipe, run, on_progress=lambda p: p.note and print(name, p.epoch, p.loss, p.note))
    return run


def check(choice: argparse.Namespace, name: str) -> None:
    """Measure the explainers that fit one detector; those whose rows stand already are left out."""
    out = choice.work / f"rows-{name}.jsonl"
    rows = out.read_text(encoding="utf-8").splitlines() if out.is_file() else []
    known = {json.loads(row)["explainer"] for row in rows}
    items, subject = planted(choice, name)
    settings = SETTINGS.get(name, SETTINGS["networks"])
    asked = {label: (label, settings.get(label)) for label in fitting(subject(items[0].clip))}
    asked |= VARIANTS.get(name, VARIANTS["networks"])
    wanted = [label for label in asked if not choice.methods or label in choice.methods.split(";")]
    for label in [DETECTOR, *wanted]:
        if label in known:
            continue
        if label == DETECTOR:
            found = heard(items, subject, name)
        else:
            method, own = asked[label]
            rows_of = measure(method, items, subject, name, settings=own)
            found = [replace(row, explainer=label) for row in rows_of]
        with out.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(row.to_dict()) + "\n" for row in found))
        print(name, label, len(items), flush=True)


def planted(
    choice: argparse.Namespace, name: str
) -> tuple[list[Planted], Callable[[Clip], Subject]]:
    """Return clips with a patch, of pages the detector did not learn from, and the detector."""
    folds = FOLDS if name == "default" else HELD_OUT
    found = one_a_page(choice.data, folds, choice.pages or MOST_PAGES[name])
    length = round(CLIP_S[name] * RATE_HZ)
    items = [
        plant(replace(clip, samples=clip.samples[:, :length]), i, kind=PLANTED[name])
        for i, (_, clip) in enumerate(found)
    ]
    if name != "default":
        return items, open_detector(str(choice.work / "runs" / name / "best.pt")).subject
    fitted = {fold: OfBundle(load_bundle(choice.crossfit / f"fold-{fold}")) for fold in folds}
    unseen = {clip.track_id: fitted[track.split] for track, clip in found}
    return items, lambda clip: unseen[clip.track_id].subject(clip)


def one_a_page(table: Path, folds: Sequence[str], count: int) -> list[tuple[Track, Clip]]:
    """Return human excerpts, one of each of a fold's first pages: clips of one page are alike."""
    found: dict[str, list[tuple[Track, Clip]]] = {fold: [] for fold in folds}
    for track, clip in human_clips(table, folds):
        part = found[track.split]
        if len(part) < count and track.group not in [other.group for other, _ in part]:
            part.append((track, clip))
    return [pair for part in found.values() for pair in part]


def write_page(choice: argparse.Namespace) -> None:
    """Join the rows and write one table a detector."""
    files = [choice.work / f"rows-{name}.jsonl" for name in PLANTED]
    lines = [line for f in files if f.is_file() for line in f.read_text("utf-8").splitlines()]
    rows = [json.loads(line) for line in lines]
    choice.out.mkdir(parents=True, exist_ok=True)
    (choice.out / "faithfulness.jsonl").write_text("".join(line + "\n" for line in lines))
    text = [PAGE_HEAD]
    for name in dict.fromkeys(r["detector"] for r in rows):
        own = {(r["explainer"], r["metric"]): r for r in rows if r["detector"] == name}
        text += section(name, own, provenance(choice, name))
    (choice.out / "faithfulness.md").write_text("\n".join(text), encoding="utf-8")


def section(name: str, own: dict[tuple[str, str], dict], made: str) -> list[str]:
    """Return the part of the page on one detector: best first, controls last."""
    raised, rise = (own.get((DETECTOR, m)) for m in ("raised", "rise"))
    count = max(r["n_clips"] for r in own.values())
    methods = [m for m in dict.fromkeys(e for e, _ in own) if (m, "auc smoothed") in own]
    usual = USUAL[name]
    auc = {m: own[m, "auc smoothed"] for m in methods}
    methods.sort(key=lambda m: (m in CONTROLS, -round(auc[m]["value"], 6), m != usual))
    less = {
        m: difference(auc[m], auc[usual], len(methods) - 1)
        for m in methods
        if usual in auc and m != usual and auc[m]["n_clips"] == auc[usual]["n_clips"]
    }
    lines = [
        f"## {name}",
        "",
        f"{made} Evidence: {PLANTED[name]}; {count} clips of {CLIP_S[name]:g} s. The patch raised "
        f"the logit in {cell(raised)} of them, by {cell(rise)}.",
        "",
        "| explainer | adds up | AUC less the usual | " + " | ".join(METRICS.values()) + " |",
        "|---" * (len(METRICS) + 3) + "|",
    ]
    for method in methods:
        adds = (
            "yes"
            if get("explainers", method.split(",")[0]).complete and method not in CONTROLS
            else "no"
        )
        cells = " | ".join(cell(own.get((method, m))) for m in METRICS)
        lines.append(f"| {method} | {adds} | {gap(less.get(method))} | {cells} |")
    settings = SETTINGS.get(name, SETTINGS["networks"])
    changed = "; ".join(f"{m} {words(v)}" for m, v in settings.items() if m in methods)
    errors = [f"* {r['explainer']}: {r['error']}" for r in own.values() if r["error"]]
    planned = [*settings, *VARIANTS.get(name, VARIANTS["networks"])]
    missing = "; ".join(m for m in planned if m not in methods)
    better = [m for m, found in less.items() if found.low > 0]
    lines += [
        "",
        f"Best by smoothed AUC: {methods[0]}. Beyond chance better than {usual}: "
        f"{', '.join(better) or 'none'}. Settings other than the usual ones: {changed}.",
        *([f"Not measured, for want of time: {missing}."] if missing else []),
    ]
    return [*lines, "", *errors, ""]


def gap(found: Interval | None) -> str:
    """Return a difference with its interval; nothing for the usual method itself."""
    return "–" if found is None else f"{found.value:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"


def words(settings: dict) -> str:
    """Return settings as a reader would give them."""
    return ", ".join(f"{key}={value}" for key, value in settings.items())


def difference(row: dict, usual: dict, count: int) -> Interval:
    """Return the mean difference over the same clips, with an interval for `count` at once."""
    each = np.subtract(row["values"], usual["values"])
    draws = np.random.default_rng(0).integers(len(each), size=(REPLICATES, len(each)))
    return percentile_interval(float(each.mean()), each[draws].mean(axis=1), 1 - 0.05 / count)


def provenance(choice: argparse.Namespace, name: str) -> str:
    """Say which weights were asked."""
    if name == "default":
        info = load_bundle(choice.crossfit / "fold-0").info
        return f"Version {info['version']}, each clip before the bundle fitted without its fold."
    run = choice.work / "runs" / name
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    best = max(float(r["auc"]) for r in csv.DictReader((run / "epochs.csv").open()))
    return (
        f"Recipe {summary['recipe_sha256'][:12]}, {summary['parameters']} parameters, trained on "
        f"{summary['tracks']['train']} clips for {summary['epochs']} epochs; AUC {best:.3f} on "
        f"{summary['tracks']['valid']} clips of another fold, evidence over their whole length."
    )


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
    parser.add_argument("--crossfit", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=14.0)
    parser.add_argument("--only", choices=("make", *TRAINED), help="Train nothing else.")
    parser.add_argument("--check", choices=tuple(PLANTED), help="Check this detector alone.")
    parser.add_argument("--methods", default="", help="Only these explainers; with semicolons.")
    parser.add_argument("--pages", type=int, default=0, help="Of each fold, at most.")
    parser.add_argument("-o", "--out", type=Path, default=Path("results"))
    choice = parser.parse_args(arguments)
    torch.set_num_threads(1)
    manifest = make_material(choice.data, choice.work)
    wanted = TRAINED if choice.only is None else [n for n in TRAINED if n == choice.only]
    for name in [] if choice.check else wanted:
        train(name, manifest, choice.work, choice.minutes)
    if choice.only:
        return
    for name in [choice.check] if choice.check else list(PLANTED):
        check(choice, name)
    write_page(choice)


if __name__ == "__main__":
    main()
