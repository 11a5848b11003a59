# SPDX-License-Identifier: MIT
"""What the page needs beside the bundle: constants and words of the Python engine, as plain values.

They are read from where Python uses them, so that no constant stands in two languages.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

from unsung.audio import _comb_search, _decoders, combs, health, mixing
from unsung.explainers import _listen, _spectra
from unsung.explainers._story import SECONDS
from unsung.frontends import _steadiness, residual_spectrum
from unsung.reports import words
from unsung.reports.evidence import PRIORS
from unsung.reports.page import this_version
from unsung.runtime import evidence, shift, sketch
from unsung.runtime.attribution import UNKNOWN
from unsung.runtime.bundle import FORMAT
from unsung.runtime.decide import LOOKS_S
from unsung.scanning import _comb, segments
from unsung.scanning.calibration import RATES
from unsung.scanning.settings import FALSE_ALARM_RATE, PRIOR
from unsung.types import Failure, Score, Segment

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
            "candidates": evidence.CANDIDATES,
            "note_cents": evidence.NOTE_CENTS,
            "least_notes": evidence.LEAST_NOTES,
            "shifted": evidence.SHIFTED,
            "copied": evidence.COPIED,
            "told": evidence.TOLD,
        },
        "comb": _combs(),
        "segments": {
            "rate": segments.RATE,
            "level": segments.LEVEL,
            "switch": segments.SWITCH,
            "most": segments.MOST,
            "gap": segments.GAP,
        },
        "health": {
            "shortest_s": health._SHORTEST_S,
            "silent_dbfs": health._SILENT_DBFS,
            "loudest": health._LOUDEST,
            "most_broken": health.MOST_BROKEN,
        },
        "mixing": _mixing(),
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
            "looks_s": list(LOOKS_S),
        },
        "words": _words(),
    }


def _mixing() -> dict[str, Any]:
    return {
        "frame_s": mixing.FRAME_S,
        "low_hz": mixing.LOW_HZ,
        "high_hz": mixing.HIGH_HZ,
        "least_block": mixing.LEAST_BLOCK,
        "more": mixing.MORE,
        "most_blocks": mixing.MOST_BLOCKS,
        "least_bin": mixing.LEAST_BIN,
        "most_bins": mixing.MOST_BINS,
        "least_frames": mixing.LEAST_FRAMES,
        "usual": list(mixing.USUAL),
        "target": mixing.TARGET,
        "silent": mixing.SILENT,
        "loud_part": mixing.LOUD_PART,
        "few_steps": mixing.FEW_STEPS,
        "normal": mixing._NORMAL,
        "empty_bin": mixing._EMPTY_BIN,
    }


def _combs() -> dict[str, Any]:
    known = {round(decoder.spacing_hz, 4) for decoder in _decoders.DECODERS} | set(_comb.SEEN_HZ)
    rates = {*_decoders._RATES_HZ, *(decoder.sample_rate_hz for decoder in _decoders.DECODERS)}
    return {
        "limit": _comb.LIMIT,
        "most_candidates": _comb.MOST_CANDIDATES,
        "known_hz": sorted(known),
        "free_hz": list(_decoders.plausible_spacings(*_comb.FREE_HZ)),
        "band_hz": list(_default(combs.estimate, "band_hz")),
        "shifts": list(combs._SHIFTS),
        "neighbours": combs._NEIGHBOURS,
        "neighbour_count": combs._NEIGHBOUR_COUNT,
        "least_spread": combs._LEAST_SPREAD,
        "min_bins": combs._MIN_BINS,
        "sub_bands": _comb_search.SUB_BANDS,
        "cap": _comb_search._CAP,
        "tie": combs._TIE,
        "tolerance": _default(_decoders.candidates, "tolerance"),
        "primes": list(_decoders._PRIMES),
        "rates_hz": sorted(rates),
        "decoders": [
            {"name": d.name, "sample_rate_hz": d.sample_rate_hz, "products": list(d.products)}
            for d in _decoders.DECODERS
        ],
    }


def _default(function: Any, name: str) -> Any:
    return inspect.signature(function).parameters[name].default


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
        **_likeness(),
        "advice": dict(words.ERROR_ADVICE),
        "other_advice": words.advice(""),
    }


def _likeness() -> dict[str, str]:
    part = Segment(60.0, 120.0, 0.0)
    some = Score("", duration_s=600.0, segments=(part,))
    said = words.stretches_text(some)
    return {
        "family": words.family_text("{family}"),
        "no_family": words.family_text(UNKNOWN),
        "stretches": said.replace("1:00 to 2:00", "{stretches}"),
        "all_ai": words.stretches_text(replace(some, duration_s=60.0)),
    }


def _rate_sentence(guarantee: str) -> str:
    score = Score("", verdict="human", logit=0.0, false_alarm_rate=_RATE)
    said = words.state(score, "{set}", guarantee, None).rate
    return said.replace(words.percent(_RATE), "{rate}")
