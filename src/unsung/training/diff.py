# SPDX-License-Identifier: MIT
"""Two detectors on the same tracks: what one catches and the other misses, with the sound of it.

A model is a bundle (name or folder) or the folder of a training run. Each decides by its own
threshold for its stated false-alarm rate; where its calibration set was too small for one, by a
log-likelihood ratio above 0. Written: ``diff.csv`` (every track), ``summary.json`` and a folder of
sound for each kind of disagreement and for what both get wrong. When not to use: on tracks that
one of the two learned from.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unsung.audio.read import read_clip
from unsung.audio.write import write
from unsung.data import read_manifest
from unsung.data.labelled import Item
from unsung.errors import MissingExtra, UsageError
from unsung.evaluation import bootstrap_difference, roc_auc
from unsung.outputs import FOREIGN, Kind, csv_with, output_folder, replacing, write_whole
from unsung.scanning import Settings
from unsung.scanning.labelled import score_items
from unsung.tables import write_csv
from unsung.types import Track

__all__ = ["KINDS", "Judged", "compare", "export_sound", "in_words", "judge", "judged"]

KINDS = {
    (True, True): "both-right",
    (True, False): "only-A-right",
    (False, True): "only-B-right",
    (False, False): "both-wrong",
}
WRITTEN = {
    "diff.csv": Kind(
        "a table of disagreements",
        (),
        csv_with("path", "label", "generator", "group", "logit_a", "llr_a"),
    ),
    **dict.fromkeys(("summary.json", *KINDS.values()), FOREIGN),
}
OnTrack = Callable[[str, int, int], None]
"""Told the model's name, tracks done and tracks in all."""


@dataclass(frozen=True)
class Judged:
    """What one model says of one track by which rule; ``problem`` says why it says nothing."""

    logit: float | None
    llr_nats: float | None = None
    says_ai: bool = False
    problem: str = ""
    rule: str = ""


def compare(
    model_a: str,
    model_b: str,
    manifest: Path,
    out: Path,
    *,
    positive: Sequence[str] = ("ai",),
    false_alarm_rate: float = 0.01,
    seconds: float = 30.0,
    most: int = 50,
    on_track: OnTrack | None = None,
) -> dict[str, Any]:
    """Judge all tracks with both models and write what differs.

    Args:
        model_a: name or folder of a bundle, or the folder of a training run.
        model_b: the same.
        manifest: labelled tracks; labels beside human and `positive` are left out.
        out: folder that is written.
        positive: labels that count as AI.
        false_alarm_rate: rate that each model's threshold is set for.
        seconds: length of the exported middle of each track.
        most: files a folder, those of the largest disagreement first.
        on_track: told of progress.

    Returns:
        Counts of each kind, and the paired difference of AUC with its interval over groups.
    """
    output_folder(out, (manifest,), WRITTEN, signs=("diff.csv",))
    tracks = [t for t in read_manifest(manifest) if t.label in ("human", *positive)]
    if not tracks:
        raise UsageError(f"{manifest}: expected tracks labelled human or {', '.join(positive)}")
    tell = on_track or (lambda *_: None)
    a = judge(model_a, tracks, false_alarm_rate, tell)
    b = judge(model_b, tracks, false_alarm_rate, tell)
    rows = [_row(*item, positive) for item in zip(tracks, a, b, strict=True)]
    with (
        replacing(out / "diff.csv") as part,
        part.open("w", encoding="utf-8", newline="") as file,
    ):
        write_csv(file, rows[0], (row.values() for row in rows))
    export_sound(rows, out, seconds, most)
    summary = {"A": model_a, "B": model_b, "tracks": len(rows)} | _numbers(rows, positive)
    summary["rules"] = {"A": _rule(a), "B": _rule(b)}
    write_whole(out / "summary.json", json.dumps(summary, indent=1))
    return summary


def in_words(summary: dict[str, Any], out: Path) -> Iterator[str]:
    """Yield what `unsung diff` prints."""
    for side in ("A", "B"):
        yield f"{side} = {summary[side]}: AI from {summary['rules'][side]}"
    for kind, count in sorted(summary["kinds"].items()):
        yield f"{count:6} {kind}"
    if "auc_difference" in summary:
        value, low, high = summary["auc_difference"]
        yield f"AUC of A minus B: {value:+.3f} [{low:+.3f}, {high:+.3f}]"
    yield f"table and sound: {out}"


def judge(
    model: str, tracks: Sequence[Track], false_alarm_rate: float, tell: OnTrack
) -> list[Judged]:
    """Return what a model says of each track, in order."""
    if (Path(model) / "detector.safetensors").is_file():
        try:
            from unsung.training._diff_runs import by_run
        except ModuleNotFoundError as error:
            need = f"judging with the training run {model}"
            raise MissingExtra(str(error.name), "research", need) from error
        return by_run(Path(model), tracks, false_alarm_rate, tell)
    items = [Item(path=str(Path(t.path).resolve()), label=t.label) for t in tracks]
    settings = Settings(bundle=model, false_alarm_rate=false_alarm_rate)

    def progress(state: Any) -> None:
        tell(model, state.done, len(items))

    scored, _, threshold = score_items(items, Path(), settings, on_progress=progress)
    return [
        judged(item.score, item.llr_nats, threshold) if item.score is not None
        else Judged(None, problem=item.problem)
        for item in scored
    ]  # fmt: skip


def export_sound(rows: Sequence[dict[str, Any]], out: Path, seconds: float, most: int) -> None:
    """Write the middle of what either model got wrong, a folder for each kind."""
    for kind in list(KINDS.values())[1:]:
        found = [row for row in rows if row["kind"] == kind]
        found.sort(key=lambda row: -abs(row["llr_a"] - row["llr_b"]))
        for number, row in enumerate(found[:most], start=1):
            folder = out / kind
            word = re.sub(r"[^\w.-]+", "-", Path(row["path"]).stem)[:60]
            clip = read_clip(row["path"])
            size = min(clip.samples.shape[1], round(seconds * clip.sample_rate_hz))
            start = (clip.samples.shape[1] - size) // 2
            cut = replace(clip, samples=clip.samples[:, start : start + size])
            with replacing(folder / f"{number:03}-{row['label']}-{word}.flac") as part:
                write(part, cut)


def judged(logit: float, llr_nats: float | None, threshold: float | None) -> Judged:
    """Decide by the threshold, or where there is none by a log-likelihood ratio above 0."""
    if threshold is not None:
        rule, says = f"logit {threshold:+.3f}, its threshold at this rate", logit >= threshold
    else:
        rule = "a likelihood ratio above 1: it has no threshold at this rate"
        says = (llr_nats or 0.0) > 0
    return Judged(logit, llr_nats if llr_nats is not None else logit, says, rule=rule)


def _rule(found: Sequence[Judged]) -> str:
    return next((one.rule for one in found if one.rule), "nothing: no track was heard")


def _row(track: Track, a: Judged, b: Judged, positive: Sequence[str]) -> dict[str, Any]:
    is_ai = track.label in positive
    heard = a.logit is not None and b.logit is not None
    kind = KINDS[(a.says_ai == is_ai, b.says_ai == is_ai)] if heard else "not-heard"
    return {
        "path": track.path, "label": track.label, "generator": track.generator,
        "group": track.group, "logit_a": a.logit, "llr_a": a.llr_nats, "ai_a": int(a.says_ai),
        "logit_b": b.logit, "llr_b": b.llr_nats, "ai_b": int(b.says_ai), "kind": kind,
        "problem": a.problem or b.problem,
    }  # fmt: skip


def _numbers(rows: Sequence[dict[str, Any]], positive: Sequence[str]) -> dict[str, Any]:
    heard = [row for row in rows if row["kind"] != "not-heard"]
    labels = [int(row["label"] in positive) for row in heard]
    found: dict[str, Any] = {"kinds": dict(Counter(row["kind"] for row in rows))}
    if 0 < sum(labels) < len(labels):
        span = bootstrap_difference(
            roc_auc, labels, [r["logit_a"] for r in heard], [r["logit_b"] for r in heard],
            [r["group"] or r["path"] for r in heard],
        )  # fmt: skip
        found["auc_difference"] = [span.value, span.low, span.high]
    return found
