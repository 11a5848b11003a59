# SPDX-License-Identifier: MIT
"""Runs an experiment from its file to its page: check, score, measure, draw."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from unsung.reproduce.detectors import Detector, open_detectors
from unsung.reproduce.experiment import CLEAN, Study, folders, load
from unsung.reproduce.metrics import measure
from unsung.reproduce.page import write_page
from unsung.reproduce.plan import Plan, make_plan, read_scores
from unsung.reproduce.run import Progress, score_all
from unsung.reproduce.select import choose, open_manifests
from unsung.reproduce.tables import write_tables
from unsung.reproduce.views import views
from unsung.types import Manifest, Record, Result, Track

__all__ = ["Found", "Resolved", "experiments", "reproduce"]

CODE = ("attacks", "audio", "evaluation", "frontends", "reproduce", "runtime")
"""Folders of this package that a score or a number depends on."""


@dataclass(frozen=True)
class Resolved(Record):
    """What was really run, stored beside the scores; hashes stand in the place of paths."""

    study: Study
    manifests: dict[str, str]
    detectors: dict[str, str]
    tracks: dict[str, int]
    n_cells: int
    data_sha256: str
    code_sha256: str
    version: str
    command: str


@dataclass(frozen=True)
class Found:
    """An experiment of this folder and how far its results are."""

    name: str
    question: str
    state: str


def experiments(results: Path) -> list[Found]:
    """List every experiment with its state, by name."""
    paths = {p.stem: p for folder in reversed(folders()) for p in sorted(folder.glob("*.toml"))}
    found = []
    for name, path in sorted(paths.items()):
        question = " ".join(load(path).experiment.question.split())
        found.append(Found(name, question, _state(results / name)))
    return found


def _state(folder: Path) -> str:
    record = folder / "experiment.json"
    if not record.exists():
        return "not run"
    total = json.loads(record.read_text(encoding="utf-8"))["n_cells"]
    if (folder / "index.html").exists():
        return f"done ({total} scores)"
    return f"{len(read_scores(folder / 'scores.jsonl'))} of {total} scores"


def reproduce(
    study: Study,
    out: Path,
    *,
    data: Mapping[str, str] | None = None,
    jobs: int = 1,
    limit: int | None = None,
    replicates: int = 1000,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> list[Result]:
    """Score what is missing, measure everything and write the page.

    Args:
        study: from `load`.
        out: folder for scores.jsonl, results.jsonl, tables and index.html.
        data: path of each manifest by its name, and ``crossfit`` for cross-fitted bundles.
        jobs: processes.
        limit: at most so many tracks, to try out.
        replicates: resamples behind each interval.
        on_progress: called after each score.
    """
    data = data or {}
    manifests = open_manifests(study, data)
    detectors = open_detectors(study.experiment.detectors, data)
    tracks = choose(study, list(manifests.values()), limit)
    plan = make_plan(study, tracks, detectors)
    record = _resolved(study, manifests, detectors, tracks, plan)
    _begin(out, record)
    known = score_all(plan, detectors, out / "scores.jsonl", jobs=jobs, on_progress=on_progress)
    # In the order of the plan, not of the processes: the same page whoever was first.
    rows = [known[cell.key] for job in plan.jobs for cell in job.cells]
    seen = views(sorted(rows, key=_place(study)), tracks, CLEAN)
    results = measure(
        seen,
        study.experiment.metrics,
        experiment=study.experiment.name,
        dataset=" + ".join(manifests),
        hashes=(record.code_sha256[:16], record.data_sha256[:16]),
        replicates=replicates,
    )
    write_tables(results, out)
    write_page(out, record.to_dict(), results, seen, rows)
    return results


def _begin(out: Path, record: Resolved) -> None:
    """Write down what is run, and take away the page of what was run before."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "index.html").unlink(missing_ok=True)
    text = json.dumps(record.to_dict(), indent=1, ensure_ascii=False) + "\n"
    (out / "experiment.json").write_text(text, encoding="utf-8")


def _place(study: Study) -> Callable[[Mapping[str, Any]], int]:
    order = {name: index for index, name in enumerate(study.conditions)}
    return lambda row: order[row["condition"]]


def _resolved(
    study: Study,
    manifests: Mapping[str, Manifest],
    detectors: Sequence[Detector],
    tracks: Sequence[Track],
    plan: Plan,
) -> Resolved:
    hashes = {name: _content(manifest) for name, manifest in manifests.items()}
    experiment = replace(study.experiment, manifests=hashes)
    listed = json.dumps([[t.id, t.label, t.split, t.sha256] for t in tracks])
    return Resolved(
        study=replace(study, experiment=experiment),
        manifests=hashes,
        detectors={detector.name: detector.sha256 for detector in detectors},
        tracks=dict(sorted(Counter(track.label for track in tracks).items())),
        n_cells=plan.n_cells,
        data_sha256=hashlib.sha256(listed.encode()).hexdigest(),
        code_sha256=_code(),
        version=_version(),
        command=_command(study),
    )


def _content(manifest: Manifest) -> str:
    """Return the hash of a manifest without the folder that it lies in."""
    rows = [replace(track, path=track.id) for track in manifest]
    return Manifest(manifest.name, manifest.version, tuple(rows)).sha256


def _code() -> str:
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for folder in CODE:
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _version() -> str:
    try:
        return version("unsung")
    except PackageNotFoundError:
        return "from source"


def _command(study: Study) -> str:
    experiment = study.experiment
    words = ["unsung reproduce", experiment.name]
    words += [f"--data {name}=PATH" for name in experiment.manifests]
    if any(name.startswith("crossfit:") for name in experiment.detectors):
        words.append("--data crossfit=FOLDER")
    return " ".join(words)
