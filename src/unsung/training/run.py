# SPDX-License-Identifier: MIT
"""One recipe from file to folder: prepare, train, finish, in this process, in several, or on Slurm.

summary = run_recipe(load_recipe(Path("r.toml"), ["data.manifests=['music.csv']"]), Path("out"))
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unsung.detectors.base import Detector
from unsung.errors import MissingExtra, MissingTool
from unsung.outputs import FOREIGN, Kind, csv_with, is_earlier, json_with, output_folder
from unsung.text import parse_json
from unsung.training._state import BEST, LAST
from unsung.training.augment import Distorter
from unsung.training.distributed import joined, launch, started_outside
from unsung.training.faults import TrainingError
from unsung.training.finish import finish
from unsung.training.fitting import fit_closed_form, normalise
from unsung.training.loader import Windows
from unsung.training.logs import OnProgress, Progress
from unsung.training.loop import Trainer
from unsung.training.prepare import Material, build_detector, prepare
from unsung.training.recipe import Recipe

__all__ = ["RUN", "SIGNS", "SlurmJob", "run_here", "run_recipe", "run_slurm"]

SUMMARY = "summary.json"
_STEPS = csv_with("step", "epoch", "loss", "lr", "grad_norm")
RUN = {
    SUMMARY: Kind("a finished run", (), json_with("recipe_sha256", "name")),
    "recipe.json": Kind("a run's recipe", (), json_with("optimiser", "data", "run")),
    "grid.json": Kind("a grid of runs", (), json_with("cell", "folder")),
    "steps.csv": Kind("a run's log", (), _STEPS),
    "*/steps.csv": Kind("a round's log", (), _STEPS),
    "*/summary.json": Kind("a finished round", (), json_with("recipe_sha256", "name")),
    **dict.fromkeys(
        ("*.pt", "*.safetensors", "card.md", "epochs.csv", "scores.csv", "left-out.csv",
         "results.jsonl", "grid.md", "rounds.*", "bundle"),
        FOREIGN,
    ),
}  # fmt: skip
SIGNS = (SUMMARY, "recipe.json", "grid.json", "steps.csv", "*/steps.csv", "*/summary.json")
"""Files of a run's folder, and those that tell it from other folders."""
_OWN = (
    *(name for name in RUN if "/" not in name and "*" not in name),
    *(LAST, BEST, "detector.safetensors", "rounds.json", "rounds.md"),
    "tensorboard/events.out.tfevents.*",
)
"""What a run that begins again deletes."""


def run_recipe(
    recipe: Recipe, out: Path, *, fresh: bool = False, on_progress: OnProgress | None = None
) -> dict[str, Any]:
    """Train a recipe into a folder; goes on where it was killed, does nothing where it is done.

    Args:
        recipe: what to train; its rounds, if any, follow each other.
        out: folder of all files.
        fresh: delete what an earlier run wrote into the folder first.
        on_progress: called as the run goes on.

    Returns:
        The summary that also stands in ``summary.json``.
    """
    from unsung.training.rounds import run_rounds

    if not started_outside():
        output_folder(out, recipe.data.manifests, RUN, signs=SIGNS)
    if fresh and not started_outside() and out.exists():
        _begun_again(out, recipe)
    if recipe.rounds:
        return run_rounds(recipe, out, on_progress)
    done = _done(recipe, out)
    if done is not None:
        return done
    if recipe.run.processes > 1 and not started_outside():
        launch(run_here, (recipe, out, on_progress), recipe.run.processes, out)
    else:
        run_here(recipe, out, on_progress)
    finished = _done(recipe, out)
    if finished is None:
        raise TrainingError(f"{out}: the run ended without {SUMMARY}; run the same command again")
    return finished


def run_here(recipe: Recipe, out: Path, on_progress: OnProgress | None = None) -> None:
    """Train in this process, which may be one of several that the environment names."""
    tell: OnProgress = on_progress or (lambda _: None)
    out.mkdir(parents=True, exist_ok=True)
    with joined(recipe.run.device) as team:
        detector = build_detector(recipe)
        material = prepare(recipe, detector, _decoding(tell) if team.leads else None)
        history: list[dict[str, Any]] = []
        if recipe.optimiser.name == "closed_form":
            _fit(recipe, detector, material)
        else:
            trainer = Trainer(recipe, detector, material, out, team=team, on_progress=tell)
            history = trainer.run()
            trainer.load_best()
        tell(Progress("measuring", 0, len(material.valid) + len(material.test)))
        finish(recipe, detector, material, team=team, out=out, history=history)
        team.gather(None)  # no process leaves while another still writes


def run_slurm(recipe: Recipe, out: Path, logs: Path | None = None) -> Any:
    """Submit the run as a job and return it; ``job.result()`` waits for the summary.

    A job that Slurm stops and starts again goes on from its last checkpoint.

    Raises:
        MissingExtra: no submitit.
        MissingTool: no Slurm here.
    """
    try:
        import submitit
    except ModuleNotFoundError as error:
        raise MissingExtra("submitit", "cluster", "unsung train --slurm") from error
    settings = recipe.slurm
    local = settings.cluster == "local"
    if not local and shutil.which("sbatch") is None:
        need = "unsung train --slurm (the same job runs here with --set slurm.cluster=local)"
        raise MissingTool("the program sbatch of Slurm", "slurm-client", need)
    executor = submitit.AutoExecutor(folder=logs or out / "logs", cluster=settings.cluster)
    asked: dict[str, Any] = {
        "name": f"unsung-{recipe.name}",
        "timeout_min": settings.time_min,
        "mem_gb": settings.memory_gb,
        "cpus_per_task": settings.cpus,
        "gpus_per_node": 0 if local else settings.gpus,
        "tasks_per_node": 1 if local else max(1, settings.gpus),
    }
    if settings.partition:
        asked["slurm_partition"] = settings.partition
    if settings.account:
        asked["slurm_account"] = settings.account
    executor.update_parameters(**asked)
    return executor.submit(SlurmJob(recipe, out.resolve()))


class SlurmJob:
    """What a job of the cluster runs: one process a GPU, together one run."""

    def __init__(self, recipe: Recipe, out: Path) -> None:
        self.recipe, self.out = recipe, out

    def __call__(self) -> dict[str, Any]:
        """Train, as one of several processes if the job has several tasks."""
        import submitit

        environment = submitit.JobEnvironment()
        if environment.num_tasks > 1:
            submitit.helpers.TorchDistributedEnvironment().export()
        return run_recipe(self.recipe, self.out)

    def checkpoint(self, *_: Any) -> Any:
        """Say how to go on after a time limit or preemption: the same job, which resumes."""
        import submitit

        return submitit.helpers.DelayedSubmission(SlurmJob(self.recipe, self.out))


def _fit(recipe: Recipe, detector: Detector, material: Material) -> None:
    distorter = Distorter(recipe.distortions, recipe.augment.distortions)
    windows = Windows(material.store, material.train, material.window_s, distorter)
    normalise(detector, windows, recipe.run.seed)
    fit_closed_form(detector, windows, material.targets, recipe.data.windows, recipe.run.seed)


def _done(recipe: Recipe, out: Path) -> dict[str, Any] | None:
    path = out / SUMMARY
    if not path.exists():
        return None
    summary: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"))
    if summary["recipe_sha256"] != recipe.sha256:
        raise TrainingError(
            f"{out}: holds the finished run of another recipe ({summary['name']}); "
            "choose another folder with -o, or begin again with --fresh"
        )
    return summary


def _begun_again(out: Path, recipe: Recipe) -> None:
    """Delete a run's own files; what others put beside them, or into another folder, stays."""
    if not is_earlier(out, {name: RUN[name] for name in SIGNS}):
        if any(out.iterdir()):
            raise TrainingError(f"{out}: expected a run's folder to begin again in, it holds "
                                "others' files; choose another with -o")  # fmt: skip
        return
    own = {
        found
        for pattern in _OWN
        for found in (*out.glob(pattern), *out.glob(f"round-*/{pattern}"))
        if not found.is_dir()
    }
    for given in (*recipe.data.manifests, recipe.weights):
        if given and Path(given).resolve() in {path.resolve() for path in own}:
            raise TrainingError(f"{given}: would be deleted, but this run reads it; choose "
                                "another folder with -o")  # fmt: skip
    for path in own:
        path.unlink()


def _decoding(tell: OnProgress) -> Callable[[int, int], None]:
    return lambda done, total: tell(Progress("decoding", done, total))
