# SPDX-License-Identifier: MIT
"""Thresholds of one's own: a catalogue of known human music sets when the verdict is AI.

The AI threshold is conformal (see `unsung.runtime.decide`): on music like the catalogue's, at most
the stated share is called AI. The human threshold needs AI music and stays the bundle's, moved
down where it would overlap.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from unsung.errors import UnsungError, UsageError
from unsung.evaluation import conformal_threshold
from unsung.outputs import Kind, json_with, output_file, write_whole
from unsung.runtime import Analysis, decide
from unsung.text import parse_json
from unsung.types import Record, Score

if TYPE_CHECKING:
    from unsung.runtime import Bundle, Thresholds

__all__ = [
    "CALIBRATION",
    "RATES",
    "OwnCalibration",
    "calibrate",
    "doubt",
    "load_calibration",
    "needed",
    "recalibrated",
    "report_calibration",
    "unreachable",
    "usable_rates",
]

RATES = (0.05, 0.01, 0.001)
"""False-alarm rates that a calibration file answers for."""

FORMAT = 2


@dataclass(frozen=True)
class Stratum(Record):
    """Thresholds for tracks of which ``from_s`` seconds and more were heard, one a rate."""

    from_s: float
    n_human: int
    ai_logits: tuple[float | None, ...]


CALIBRATION = Kind("a calibration", (".json",), json_with("bundle_sha256", "rates", "ai_logits"))
"""What `OwnCalibration.save` writes."""


@dataclass(frozen=True)
class OwnCalibration(Record):
    """What `unsung calibrate` writes; valid for one bundle and one way of listening.

    ``ai_logits`` has an entry for each of ``rates``; None where the catalogue is too small. Where
    the bundle tells tracks apart by how much was heard, so do the ``strata``, and the promise is
    theirs: songs say nothing of excerpts.
    """

    format: int
    name: str
    bundle: str
    bundle_sha256: str
    fast: bool
    n_human: int
    n_left_out: int
    rates: tuple[float, ...]
    ai_logits: tuple[float | None, ...]
    strata: tuple[Stratum, ...] = ()

    @property
    def title(self) -> str:
        """How a score names these thresholds: another file has another title."""
        digest = hashlib.sha256(json.dumps(self.to_dict()).encode()).hexdigest()
        return f"{self.name}, n = {self.n_human}, {digest[:8]}"

    def stratum(self, covered_s: float | None) -> Stratum:
        """Return the thresholds of tracks of which so much was heard; None: of all together."""
        whole = Stratum(0.0, self.n_human, self.ai_logits)
        if covered_s is None:
            return whole
        return next((s for s in reversed(self.strata) if s.from_s <= covered_s), whole)

    def ai_logit(self, rate: float, covered_s: float | None = None) -> float | None:
        """Return the threshold for a rate; None where the catalogue is too small for it.

        Raises:
            UsageError: the file has no such rate.
        """
        for known, logit in zip(self.rates, self.stratum(covered_s).ai_logits, strict=True):
            if math.isclose(known, rate):
                return logit
        raise UsageError(
            f"expected a false-alarm rate that calibration '{self.name}' was made for "
            f"({', '.join(f'{r:g}' for r in self.rates)}), got {rate:g}; use one of them"
        )

    def guarantee(self, rate: float, covered_s: float | None = None) -> str:
        """Say what stands behind the threshold for a rate, or why there is none."""
        n = self.stratum(covered_s).n_human
        if self.ai_logit(rate, covered_s) is None:
            return f"not available: {n} human recordings as long, {needed(rate)} needed"
        return f"conformal over {n} human recordings of {self.name}"

    def save(self, path: Path) -> None:
        """Write the record as JSON, whole or not at all.

        Raises:
            UnsungError: no recording was judged.
            UsageError: the file stands there and is no calibration.
        """
        if not self.n_human:
            raise UnsungError(
                f"{path}: not written, none of the recordings could be judged; a calibration "
                "needs human music that can be heard"
            )
        output_file(path, (), CALIBRATION)
        write_whole(path, json.dumps(self.to_dict(), indent=2) + "\n")


def needed(rate: float) -> int:
    """Return how many recordings a threshold at this rate takes.

    >>> needed(0.01)
    99
    """
    return math.ceil(1.0 / rate - 1.0 - 1e-9)


def calibrate(
    scores: Iterable[Score],
    bundle: Bundle,
    *,
    name: str,
    fast: bool = False,
    rates: Sequence[float] = RATES,
) -> OwnCalibration:
    """Set thresholds on the scores of music that is known to be human.

    Copies of one file count once. Tracks with an error, or that can carry no verdict (too short,
    too narrow a band), are left out and counted: a scan would not judge them either.
    """
    kept: dict[str, Score] = {}
    left_out = 0
    for score in scores:
        if score.logit is None or score.error is not None or _unfit(score, bundle):
            left_out += 1
        else:
            kept.setdefault(score.sha256 or score.path, score)
    edges = [float(part["from_s"]) for part in bundle.calibration.get("strata", ())]
    strata = [
        _stratum([s for s in kept.values() if low <= s.covered_s < high], low, rates)
        for low, high in pairwise([*edges, math.inf])
    ]
    return OwnCalibration(
        FORMAT,
        name,
        bundle.name,
        bundle.sha256,
        fast,
        len(kept),
        left_out,
        tuple(rates),
        _stratum(list(kept.values()), 0.0, rates).ai_logits,
        tuple(strata),
    )


def _stratum(scores: Sequence[Score], from_s: float, rates: Sequence[float]) -> Stratum:
    values = [score.logit for score in scores if score.logit is not None]
    found = (conformal_threshold(values, rate) if values else None for rate in rates)
    return Stratum(from_s, len(values), tuple(found))


def doubt(scores_ai: int, own: OwnCalibration) -> str:
    """Say that recordings given as human measure like AI, where chance would not call so many so.

    At the packaged rate of 1 % some of a human catalogue are called AI; more than three and more
    than one in twenty are not that.
    """
    total = own.n_human
    if scores_ai < 3 or scores_ai <= 0.05 * total:
        return ""
    return (
        f"{scores_ai} of {total} would be called AI by the packaged thresholds: are these human? "
        "Thresholds set on AI music let AI music pass"
    )


def load_calibration(path: Path) -> OwnCalibration:
    """Read a calibration file.

    Raises:
        UsageError: missing, or not what `unsung calibrate` writes.
    """
    try:
        values = parse_json(path.read_text(encoding="utf-8"))
        own = OwnCalibration.from_dict(values)
        if own.format != FORMAT or len(own.rates) != len(own.ai_logits):
            raise ValueError(f"format {own.format}, this version reads {FORMAT}")
    except (OSError, ValueError, TypeError, AttributeError, UsageError) as error:
        raise UsageError(
            f"{path}: expected a calibration file ({error}); write one with `unsung calibrate`"
        ) from error
    return own


def recalibrated(bundle: Bundle, path: Path | None, fast: bool = False) -> Bundle:
    """Return the bundle with the thresholds of a calibration file (None: as it is).

    Raises:
        UsageError: the file was made with another bundle, or for the other way of listening.
    """
    if path is None:
        return bundle
    own = load_calibration(path)
    if own.bundle_sha256 != bundle.sha256:
        raise UsageError(
            f"{path}: made with {own.bundle} ({own.bundle_sha256[:12]}), this is {bundle.name} "
            f"({bundle.sha256[:12]}); run `unsung calibrate` again with this detector"
        )
    if own.fast != fast:
        made, now = ("with", "without") if own.fast else ("without", "with")
        raise UsageError(
            f"{path}: made {made} --fast, this scan runs {now} it; scores differ: "
            "use the same for both"
        )
    return cast("Bundle", _Recalibrated(bundle, own))


def usable_rates(bundle: Bundle) -> tuple[float, ...]:
    """Return which of `RATES` have a threshold for AI, however much is heard of a track."""
    return tuple(rate for rate in RATES if not any(_out_of_reach(bundle, rate)))


def unreachable(bundle: Bundle, false_alarm_rate: float) -> str:
    """Say of which tracks none can be called AI at this rate, and which rates would do; else ""."""
    missing = _out_of_reach(bundle, false_alarm_rate)
    if not any(missing):
        return ""
    usable = ", ".join(f"{rate:g}" for rate in usable_rates(bundle))
    what = "nothing" if all(missing) else "no track of some lengths"
    return (
        f"at a false-alarm rate of {false_alarm_rate:g} {what} can be called AI "
        f"({'; '.join(dict.fromkeys(text for text in missing if text))}); "
        + (f"rates with a threshold: {usable}" if usable else "no rate has a threshold")
    )


def _out_of_reach(bundle: Bundle, rate: float) -> list[str]:
    """Return for each stratum why it has no threshold at a rate, "" where it has one."""
    edges = [part["from_s"] for part in bundle.calibration.get("strata", ())]
    try:
        found = [bundle.thresholds(rate, edge) for edge in edges or [None]]
    except UsageError as error:
        if rate in RATES:  # a calibration file answers for its own rates only
            return [str(error)]
        raise
    return ["" if limits.ai_logit is not None else limits.guarantee for limits in found]


def report_calibration(
    bundle: Bundle, false_alarm_rate: float, covered_s: float | None = None
) -> dict[str, Any]:
    """Return the calibration of tracks of that length, thresholds spelled out, for a report."""
    limits = bundle.thresholds(false_alarm_rate, covered_s)
    found: dict[str, Any] = {
        "n_human": limits.n_human,
        "n_ai": limits.n_ai,
        **bundle.calibration_of(covered_s),
        "thresholds": [limits.to_dict()],
    }
    return found


class _Recalibrated:
    """A bundle whose AI threshold comes from elsewhere; all else is the bundle's."""

    def __init__(self, bundle: Bundle, own: OwnCalibration) -> None:
        self._bundle, self._own = bundle, own
        calibration = dict(bundle.info["calibration"])
        calibration["name"] = f"{calibration.get('name', '')}; thresholds: {own.title}"
        self.info: dict[str, Any] = {**bundle.info, "calibration": calibration}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bundle, name)

    def thresholds(self, false_alarm_rate: float, covered_s: float | None = None) -> Thresholds:
        own, theirs = self._own, self._bundle.thresholds(false_alarm_rate, covered_s)
        ai, human = own.ai_logit(false_alarm_rate, covered_s), theirs.human_logit
        return replace(
            theirs,
            ai_logit=ai,
            human_logit=human if human is None or ai is None else min(human, ai),
            n_human=own.stratum(covered_s).n_human,
            guarantee=own.guarantee(false_alarm_rate, covered_s),
        )


def _unfit(score: Score, bundle: Bundle) -> bool:
    """Say whether the sound itself, not its place between thresholds, kept the verdict open."""
    if score.logit is None or score.false_alarm_rate is None or score.prior is None:
        return True
    same = Analysis((), score.logit, score.covered_s, None, score.family, "", None)
    verdict, reason, _, _ = decide(bundle, same, score.false_alarm_rate, score.prior)
    return (verdict, reason) != (score.verdict, score.reason)
