# SPDX-License-Identifier: MIT
"""The reasons behind a logit: exact shares of its linear sum, peaks in Hz and dB, and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from unsung.types import Evidence, FloatArray, Peak

if TYPE_CHECKING:
    from unsung.runtime.bundle import Bundle

__all__ = ["Spectra", "bandwidth_hz", "contributions_on", "evidence"]

BAND_EDGES_HZ = (0.0, 1000.0, 2000.0, 4000.0, 6000.0, 8001.0)
ENVELOPE_HZ = 24.0
"""Width of the running minimum drawn as the envelope and used for the height of peaks."""

MAX_PEAKS = 12
PEAK_SPREADS = 4.0
"""Of noise alone, about one bin in 30 000 stands out that far."""

PEAK_DB = 3.0
PEAK_SURROUNDINGS = 61
"""Bins of the median that a line must stand out of: 60 Hz, several times a line's own width."""

SHIFTED = "shifted lines"
"""Name of the term that the search over shifts adds to the bands."""

COPIED = "lines after rooms and codecs"
"""Name of the term that the second linear model adds."""

TOLD = 0.5
"""What that model must add before the words speak of it, in logits."""

PEAK_GAP_HZ = 8.0
"""Two peaks closer than this are one."""

CANDIDATES = 24
"""Lines by which a tempered scale is recognised; some of them are notes."""

NOTE_CENTS = 8.0
"""How far a note lies from its place on the scale, beside half a bin."""

LEAST_NOTES = 8
"""Notes on one scale that are no chance, with two more than half of the lines: of lines anywhere
so many lie within `NOTE_CENTS` of a common tuning in less than one song in a thousand."""


@dataclass(frozen=True)
class Spectra:
    """The averaged spectrum on the axis of the bundle's reference front end. Shape: ``[freq]``."""

    freqs_hz: NDArray[np.float64]
    mean_db: FloatArray
    envelope_db: FloatArray
    residual_db: FloatArray
    floor_db: float

    @classmethod
    def measure(cls, bundle: Bundle, levels: NDArray[np.float64]) -> Spectra:
        """Return the mean spectrum with its running lower envelope."""
        front_end = bundle.front_ends[int(bundle.info["reference"])]
        mean = levels.astype(np.float32)
        step = float(front_end.freqs_hz[1] - front_end.freqs_hz[0])
        lower = scipy.ndimage.minimum_filter1d(mean, round(ENVELOPE_HZ / step), mode="nearest")
        floor_db = float(10 * np.log10(front_end.floor))
        return cls(front_end.freqs_hz, mean, lower, mean - lower, floor_db)


def bandwidth_hz(spectra: Spectra) -> float:
    """Return the highest frequency at which the sound stands above the numerical floor.

    Averaged over 100 Hz; 16-bit dither lies about 2 dB above the floor and does not count.
    """
    step = float(spectra.freqs_hz[1] - spectra.freqs_hz[0])
    smooth = scipy.ndimage.uniform_filter1d(spectra.mean_db, round(100 / step), mode="nearest")
    limit = max(spectra.floor_db + 4.0, float(smooth.max()) - 85.0)
    above = np.flatnonzero(smooth > limit)
    return float(spectra.freqs_hz[above[-1]]) if len(above) else 0.0


def contributions_on(
    bundle: Bundle,
    pictures: Sequence[FloatArray],
    reference: int,
    deviations: Sequence[FloatArray] | None = None,
) -> FloatArray:
    """Return the exact logit share of every bin, moved to the reference front end's axis.

    Finer axes are summed into the nearest bin and coarser ones split evenly, so that the total
    stays ``logit − baseline``. A bin's share is that of its mean and of its deviation over the
    track, where that is given and weighed.

    Shape: pictures and deviations ``[channel, freq]`` each → ``[freq]``.
    """
    target = bundle.front_ends[reference].freqs_hz
    total = np.zeros(len(target))
    shares = bundle.linear.shares(pictures)
    if deviations is not None and bundle.variation is not None:
        shares = [a + b for a, b in zip(shares, bundle.variation.shares(deviations), strict=True)]
    for front_end, share in zip(bundle.front_ends, shares, strict=True):
        freqs = front_end.freqs_hz
        if len(freqs) >= len(target):
            places = np.clip(np.searchsorted(_edges(target), freqs) - 1, 0, len(target) - 1)
            np.add.at(total, places, share)
        else:
            places = np.clip(np.searchsorted(_edges(freqs), target) - 1, 0, len(freqs) - 1)
            total += share[places] / np.bincount(places, minlength=len(freqs))[places]
    return total.astype(np.float32)


def _edges(freqs: NDArray[np.float64]) -> NDArray[np.float64]:
    half = (freqs[1] - freqs[0]) / 2
    return np.append(freqs - half, freqs[-1] + half)


def evidence(
    bundle: Bundle,
    measured: tuple[list[FloatArray], list[FloatArray] | None],
    spectra: Spectra,
    *,
    linear: float,
    added: Mapping[str, float] | None = None,
    shift: float | None = None,
) -> Evidence:
    """Return terms by band (they add up to the logit), the peaks that matter, and words.

    Args:
        bundle: whose weights are explained.
        measured: the track's mean pictures, and their deviations over its windows if there are
            several. Shape: each ``[channel, freq]``.
        spectra: the averaged spectrum.
        linear: logit of the lines in place, which the bands explain exactly.
        added: what further scores add to it, each a term of its own.
        shift: ln of the factor at which shifted lines fit, where those weigh more.
    """
    reference = int(bundle.info["reference"])
    shares = contributions_on(bundle, measured[0], reference, measured[1])
    terms = {}
    for low, high in pairwise(BAND_EDGES_HZ):
        inside = (spectra.freqs_hz >= low) & (spectra.freqs_hz < high)
        start = max(low, float(spectra.freqs_hz[0]))
        name = f"{start / 1000:.3g}–{min(high, 8000.0) / 1000:.3g} kHz"
        terms[name] = float(shares[inside].sum(dtype=np.float64))
    baseline = linear - sum(terms.values())
    band = max(terms.items(), key=lambda item: abs(item[1]))
    terms |= added or {}
    logit = linear + sum((added or {}).values())
    lines = _peaks(spectra, shares)
    return Evidence(
        _words(logit, lines, band, shift, (added or {}).get(COPIED, 0.0)),
        lines[0],
        baseline,
        terms,
        shift=None if shift is None else round(float(np.expm1(shift)), 5),
    )


def _peaks(spectra: Spectra, shares: FloatArray) -> tuple[tuple[Peak, ...], int]:
    """Pick narrow lines that the detector weighs, strongest contribution first; count notes.

    A line is a local maximum of the mean spectrum that stands `PEAK_DB` and `PEAK_SPREADS` robust
    deviations above the median of its surroundings (robust: a comb of many lines must not hide
    itself); what it contributes is the sum over the bins of its main lobe (± 2 bins of a Hann
    window). Lines on the notes of the track's own tempered scale are music, no decoder's, and are
    left out.
    """
    lobe = np.convolve(shares, np.ones(5, np.float32), mode="same")
    mean = spectra.mean_db
    above = mean - scipy.ndimage.median_filter(mean, PEAK_SURROUNDINGS, mode="nearest")
    spread = 1.4826 * float(np.median(np.abs(above)))
    limit = max(PEAK_SPREADS * spread, PEAK_DB)
    top = (mean[1:-1] > mean[:-2]) & (mean[1:-1] >= mean[2:]) & (above[1:-1] > limit)
    found = np.flatnonzero(top) + 1
    chosen: list[Peak] = []
    for index in found[np.argsort(-np.abs(lobe[found]), kind="stable")]:
        hz = float(spectra.freqs_hz[index])
        if all(abs(hz - peak.hz) > PEAK_GAP_HZ for peak in chosen):
            height = float(spectra.residual_db[index])
            chosen.append(Peak(round(hz, 2), round(height, 2), float(lobe[index])))
        if len(chosen) == CANDIDATES:
            break
    step = float(spectra.freqs_hz[1] - spectra.freqs_hz[0])
    notes = _on_a_scale([peak.hz for peak in chosen], step)
    lines = [peak for peak, note in zip(chosen, notes, strict=True) if not note]
    return tuple(lines[:MAX_PEAKS]), sum(notes)


def _on_a_scale(lines_hz: Sequence[float], step_hz: float) -> list[bool]:
    """Say which lines are notes of one tempered scale, whatever its tuning; none by chance.

    Equal temperament puts every note a whole number of semitones from every other; a decoder's
    lines are multiples of a rate and lie anywhere between.
    """
    hz = np.array(lines_hz)
    cents = 1200.0 * np.log2(hz / 440.0)
    near = NOTE_CENTS + 1200.0 * np.log2(1.0 + 0.5 * step_hz / hz)
    away = np.abs((cents[:, None] - cents + 50.0) % 100.0 - 50.0)  # [tuning, line]
    held = away <= near
    best = held[held.sum(axis=1).argmax()] if len(hz) else np.zeros(0, bool)
    enough = best.sum() >= max(LEAST_NOTES, len(hz) / 2 + 2)
    return [bool(note and enough) for note in best]


def _words(
    logit: float,
    lines: tuple[tuple[Peak, ...], int],
    band: tuple[str, float],
    shift: float | None,
    copied: float,
) -> tuple[str, ...]:
    words = []
    peaks, notes = lines
    if shift is not None:
        words.append(
            f"a decoder's lines fit best when all frequencies are taken to be "
            f"{100 * np.expm1(shift):+.2f} % off ({12 * shift / np.log(2):+.2f} semitones): the "
            "sound was probably sped up, slowed down or pitched"
        )
    if copied >= TOLD:
        words.append(
            f"{copied:+.2f} of the logit comes from a second model that has heard rooms and codecs "
            "as well; the logits of single windows do not hold it"
        )
    if peaks:
        towards = [peak.contribution for peak in peaks if peak.contribution > 0]
        against = [peak.contribution for peak in peaks if peak.contribution <= 0]
        best = peaks[0]
        words.append(
            f"of the {len(peaks)} narrow lines that weigh most, {len(towards)} speak for AI "
            f"({sum(towards):+.2f} logit) and {len(against)} against ({sum(against):+.2f}); the "
            f"heaviest, at {best.hz:.1f} Hz, stands {best.height_db:.1f} dB above the envelope"
        )
    elif not notes:
        words.append("no narrow line stands out of the averaged spectrum")
    if notes:
        words.append(
            f"{notes} of the narrow lines lie on the notes of a tempered scale: they are taken for "
            "music, not for a decoder's"
        )
    words.append(f"the band {band[0]} contributes most: {band[1]:+.2f} of the logit {logit:+.2f}")
    if logit > 0:
        words.append(
            "such traces come from a neural decoder: a generator's, or that of a neural codec or "
            "restoration tool that a human recording went through"
        )
    return tuple(words)
