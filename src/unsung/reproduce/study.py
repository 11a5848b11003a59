# SPDX-License-Identifier: MIT
"""Runs an experiment from its file to its page: check, score, measure, draw."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from unsung.errors import UsageError
from unsung.outputs import FOREIGN, Kind, json_with, output_folder, write_whole
from unsung.reproduce.conditions import CLEAN
from unsung.reproduce.detectors import Detector, open_detectors
from unsung.reproduce.experiment import Slurm, Study, folders, load
from unsung.reproduce.measure import measure
from unsung.reproduce.page import Shown, write_page
from unsung.reproduce.parts import WriteFailed
from unsung.reproduce.plan import Plan, make_plan, read_scores
from unsung.reproduce.pool import Crew, here
from unsung.reproduce.requires import check_requires, missing
from unsung.reproduce.run import Progress, score_all
from unsung.reproduce.select import choose, open_manifests
from unsung.reproduce.tables import write_tables
from unsung.reproduce.timing import machine, seconds_by_condition
from unsung.reproduce.views import views
from unsung.text import parse_json
from unsung.types import Manifest, Record, Result, Track

__all__ = ["Found", "Resolved", "experiments", "reproduce"]

WRITTEN = {
    "experiment.json": Kind("an experiment", (), json_with("study", "data_sha256", "n_cells")),
    **dict.fromkeys(("index.html", "scores.jsonl", "results.*"), FOREIGN),
}
"""What stands in the folder; the record is its sign."""

CODE = ("attacks", "audio", "evaluation", "frontends", "reproduce", "runtime")
"""Folders of this package that a score or a number depends on."""


@dataclass(frozen=True)
class Resolved(Record):
    """What was really run, stored beside the scores; hashes stand in the place of paths.

    ``wall_s`` adds up the runs that made the scores, ``seconds`` is of each condition.
    """

    study: Study
    manifests: dict[str, str]
    detectors: dict[str, str]
    tracks: dict[str, int]
    n_cells: int
    data_sha256: str
    code_sha256: str
    version: str
    command: str
    machine: str = ""
    wall_s: float = 0.0
    seconds: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """An experiment of this folder and how far its results are."""

    name: str
    question: str
    state: str
    path: Path
    waits_for: tuple[str, ...] = ()


def experiments(results: Path) -> list[Found]:
    """List every experiment with its state, by name.

    Raises:
        UsageError: there are none here; the installed package holds none.
    """
    paths = {p.stem: p for folder in reversed(folders()) for p in sorted(folder.glob("*.toml"))}
    if not paths:
        raise UsageError(
            "expected a folder experiments/, found none: studies come with the clone, not with "
            "the installed package; run this inside a clone of unsung, or name a TOML file"
        )
    found = []
    for name, path in sorted(paths.items()):
        study = load(path)
        question = " ".join(study.experiment.question.split())
        absent = missing(study.requires)
        state = f"waits for {', '.join(absent)}" if absent else _state(results / name)
        found.append(Found(name, question, state, path, tuple(absent)))
    return found


def _state(folder: Path) -> str:
    record = folder / "experiment.json"
    if not record.exists():
        return "not run"
    total = parse_json(record.read_text(encoding="utf-8"))["n_cells"]
    if (folder / "index.html").exists():
        return f"done ({total} scores)"
    return f"{len(read_scores(folder / 'scores.jsonl'))} of {total} scores"


def reproduce(
    study: Study,
    out: Path,
    *,
    data: Mapping[str, str] | None = None,
    crew: Crew | None = None,
    wait: Callable[[], None] | None = None,
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
        crew: who scores: `SlurmCrew` or `ray_crew`; None takes processes of this machine.
        wait: waits for what an earlier run left working on a cluster.
        jobs: processes, where there is no crew.
        limit: at most so many tracks, to try out.
        replicates: resamples behind each interval.
        on_progress: called after each score.

    Raises:
        UsageError: the experiment waits for something, a value does not fit, or the folder holds
            files of other content where its own would stand.
        WriteFailed: the folder cannot be written, or the disk is full.
    """
    data = data or {}
    output_folder(out, data.values(), WRITTEN, signs=("experiment.json",))
    check_requires(study.experiment.name, study.requires, data)
    manifests = open_manifests(study, data)
    detectors = open_detectors(study.experiment.detectors, data)
    tracks = choose(study, list(manifests.values()), limit)
    plan = make_plan(study, tracks, detectors)
    record = _resolved(study, manifests, detectors, tracks, plan)
    if limit is not None:
        record = replace(record, command=f"{record.command} --limit {limit}")
    record = _begin(out, record)
    start = _Start(on_progress)
    scores = out / "scores.jsonl"
    known = score_all(
        plan, detectors, scores, crew=crew or here(jobs), wait=wait, on_progress=start
    )
    # In the order of the plan, not of the processes: the same page whoever was first.
    rows = [known[cell.key] for job in plan.jobs for cell in job.cells]
    rows.sort(key=_place(study))
    wall_s = round(record.wall_s + start.seconds, 1)
    record = replace(record, wall_s=wall_s, seconds=seconds_by_condition(rows))
    shown = _measured(
        study, record, rows, tracks=tracks, detectors=detectors, replicates=replicates
    )
    with _writing(out):
        _write_record(out, record)
        write_tables(shown.results, out)
        write_page(out, shown)
    return list(shown.results)


def _measured(
    study: Study,
    record: Resolved,
    rows: Sequence[Mapping[str, Any]],
    *,
    tracks: Sequence[Track],
    detectors: Sequence[Detector],
    replicates: int,
) -> Shown:
    seen = views(rows, tracks, CLEAN)
    results = measure(
        seen,
        study.experiment.metrics,
        groupings=study.groupings,
        experiment=study.experiment.name,
        dataset=" + ".join(record.manifests),
        hashes=(record.code_sha256[:16], record.data_sha256[:16]),
        replicates=replicates,
    )
    return Shown(record.to_dict(), results, seen, rows, tracks, detectors)


class _Start:
    """Passes progress on and measures the time from the first to the last new score."""

    def __init__(self, on_progress: Callable[[Progress], None]) -> None:
        self._on_progress = on_progress
        self._began = time.monotonic()
        self.seconds = 0.0

    def __call__(self, progress: Progress) -> None:
        if progress.done > progress.skipped:
            self.seconds = time.monotonic() - self._began
        self._on_progress(progress)


def _begin(out: Path, record: Resolved) -> Resolved:
    """Write down what is run, and take away the page of what was run before."""
    with _writing(out):
        out.mkdir(parents=True, exist_ok=True)
        (out / "index.html").unlink(missing_ok=True)
        record = replace(record, wall_s=_earlier_s(out))
        _write_record(out, record)
    return record


def _earlier_s(out: Path) -> float:
    try:
        found = parse_json((out / "experiment.json").read_text(encoding="utf-8"))
        return float(found.get("wall_s", 0.0))
    except (OSError, ValueError, AttributeError, TypeError):
        return 0.0  # nothing was run before, or by an older version


def _write_record(out: Path, record: Resolved) -> None:
    text = json.dumps(record.to_dict(), indent=1, ensure_ascii=False) + "\n"
    write_whole(out / "experiment.json", text)


@contextlib.contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteFailed(
            f"{error.filename or out}: cannot be written ({error.strerror or error}); give another "
            "folder with --out, or make room; scores made so far are kept"
        ) from error


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
        study=replace(study, experiment=experiment, slurm=Slurm()),  # says nothing of the scores
        manifests=hashes,
        detectors={detector.name: detector.sha256 for detector in detectors},
        tracks=dict(sorted(Counter(track.label for track in tracks).items())),
        n_cells=plan.n_cells,
        data_sha256=hashlib.sha256(listed.encode()).hexdigest(),
        code_sha256=_code(),
        version=_version(),
        command=_command(study),
        machine=machine(),
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
    words += [f"--set {shlex.quote(text)}" for text in study.settings]
    return " ".join(words)
