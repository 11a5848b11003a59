# SPDX-License-Identifier: MIT
"""What a build finds on whole songs: results/songs.md, by service, kind of music and alteration.

Everything is cross-fitted by owner: scores by fits that have not seen the owner, thresholds and
likelihood ratios from the other folds. Intervals resample owners; shares have exact binomial ones.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unsung.evaluation import (
    bootstrap_interval,
    cllr,
    detection_rate_at,
    llr_to_probability,
    min_cllr,
    roc_auc,
)
from unsung.evaluation.calibration import ece_debiased
from unsung.evaluation.proportions import clopper_pearson
from unsung.training.outcome import (
    PLAIN,
    STRATA_S,
    Outcome,
    family_unseen,
    nested_ratios,
    nested_verdicts,
)
from unsung.training.publish import SEED
from unsung.training.shortcuts import facts_scores
from unsung.training.songs import CONDITIONS
from unsung.types import Result

__all__ = ["write_songs"]

RATES = (0.01, 0.003, 0.001)
TAIL = 25
COMMAND = "python -m unsung.training.default"
SERVICES = (
    "Suno", "Udio", "ElevenLabs", "Mureka", "MiniMax", "Lyria", "StableAudio", "ACE-Step", "YuE",
    "MusicGen", "HeartMuLa", "DiffRhythm", "Riffusion", "Sonauto", "Beatoven", "Boomy",
)  # fmt: skip
"""What people ask about, whether it was measured or not; other families follow."""


@dataclass(frozen=True)
class _Sheet:
    """The outcome with what every table asks of it. Shape: arrays ``[row]``."""

    outcome: Outcome
    kinds: NDArray[np.str_]
    attack: NDArray[np.str_]

    @property
    def songs(self) -> NDArray[np.bool_]:
        return np.asarray(np.isin(self.outcome.kind, ("song", "full")))

    @property
    def ai(self) -> NDArray[np.bool_]:
        return np.asarray(self.outcome.labels() == "ai")

    @property
    def human(self) -> NDArray[np.bool_]:
        return np.asarray(self.outcome.labels() == "human")

    def stratum(self, number: int) -> NDArray[np.bool_]:
        return np.asarray(self.outcome.strata() == number)

    def share(
        self, here: NDArray[np.bool_], hits: NDArray[np.bool_], what: str, rows: list[Result]
    ) -> str:
        """Return the share of hits among some rows in words, and note it down."""
        n, k = int(here.sum()), int((hits & here).sum())
        if not n:
            return ""
        span = clopper_pearson(k, n)
        rows.append(self.result("share", what, (k / n, span.low, span.high), here))
        return f"{100 * k / n:.1f} % [{100 * span.low:.1f}, {100 * span.high:.1f}]"

    def result(
        self,
        dataset: str,
        metric: str,
        span: tuple[float, float | None, float | None],
        here: NDArray[np.bool_],
        detector: str = "",
    ) -> Result:
        """Return one figure with its counts."""
        return Result(
            "songs", detector or self.outcome.name, dataset, "cross-fitted", metric,
            *span, int(here.sum()), len(set(self.outcome.groups()[here])), SEED,
            data_sha256=self.outcome.sha256,
        )  # fmt: skip


def write_songs(
    outcome: Outcome,
    kinds: Mapping[str, str],
    attack: NDArray[np.str_],
    variants: Mapping[str, NDArray[np.float64]],
    folder: Path,
) -> list[Result]:
    """Write songs.md and songs.jsonl.

    Args:
        outcome: cross-fitted scores.
        kinds: kind of human music by track path.
        attack: what was done to each row. Shape: ``[row]``.
        variants: name → scores of the detector with something left out. Shape: each ``[row]``.
        folder: where to.
    """
    named = [kinds.get(t.path, "game music") for t in outcome.tracks]
    sheet = _Sheet(outcome, np.array(named), attack)
    rows: list[Result] = []
    parts = [*_head(sheet)]
    parts += _ranking(sheet, variants, rows)
    parts += _promises(sheet, rows)
    parts += _services(sheet, rows)
    parts += _human_kinds(sheet, rows)
    parts += _altered(sheet, rows)
    parts += _tail(sheet)
    text = "".join(json.dumps(row.to_dict()) + "\n" for row in rows if math.isfinite(row.value))
    (folder / "songs.jsonl").write_text(text, encoding="utf-8")
    (folder / "songs.md").write_text("\n".join(parts) + "\n", encoding="utf-8")
    return rows


def _head(sheet: _Sheet) -> list[str]:
    counts = [
        f"{int((sheet.songs & side & sheet.stratum(2)).sum())} {name}"
        for name, side in (("AI", sheet.ai), ("human", sheet.human))
    ]
    return [
        "# Whole songs",
        "",
        f"Written by `{COMMAND}`; do not edit. Cross-fitted by owner: no fit, threshold or "
        "likelihood ratio has seen music of the owner it is asked about. Intervals: 95 %, owners "
        "resampled for AUC and rates at a rank, exact binomial for shares of verdicts. Songs of a "
        f"minute and more: {' and '.join(counts)}. Every figure stands in songs.jsonl too.",
        "",
    ]


def _ranking(
    sheet: _Sheet, variants: Mapping[str, NDArray[np.float64]], rows: list[Result]
) -> list[str]:
    """AI against human by how much was heard, and what each ingredient gives."""
    outcome = sheet.outcome
    lines = [
        "## AI against human music",
        "",
        "| what was heard | scores | AI / human | AUC | " + _percents(RATES) + " |",
        "|---|---|--:|--:|" + "--:|" * len(RATES),
    ]
    ours = {outcome.name: outcome.own, **variants}
    ours["only duration, rate, channels, codec"] = facts_scores(outcome, sheet.songs)
    for number in reversed(range(len(STRATA_S))):
        for name, scores in ours.items():
            here = sheet.songs & sheet.stratum(number) & np.isfinite(scores)
            here &= sheet.ai | sheet.human
            y, s = sheet.ai[here].astype(int), scores[here]
            if not 20 <= y.sum() < len(y):
                continue
            groups = outcome.groups()[here]
            cells = []
            for metric, measure in _metrics():
                span = bootstrap_interval(measure, y, s, groups, replicates=300, seed=SEED)
                limits = (span.value, span.low, span.high)
                rows.append(sheet.result(_heard(number), metric, limits, here, name))
                cells.append(f"{span.value:.3f} [{span.low:.3f}, {span.high:.3f}]")
            counts = f"{int(y.sum())} / {int((1 - y).sum())}"
            lines.append(f"| {_heard(number)} | {name} | {counts} | {' | '.join(cells)} |")
    return [*lines, "", "`found` is the share of AI songs above that share of human ones.", ""]


def _metrics() -> list[tuple[str, Callable[..., float]]]:
    made: list[tuple[str, Callable[..., float]]] = [("auc", roc_auc)]
    for rate in RATES:
        made.append((f"found_at_{rate:g}", lambda y, s, r=rate: detection_rate_at(y, s, r)))
    return made


def _promises(sheet: _Sheet, rows: list[Result]) -> list[str]:
    """Verdicts at stated rates with thresholds of the same stratum from other folds."""
    lines = [
        "## Verdicts at a stated false-alarm rate",
        "",
        "| heard | rate | human | called AI | undecided | AI | found | called human |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for rate in (0.05, 0.01, 0.001):
        verdicts = nested_verdicts(sheet.outcome, rate)
        for number in reversed(range(len(STRATA_S))):
            plain = np.isin(sheet.outcome.kind, PLAIN) & sheet.stratum(number)
            cells = [_heard(number), f"{rate:g}"]
            for label, side, wanted in (
                ("human", sheet.human, ("ai", "undecided")),
                ("ai", sheet.ai, ("ai", "human")),
            ):
                here = plain & side
                cells.append(str(int(here.sum())))
                for verdict in wanted:
                    what = f"share_{verdict}[{label}, {_heard(number)}, {rate:g}]"
                    cells.append(sheet.share(here, verdicts == verdict, what, rows))
            lines.append(f"| {' | '.join(cells)} |")
    ratios = nested_ratios(sheet.outcome)
    plain = np.concatenate(sheet.outcome.calibration_rows())
    said = []
    for number in reversed(range(len(STRATA_S))):
        own = plain[sheet.stratum(number)[plain]]
        if len(set(sheet.ai[own])) < 2:
            continue
        y, llr = sheet.ai[own].astype(int), ratios[own]
        loss = cllr(y, llr) - min_cllr(y, llr)
        error = ece_debiased(y, llr_to_probability(llr, float(np.mean(y))))
        said.append(f"{_heard(number)}: {loss:.3f} and {error:.3f}")
        chosen = np.isin(np.arange(len(sheet.kinds)), own)
        for metric, value in (("cllr_loss", loss), ("ece_debiased", error)):
            rows.append(sheet.result(_heard(number), metric, (float(value), None, None), chosen))
    return [
        *lines,
        "",
        "With no threshold (too few recordings for the promise) nothing is called AI. Calibration "
        f"on unseen sources, Cllr less min Cllr and debiased ECE: {'; '.join(said)}.",
        "",
    ]


def _services(sheet: _Sheet, rows: list[Result]) -> list[str]:
    """Every service by name at 1 %, tracks of 15 s and more, seen and unseen."""
    outcome = sheet.outcome
    verdicts = nested_verdicts(outcome, 0.01)
    names = np.array([t.family or t.generator for t in outcome.tracks])
    heard = np.isin(outcome.kind, ("song", "table")) & ~sheet.stratum(0) & sheet.ai
    unseen = outcome.scores.get(family_unseen(outcome.name))
    human = sheet.songs & sheet.human & ~sheet.stratum(0)
    lines = [
        "## Services by name, tracks of 15 s and more, at 1 %",
        "",
        "`unseen`: no song of the family was learned from, lines in place alone, the threshold "
        "that 1 % of the human songs pass.",
        "",
        "| service | n | owners | found | undecided | called human | found, family unseen |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    others = sorted(set(names[heard]) - set(SERVICES))
    for name in [*SERVICES, *others]:
        here = heard & (names == name)
        if not here.any():
            lines.append(f"| {name} | not measured | | | | | |")
            continue
        found = [
            sheet.share(here, verdicts == v, f"share_{v}[family={name}]", rows)
            for v in ("ai", "undecided", "human")
        ]
        apart = "not available"
        if unseen is not None:
            limit = np.quantile(unseen[human], 0.99)
            apart = sheet.share(here, unseen > limit, f"found_unseen[family={name}]", rows)
        owners = len(set(outcome.groups()[here]))
        lines.append(f"| {name} | {int(here.sum())} | {owners} | {' | '.join(found)} | {apart} |")
    return [*lines, ""]


def _human_kinds(sheet: _Sheet, rows: list[Result]) -> list[str]:
    lines = [
        "## Human music by kind, songs of 15 s and more",
        "",
        "| kind | n | owners | called AI at 1 % | called AI at 0.1 % | undecided at 1 % |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    at_1, at_01 = nested_verdicts(sheet.outcome, 0.01), nested_verdicts(sheet.outcome, 0.001)
    here = sheet.songs & sheet.human & ~sheet.stratum(0)
    for kind in sorted(set(sheet.kinds[here])):
        own = here & (sheet.kinds == kind)
        cells = [
            sheet.share(own, at_1 == "ai", f"share_ai[kind={kind}, 0.01]", rows),
            sheet.share(own, at_01 == "ai", f"share_ai[kind={kind}, 0.001]", rows),
            sheet.share(own, at_1 == "undecided", f"share_undecided[kind={kind}]", rows),
        ]
        owners = len(set(sheet.outcome.groups()[own]))
        lines.append(f"| {kind} | {int(own.sum())} | {owners} | {' | '.join(cells)} |")
    return [*lines, ""]


def _altered(sheet: _Sheet, rows: list[Result]) -> list[str]:
    copies = sheet.outcome.kind == "copy"
    return [
        "## Altered sound: 45 s from the middle of songs, at 1 %, threshold unchanged",
        "",
        "Fits of other folds have heard the same alterations of other owners' songs; the same with "
        "other programs, which no fit has heard: bench/moved_songs.py.",
        "",
        *_by_attack(sheet, rows, copies, sorted(set(sheet.attack[copies]))),
        "",
        "## Where music is listened to: the same, never learned from",
        "",
        "A loudspeaker, a room and a microphone, near and far; a telephone line; a voice over the "
        "music, in dB by which the music exceeds it. `called human` of AI is what the logit alone "
        "would wrongly clear; a scan leaves a telephone's band undecided, and the page a "
        "microphone's sound.",
        "",
        *_by_attack(sheet, rows, sheet.outcome.kind == "heard", CONDITIONS),
        "",
    ]


def _by_attack(
    sheet: _Sheet, rows: list[Result], here: NDArray[np.bool_], attacks: Sequence[str]
) -> list[str]:
    lines = [
        "| alteration | AI | found | called human | human | called AI |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    verdicts = nested_verdicts(sheet.outcome, 0.01)
    for name in attacks:
        cells = [name]
        for label, side, asked in (
            ("ai", sheet.ai, ("ai", "human")),
            ("human", sheet.human, ("ai",)),
        ):
            own = here & (sheet.attack == name) & side
            cells.append(str(int(own.sum())))
            for verdict in asked:
                what = f"share_{verdict}[{label}, {name}]"
                cells.append(sheet.share(own, verdicts == verdict, what, rows))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _tail(sheet: _Sheet) -> list[str]:
    """The human songs that come highest and the AI songs that come lowest, one by one."""
    outcome, own = sheet.outcome, sheet.outcome.own
    heard = sheet.songs & ~sheet.stratum(0)
    found = []
    for title, side, sign in (
        ("Human songs that measure most like AI", sheet.human, -1),
        ("AI songs that measure least like AI", sheet.ai, 1),
    ):
        here = np.flatnonzero(heard & side)
        found += [
            f"## {title}",
            "",
            "| logit | heard | owner | what | file |",
            "|--:|--:|---|---|---|",
        ]
        for i in here[np.argsort(sign * own[here], kind="stable")][:TAIL]:
            track = outcome.tracks[int(i)]
            what = sheet.kinds[i] if track.label == "human" else track.family
            covered = 0.0 if outcome.covered_s is None else outcome.covered_s[i]
            name = track.sha256[:12] or Path(track.path).name
            found.append(f"| {own[i]:+.2f} | {covered:.0f} s | {track.group} | {what} | {name} |")
        found.append("")
    return found


def _heard(number: int) -> str:
    low = STRATA_S[number]
    if number + 1 == len(STRATA_S):
        return f"{low:g} s and more"
    return f"{low:g} to {STRATA_S[number + 1]:g} s" if low else f"under {STRATA_S[1]:g} s"


def _percents(rates: Iterable[float]) -> str:
    return " | ".join(f"found at {100 * rate:g} %" for rate in rates)
