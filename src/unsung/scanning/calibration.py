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

FORMAT = 1


CALIBRATION = Kind("a calibration", (".json",), json_with("bundle_sha256", "rates", "ai_logits"))
"""What `OwnCalibration.save` writes."""


@dataclass(frozen=True)
class OwnCalibration(Record):
    """What `unsung calibrate` writes; valid for one bundle and one way of listening.

    ``ai_logits`` has an entry for each of ``rates``; None where the catalogue is too small.
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

    @property
    def title(self) -> str:
        """How a score names these thresholds: another file has another title."""
        digest = hashlib.sha256(json.dumps(self.to_dict()).encode()).hexdigest()
        return f"{self.name}, n = {self.n_human}, {digest[:8]}"

    def ai_logit(self, rate: float) -> float | None:
        """Return the threshold for a rate; None where the catalogue is too small for it.

        Raises:
            UsageError: the file has no such rate.
        """
        for known, logit in zip(self.rates, self.ai_logits, strict=True):
            if math.isclose(known, rate):
                return logit
        raise UsageError(
            f"expected a false-alarm rate that calibration '{self.name}' was made for "
            f"({', '.join(f'{r:g}' for r in self.rates)}), got {rate:g}; use one of them"
        )

    def guarantee(self, rate: float) -> str:
        """Say what stands behind the threshold for a rate, or why there is none."""
        if self.ai_logit(rate) is None:
            return f"not available: {self.n_human} human recordings, {needed(rate)} needed"
        return f"conformal over {self.n_human} human recordings of {self.name}"

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
    logits: dict[str, float] = {}
    left_out = 0
    for score in scores:
        if score.logit is None or score.error is not None or _unfit(score, bundle):
            left_out += 1
        else:
            logits.setdefault(score.sha256 or score.path, score.logit)
    values = list(logits.values())
    return OwnCalibration(
        FORMAT,
        name,
        bundle.name,
        bundle.sha256,
        fast,
        len(values),
        left_out,
        tuple(rates),
        tuple(conformal_threshold(values, rate) if values else None for rate in rates),
    )


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
    """Return which of `RATES` have a threshold for AI."""
    return tuple(rate for rate in RATES if _threshold(bundle, rate) is not None)


def unreachable(bundle: Bundle, false_alarm_rate: float) -> str:
    """Say why nothing can be called AI at this rate and which rates would do; else ""."""
    limits = bundle.thresholds(false_alarm_rate)
    if limits.ai_logit is not None:
        return ""
    usable = ", ".join(f"{rate:g}" for rate in usable_rates(bundle))
    return (
        f"at a false-alarm rate of {false_alarm_rate:g} nothing can be called AI "
        f"({limits.guarantee}); "
        + (f"rates with a threshold: {usable}" if usable else "no rate has a threshold")
    )


def _threshold(bundle: Bundle, rate: float) -> float | None:
    try:
        return bundle.thresholds(rate).ai_logit
    except UsageError:  # a calibration file answers for its own rates only
        return None


def report_calibration(bundle: Bundle, false_alarm_rate: float) -> dict[str, Any]:
    """Return the bundle's calibration with its thresholds spelled out, as a report shows them."""
    limits = bundle.thresholds(false_alarm_rate)
    found: dict[str, Any] = {
        "n_human": limits.n_human,
        "n_ai": limits.n_ai,
        **bundle.info["calibration"],
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

    def thresholds(self, false_alarm_rate: float) -> Thresholds:
        own, theirs = self._own, self._bundle.thresholds(false_alarm_rate)
        ai, human = own.ai_logit(false_alarm_rate), theirs.human_logit
        return replace(
            theirs,
            ai_logit=ai,
            human_logit=human if human is None or ai is None else min(human, ai),
            n_human=own.n_human,
            guarantee=own.guarantee(false_alarm_rate),
        )


def _unfit(score: Score, bundle: Bundle) -> bool:
    """Say whether the sound itself, not its place between thresholds, kept the verdict open."""
    if score.logit is None or score.false_alarm_rate is None or score.prior is None:
        return True
    same = Analysis((), score.logit, score.covered_s, None, score.family, "", None)
    verdict, reason, _, _ = decide(bundle, same, score.false_alarm_rate, score.prior)
    return (verdict, reason) != (score.verdict, score.reason)
