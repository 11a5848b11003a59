# SPDX-License-Identifier: MIT
"""What the pages say: numbers, verdicts and advice in plain words.

The worst error is to accuse a human artist; so every statement names its limits, and a
probability is never said without the set and the prior behind it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from unsung.core.text import clock
from unsung.types import Score

__all__ = [
    "ERROR_ADVICE",
    "Statement",
    "advice",
    "family_text",
    "hertz",
    "number",
    "odds",
    "percent",
    "state",
    "stretches_text",
    "sureness",
]

NARROW_SPACE = "\u202f"
MINUS = "\u2212"

ERROR_ADVICE = {
    "DamagedAudio": "Parts of the file do not decode. Copy, download or export it again.",
    "DecodeTimeout": "The file takes too long to decode. Check that it plays; convert it to FLAC.",
    "EmptyAudio": "The file holds no sound. Download or export it again.",
    "EncryptedAudio": "The sound is locked. Give a copy without protection that you may use.",
    "FetchError": "The address could not be fetched. Check it, or download the file by hand.",
    "NotAudio": "This is not a sound file. Take it out of the list, or give the file it points to.",
    "NotFinite": "Samples are not numbers: the export was faulty. Export it again, without float "
    "overflow.",
    "SilentAudio": "There is no sound to judge. Check that the right track or channel was "
    "exported.",
    "TooLong": "Give an excerpt, or scan the file on your own machine, where length is no limit.",
    "TooShort": "Give a longer excerpt, best the whole track.",
    "TruncatedAudio": "The file ends early. Download or copy it again.",
    "UnreadableAudio": "Check that the file plays elsewhere and may be read; convert it to FLAC "
    "or WAV and scan that.",
}
"""Error type → what the reader can do about it."""

_HEADLINES = {
    "ai": "AI-generated",
    "human": "human",
    "undecided": "undecided",
    "failed": "no result",
    "unrated": "no verdict",
}


@dataclass(frozen=True)
class Statement:
    """A verdict in words: ``key`` selects icon and colour, the text says the same without them."""

    key: str
    headline: str
    text: str
    rate: str
    caution: str


def number(value: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """Return a number with a true minus sign and thin spaces between thousands.

    >>> number(-1234.5, 1) == "\u22121\u202f234.5"
    True
    """
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{abs(value):,.{digits}f}".replace(",", NARROW_SPACE)
    if not any(c in "123456789" for c in text):
        return text
    return (MINUS if value < 0 else "+" if signed else "") + text


def percent(share: float | None, digits: int | None = None) -> str:
    """Return a share in percent, never rounded to certainty.

    Args:
        share: 0 to 1.
        digits: decimals; None takes one if it says something (a rate of 1 % stays short).

    >>> percent(0.99996).replace("\u202f", " ")
    '> 99.9 %'
    """
    if share is None or not math.isfinite(share):
        return "–"
    if share in (0.0, 1.0) or 0.001 <= share <= 0.999:
        if digits is None:
            digits = 1 if abs(100 * share - round(100 * share)) > 0.049 else 0
        return f"{100 * share:.{digits}f}{NARROW_SPACE}%"
    return (
        f"{'<' if share < 0.5 else '>'}{NARROW_SPACE}{0.1 if share < 0.5 else 99.9}{NARROW_SPACE}%"
    )


def sureness(probability: float) -> str:
    """Say an uncalibrated output of a network in a word: its 0.999 is no 99.9 % of the cases.

    >>> sureness(0.999), sureness(0.6), sureness(0.1)
    ('likely', 'maybe', 'hardly')
    """
    return "likely" if probability >= 0.9 else "maybe" if probability >= 0.3 else "hardly"


def hertz(value: float) -> str:
    """Return a frequency in Hz, with thin spaces between thousands."""
    return number(value, 0 if value >= 100 else 1) + NARROW_SPACE + "Hz"


def odds(llr_nats: float) -> str:
    """Say a log-likelihood ratio as odds: how many times likelier the sound is under one side."""
    side, other = ("AI-generated", "human") if llr_nats >= 0 else ("human", "AI-generated")
    times = math.exp(min(abs(llr_nats), 50.0))
    if times < 1.05:
        return "The sound is about as likely in human as in AI-generated tracks."
    if times >= 1000:
        factor = "more than 1000"
    else:
        factor = f"{times:.0f}" if times >= 10 else f"{times:.1f}"
    return f"Such a score is {factor} times likelier for {side} tracks than for {other} ones."


def state(score: Score, set_name: str, guarantee: str, n_human: int | None) -> Statement:
    """Return what a page says at its top."""
    key = score.state
    return Statement(
        key,
        _HEADLINES[key],
        _text(key, score),
        "" if key in ("failed", "unrated") else _rate(score, set_name, guarantee, n_human),
        _caution(key),
    )


def family_text(family: str | None) -> str:
    """Say which family of decoders an AI track resembles, or that it resembles none well."""
    if family is None:
        return ""
    if family == "unknown":
        return (
            "Family of decoders: unknown. The traces resemble none of the known ones well enough."
        )
    return (
        f"The traces resemble those of {family}. Generators share decoders: this names a likeness, "
        "not a product."
    )


def stretches_text(score: Score) -> str:
    """Say which stretches measure like AI; empty where there are none."""
    parts = [f"{clock(part.start_s)} to {clock(part.end_s)}" for part in score.segments]
    if not parts:
        return ""
    if len(parts) == 1:
        whole = score.segments[0]
        if score.duration_s and whole.end_s - whole.start_s > 0.95 * score.duration_s:
            return "The whole track measures like AI."
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"Measures like AI from {listed}; the ends are true to about half a window."


def advice(error_type: str) -> str:
    """Return what to do about an error."""
    return ERROR_ADVICE.get(
        error_type, "Check the file and scan it again; if it stays, report it with the message."
    )


def _text(key: str, score: Score) -> str:
    if key == "ai":
        return (
            "The sound carries traces that are typical of generated music and rare in human "
            "recordings."
        )
    if key == "human":
        return "The sound measures like a human recording: no traces of a generator stand out."
    if key == "undecided":
        return (
            score.reason or "The score lies between the two thresholds; either verdict is unsafe."
        )
    if key == "unrated":
        return score.reason or "The detector has no calibration, so its score cannot be judged."
    if score.error is not None:
        return score.error.message
    return score.reason or "The track has no score."


def _rate(score: Score, set_name: str, guarantee: str, n_human: int | None) -> str:
    if score.false_alarm_rate is None:
        return "No false-alarm rate was stated for this verdict."
    rate = percent(score.false_alarm_rate)
    if guarantee.startswith("not available"):
        return f"There is no threshold for AI at {rate} false alarms ({guarantee})."
    where = f", calibration set “{set_name}”" if set_name else ""
    set_so = "The threshold for AI is set so that"
    if guarantee:
        return (
            f"{set_so} at most {rate} of human recordings like those of the calibration set are "
            f"called AI-generated (guarantee: {guarantee}{where})."
        )
    if n_human:
        where = f" on {n_human} human recordings{where}"
    return (
        f"{set_so} about {rate} of human recordings are called AI-generated"
        f" (measured{where}; no guarantee)."
    )


def _caution(key: str) -> str:
    return {
        "ai": "This is evidence, not proof. Do not accuse anyone on this page alone.",
        "human": "A generator unknown to the detector can also sound like this.",
        "undecided": "Undecided speaks neither for nor against the artist.",
        "unrated": "A raw logit alone supports no verdict.",
        "failed": "A track without a result speaks neither for nor against the artist.",
    }[key]
