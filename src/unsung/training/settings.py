# SPDX-License-Identifier: MIT
"""The tables of a recipe as frozen records: one a part of training, every key with its meaning.

Lengths ``_s`` are seconds. Values that cannot be meant are refused when a record is made.
"""

from __future__ import annotations

from dataclasses import dataclass

from unsung.core.settings import above, among, fraction
from unsung.errors import UsageError
from unsung.types import Record

__all__ = [
    "Augment",
    "Calibrate",
    "Data",
    "Distortion",
    "Loss",
    "Optimiser",
    "Round",
    "Run",
    "Schedule",
    "Slurm",
]

BALANCE = ("class", "family", "generator", "group")
METRICS = ("auc", "balanced_accuracy", "eer", "f1", "loss", "macro_f1")


@dataclass(frozen=True)
class Data(Record):
    """What is heard, and how it is divided.

    Attributes:
        manifests: tables or manifests, each a path.
        targets: CSV with a path and one 0/1 column an output, for what is not AI or human.
        fold: value of the manifest's split (or fold) that is kept for the test; "" takes the
            splits named train, valid and test as they are.
        valid_share: share of what is not test that validates, whole groups at a time, where the
            manifest has no split "valid".
        positive: labels that count as AI.
        negative: labels that count as human; tracks of neither are left out.
        uses: values of the manifest's `use` taken among positives; empty takes all.
        limit: at most so many tracks a class, to try out; 0 sets no limit.
        window_s: seconds heard at once; 0 takes the detector's.
        windows: windows drawn from each track in an epoch.
        valid_windows: windows a track is judged by.
        store: where decoded sound is kept: "disk" (a file that the system caches), "memory", or
            "none" (every window is decoded when it is drawn).
        cache: folder of the store.
        longest_s: a track's middle part of this length is kept in the store.
        jobs: processes that decode and distort; 0 chooses, -1 does without.
    """

    manifests: tuple[str, ...] = ()
    targets: str = ""
    fold: str = ""
    valid_share: float = 0.15
    positive: tuple[str, ...] = ("ai",)
    negative: tuple[str, ...] = ("human",)
    uses: tuple[str, ...] = ()
    limit: int = 0
    window_s: float = 0.0
    windows: int = 1
    valid_windows: int = 4
    store: str = "disk"
    cache: str = "cache"
    longest_s: float = 120.0
    jobs: int = 0

    def __post_init__(self) -> None:
        fraction("data.valid_share", self.valid_share)
        among("data.store", self.store, ("disk", "memory", "none"))
        above("data", self, 1, "windows", "valid_windows")
        above("data", self, 0, "limit", "window_s", "longest_s")
        above("data", self, -1, "jobs")


@dataclass(frozen=True)
class Optimiser(Record):
    """How weights move.

    Attributes:
        name: "adamw", "adam", "sgd", or "closed_form" for a detector with a fit of its own.
        clip_norm: largest norm of the gradient; 0 does not clip.
        accumulate: parts into which a batch is cut to save memory; the step stays the same.
        ema: decay of the moving average of the weights that is validated and kept; 0 keeps none.
        train_only: beginnings of the names of the parameters that learn; empty: all do.
    """

    name: str = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.0
    betas: tuple[float, ...] = (0.9, 0.999)
    eps: float = 1e-8
    momentum: float = 0.9
    clip_norm: float = 0.0
    accumulate: int = 1
    ema: float = 0.0
    train_only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        among("optimiser.name", self.name, ("adam", "adamw", "closed_form", "sgd"))
        above("optimiser", self, 1, "accumulate")
        above("optimiser", self, 0, "lr", "weight_decay", "clip_norm", "eps", "momentum")
        fraction("optimiser.ema", self.ema)
        if len(self.betas) != 2:
            raise UsageError(f"optimiser.betas: expected two numbers, got {list(self.betas)}")


@dataclass(frozen=True)
class Schedule(Record):
    """The learning rate over time: "cosine", "constant", "step" or "plateau".

    Attributes:
        warmup_epochs: epochs over which the rate rises from `warmup_lr`.
        min_lr: where the cosine and the plateau end.
        factor: what "step" (every `every` epochs) and "plateau" (after `every` epochs without a
            better validation loss) multiply the rate by.
    """

    name: str = "cosine"
    warmup_epochs: float = 0.0
    warmup_lr: float = 1e-6
    min_lr: float = 0.0
    factor: float = 0.1
    every: int = 10

    def __post_init__(self) -> None:
        among("schedule.name", self.name, ("constant", "cosine", "plateau", "step"))
        above("schedule", self, 1, "every")
        above("schedule", self, 0, "warmup_epochs", "warmup_lr", "min_lr", "factor")


@dataclass(frozen=True)
class Loss(Record):
    """What is minimised.

    Attributes:
        name: "bce" (each output for itself), "ce" (one of all outputs) or "bce+ce" (the first
            output for itself, the others as classes).
        second: weight of the others in "bce+ce".
        contrastive: weight of a detector's own contrastive loss; supervision: share of its
            supervised part.
        label_smoothing: ε of t · (1 − ε) + ε / 2 (bce) or ε / outputs (ce).
        class_weights: weight of each output's positive targets (bce) or of each class (ce).
        dro: step size of group DRO's weights; 0 is the plain mean.
        dro_group: field of a track that makes the groups, within each class.
    """

    name: str = "bce"
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] = ()
    second: float = 0.2
    contrastive: float = 0.0
    supervision: float = 1.0
    dro: float = 0.0
    dro_group: str = "family"

    def __post_init__(self) -> None:
        among("loss.name", self.name, ("bce", "bce+ce", "ce"))
        fraction("loss.label_smoothing", self.label_smoothing)
        above("loss", self, 0, "dro", "second", "contrastive")
        fraction("loss.supervision", self.supervision, closed=True)
        among("loss.dro_group", self.dro_group, ("dataset", "family", "generator", "group"))


@dataclass(frozen=True)
class Augment(Record):
    """What training sound and pictures go through; see `training.augment` for the sources.

    Attributes:
        balance: what is drawn equally often, from outside to inside: class, then e.g. group.
        distortions: names of distortions that a window passes in this order, each by its chance.
        mixup_p: chance that a batch is mixed; mixup_alpha: both parameters of λ's beta law.
        spec_p: chance of SpecAugment; its masks are filled with 0.
    """

    balance: tuple[str, ...] = ()
    distortions: tuple[str, ...] = ()
    mixup_p: float = 0.0
    mixup_alpha: float = 2.5
    spec_p: float = 0.0
    time_masks: int = 2
    time_mask: int = 8
    freq_masks: int = 1
    freq_mask: int = 8

    def __post_init__(self) -> None:
        for name in self.balance:
            among("augment.balance", name, BALANCE)
        fraction("augment.mixup_p", self.mixup_p, closed=True)
        fraction("augment.spec_p", self.spec_p, closed=True)
        above("augment", self, 0, "time_masks", "time_mask", "freq_masks", "freq_mask")
        if not self.mixup_alpha > 0:
            raise UsageError(f"augment.mixup_alpha: expected above 0, got {self.mixup_alpha}")


@dataclass(frozen=True)
class Distortion(Record):
    """A chain of attacks with strengths to draw from: ``chain = "mp3@{s}"``.

    Attributes:
        strengths: values of ``{s}``; with `uniform` the two ends of a range.
        p: chance that a training window passes it (in a test set every window does).
    """

    chain: str
    strengths: tuple[float, ...] = ()
    uniform: bool = False
    p: float = 1.0

    def __post_init__(self) -> None:
        fraction("distortions: p", self.p, closed=True)
        if ("{s}" in self.chain) != bool(self.strengths):
            raise UsageError(
                f"distortion '{self.chain}': expected {{s}} in the chain together with strengths; "
                'write chain = "mp3@{s}" and strengths = [64, 128]'
            )
        if self.uniform and len(self.strengths) != 2:
            raise UsageError(
                f"distortion '{self.chain}': uniform needs two strengths, low and high"
            )


@dataclass(frozen=True)
class Round(Record):
    """A round of iterative learning: goes on from the round before with these distortions."""

    name: str
    distortions: tuple[str, ...] = ()
    epochs: int = 0
    stage: str = ""


@dataclass(frozen=True)
class Run(Record):
    """The course of a run.

    Attributes:
        batch: windows in one step, over all parts and processes.
        patience: epochs without a better `metric` until the run ends; 0 goes through all.
        metric: what chooses the kept weights, measured on the validation tracks.
        deterministic: refuse operations whose result may differ from run to run.
        precision: "float32", "bfloat16" or "float16" (autocast; front ends stay in float32).
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        checkpoint_steps: steps between checkpoints; 0 keeps one at the end of every epoch.
        minutes: the run ends after the epoch that passes this time; 0 sets no limit.
    """

    epochs: int = 10
    batch: int = 32
    seed: int = 0
    patience: int = 0
    metric: str = "eer"
    deterministic: bool = True
    precision: str = "float32"
    device: str = "auto"
    processes: int = 1
    checkpoint_steps: int = 0
    minutes: float = 0.0
    tensorboard: bool = False

    def __post_init__(self) -> None:
        above("run", self, 1, "epochs", "batch", "processes")
        above("run", self, 0, "patience", "checkpoint_steps", "minutes", "seed")
        among("run.metric", self.metric, METRICS)
        among("run.precision", self.precision, ("bfloat16", "float16", "float32"))


@dataclass(frozen=True)
class Calibrate(Record):
    """Thresholds set on the validation tracks at the end."""

    false_alarm_rate: float = 0.01
    miss_rate: float = 0.1


@dataclass(frozen=True)
class Slurm(Record):
    """What ``--slurm`` asks for; cluster "local" runs the same job as a process here."""

    partition: str = ""
    account: str = ""
    time_min: int = 240
    memory_gb: float = 16.0
    cpus: int = 4
    gpus: int = 1
    cluster: str = "slurm"

    def __post_init__(self) -> None:
        among("slurm.cluster", self.cluster, ("local", "slurm"))
