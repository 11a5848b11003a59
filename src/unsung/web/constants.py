# SPDX-License-Identifier: MIT
"""What the page needs beside the bundle: constants and words of the Python engine, as plain values.

They are read from where Python uses them, so that no constant stands in two languages.
"""

from __future__ import annotations

from typing import Any

from unsung.audio import health
from unsung.explainers import _listen, _spectra
from unsung.explainers._story import SECONDS
from unsung.frontends import _steadiness, residual_spectrum
from unsung.reports import words
from unsung.reports.evidence import PRIORS
from unsung.reports.page import this_version
from unsung.runtime import evidence, shift, sketch
from unsung.runtime.bundle import FORMAT
from unsung.scanning.calibration import RATES
from unsung.scanning.settings import FALSE_ALARM_RATE, PRIOR
from unsung.types import Failure, Score

__all__ = ["constants"]

_RATE = 0.123
"""A rate that no sentence holds otherwise: it marks the place where a rate is said."""


def constants() -> dict[str, Any]:
    """Return the values as they go into constants.json; units stand in the names."""
    return {
        "version": this_version(),
        "bundle_format": FORMAT,
        "front_end": {
            "silence_power": float(residual_spectrum.ACTIVE_POWER),
            "spread_floor_db": float(residual_spectrum.SPREAD_FLOOR),
            "loudest": _steadiness.LOUDEST,
        },
        "shift": {
            "step": shift.STEP,
            "reach": shift.REACH,
            "hole": shift.HOLE,
            "width": shift.WIDTH,
        },
        "sketch": _sketch(),
        "evidence": {
            "band_edges_hz": list(evidence.BAND_EDGES_HZ),
            "envelope_hz": evidence.ENVELOPE_HZ,
            "max_peaks": evidence.MAX_PEAKS,
            "peak_spreads": evidence.PEAK_SPREADS,
            "peak_db": evidence.PEAK_DB,
            "peak_surroundings": evidence.PEAK_SURROUNDINGS,
            "peak_gap_hz": evidence.PEAK_GAP_HZ,
            "shifted": evidence.SHIFTED,
        },
        "health": {
            "shortest_s": health._SHORTEST_S,
            "silent_dbfs": health._SILENT_DBFS,
            "loudest": health._LOUDEST,
        },
        "listening": {
            "rms_db": _listen.RMS_DB,
            "peak_db": _listen.PEAK_DB,
            "quietest_db": _listen.QUIETEST_DB,
            "amplify_db": _listen.AMPLIFY_DB,
            "share": _listen.SHARE,
            "surroundings_hz": _spectra.SURROUNDINGS_HZ,
            "seconds": SECONDS,
        },
        "settings": {
            "false_alarm_rate": FALSE_ALARM_RATE,
            "prior": PRIOR,
            "priors": list(PRIORS),
            "rates": list(RATES),
        },
        "words": _words(),
    }


def _sketch() -> dict[str, float]:
    return {
        "n_fft": sketch._N_FFT,
        "rows": sketch._ROWS,
        "max_frames": sketch._MAX_FRAMES,
        "step_s": sketch.SpectrogramSketch(16000)._step_s,
        "floor": float(sketch._FLOOR),
    }


def _words() -> dict[str, Any]:
    """Return what `unsung.reports.words` says, with places for what a track decides."""
    statements = {}
    for key, score in {
        "ai": Score("", verdict="ai", logit=0.0),
        "human": Score("", verdict="human", logit=0.0),
        "undecided": Score("", verdict="undecided", logit=0.0),
        "failed": Score("", error=Failure("", "")),
        "unrated": Score("", logit=0.0),
    }.items():
        said = words.state(score, "", "", None)
        statements[key] = {"headline": said.headline, "text": said.text, "caution": said.caution}
    return {
        "statements": statements,
        "rate": _rate_sentence("{guarantee}"),
        "no_rate": _rate_sentence("not available: {guarantee}").replace(
            "not available: {guarantee}", "{guarantee}"
        ),
        "advice": dict(words.ERROR_ADVICE),
        "other_advice": words.advice(""),
    }


def _rate_sentence(guarantee: str) -> str:
    score = Score("", verdict="human", logit=0.0, false_alarm_rate=_RATE)
    said = words.state(score, "{set}", guarantee, None).rate
    return said.replace(words.percent(_RATE), "{rate}")
