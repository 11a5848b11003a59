# SPDX-License-Identifier: MIT
"""The fingerprint of a group of tracks: how it differs from human music, where, and how surely.

Each recording counts once (the mean of its tracks). A bin's p-value is Welch's t-test between the
group's recordings and the human ones; q-values control the false discovery rate (Benjamini and
Hochberg 1995). Recordings of one page share its encoder and often its prompts: where all come from
one page, what is significant may be the page's. Units: Hz, dB.
When not to use: with fewer than three recordings; everything is then insignificant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.special
import scipy.stats
from numpy.typing import NDArray

from unsung.audio.combs import CombEstimate, estimate
from unsung.errors import UsageError
from unsung.fingerprints.spectra import AXIS_HZ, TrackSpectra
from unsung.types import FloatArray, Record

__all__ = [
    "Fingerprint",
    "Line",
    "Reference",
    "find_comb",
    "fingerprint",
    "fingerprint_all",
    "reference",
]

FALSE_DISCOVERIES = 0.05
MAX_LINES = 40
_LINE_GAP_HZ = 3.0
_LINE_DB = 0.15
_TOOTH_HZ = 1.5
_FEWEST = 3


@dataclass(frozen=True)
class Reference(Record):
    """Human music, as recordings. Shapes: ``[bin]``.

    Attributes:
        count: recordings behind each bin.
        mean: of the residual, dB.
        variance: between recordings, dB².
        stft_db: mean level.
        packets: mean of ln of the packets' magnitude.
        n_tracks: tracks.
    """

    count: FloatArray
    mean: FloatArray
    variance: FloatArray
    stft_db: FloatArray
    packets: FloatArray
    n_tracks: int


@dataclass(frozen=True)
class Line(Record):
    """A narrow peak of the difference: where, how high, how surely, and whether theory has it."""

    hz: float
    difference_db: float
    q_value: float
    predicted: bool


@dataclass(frozen=True)
class Fingerprint(Record):
    """A generator's trace. Shapes: ``[bin]`` of `AXIS_HZ`, `STFT_HZ` and `PACKETS_HZ`.

    Attributes:
        name: of the generator.
        family: what it belongs to.
        label: ai, resynth or human.
        n_tracks: tracks measured.
        n_recordings: observations.
        n_pages: sources; with one, page and generator cannot be told apart.
        rates_hz: sample rates of the files, most frequent first.
        residual_db: mean residual.
        difference_db: minus the human one.
        q_value: of the difference; 1 where there are too few recordings.
        significant: share of bins with q up to 5 %.
        lines: peaks of the difference, highest first.
        comb: of the mean residual.
        tracks_with_comb: tracks whose own spectrum shows the same comb (within 0.2 %).
        stft_db: mean level.
        stft_difference_db: minus the human one.
        packets_difference: of the Haar packets' ln magnitude, in nepers.
    """

    name: str
    family: str
    label: str
    n_tracks: int
    n_recordings: int
    n_pages: int
    rates_hz: tuple[int, ...]
    residual_db: FloatArray
    difference_db: FloatArray
    q_value: FloatArray
    significant: float
    lines: tuple[Line, ...]
    comb: CombEstimate
    tracks_with_comb: int
    stft_db: FloatArray
    stft_difference_db: FloatArray
    packets_difference: FloatArray


def reference(spectra: Sequence[TrackSpectra]) -> Reference:
    """Return human music as means and variances over recordings.

    Raises:
        UsageError: fewer than three recordings.
    """
    residuals, levels, packets = _by_recording(spectra)
    if len(residuals) < _FEWEST:
        raise UsageError(
            f"expected at least {_FEWEST} human recordings to compare with, got {len(residuals)}"
        )
    count, mean, variance = _moments(residuals)
    return Reference(count, mean, variance, _mean(levels), _mean(packets), len(spectra))


def fingerprint(
    name: str, spectra: Sequence[TrackSpectra], human: Reference, *, per_track: bool = True
) -> Fingerprint:
    """Return the fingerprint of tracks of one generator.

    Args:
        name: of the generator.
        spectra: its tracks.
        human: what they are compared with.
        per_track: also look for the comb in each track.

    Raises:
        UsageError: no tracks.
    """
    if not spectra:
        raise UsageError(f"{name}: expected at least one track, got none")
    residuals, levels, packets = _by_recording(spectra)
    count, mean, variance = _moments(residuals)
    difference = mean - human.mean
    q_value = _q_values(count, mean, variance, human)
    comb = find_comb(mean)
    stft, packet = _mean(levels), _mean(packets)
    rates = [s.sample_rate_hz for s in spectra]
    first = spectra[0].track
    return Fingerprint(
        name=name,
        family=first.family or name,
        label=first.label,
        n_tracks=len(spectra),
        n_recordings=len(residuals),
        n_pages=len({s.track.group for s in spectra}),
        rates_hz=tuple(sorted(set(rates), key=lambda rate: (-rates.count(rate), rate))),
        residual_db=mean,
        difference_db=difference,
        q_value=q_value,
        significant=float(np.mean(q_value[np.isfinite(difference)] <= FALSE_DISCOVERIES)),
        lines=_lines(difference, q_value, comb),
        comb=comb,
        tracks_with_comb=sum(_shows(s.residual_db, comb) for s in spectra) if per_track else 0,
        stft_db=stft,
        stft_difference_db=stft - human.stft_db,
        packets_difference=packet - human.packets,
    )


def fingerprint_all(spectra: Sequence[TrackSpectra], human: Reference) -> list[Fingerprint]:
    """Return one fingerprint for each generator, by label and name; human tracks are left out."""
    groups: dict[tuple[str, str], list[TrackSpectra]] = {}
    for one in spectra:
        if one.track.label != "human":
            key = (one.track.label, one.track.generator or one.track.family or "unnamed")
            groups.setdefault(key, []).append(one)
    names = [name for _, name in groups]
    return [
        fingerprint(
            f"{name} ({label})" if names.count(name) > 1 else name, groups[label, name], human
        )
        for label, name in sorted(groups)
    ]


def _by_recording(
    spectra: Sequence[TrackSpectra],
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the mean spectra of each recording. Shape: ``[recording, bin]`` each."""
    groups: dict[str, list[TrackSpectra]] = {}
    for one in spectra:
        groups.setdefault(one.unit, []).append(one)
    rows = list(groups.values())
    residuals = np.stack([_mean(np.stack([s.residual_db for s in row])) for row in rows])
    levels = np.stack([_mean(np.stack([s.stft_db for s in row])) for row in rows])
    logs = [_mean(np.log(np.stack([s.packets for s in row]) + 1e-9)) for row in rows]
    return residuals, levels, np.stack(logs)


def _mean(values: FloatArray) -> FloatArray:
    """Return the mean over rows, without what they lack; NaN where all lack it."""
    held = np.isfinite(values)
    total = np.where(held, values, 0).sum(axis=0, dtype=np.float64)
    count = held.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _moments(values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    held = np.isfinite(values)
    count = held.sum(axis=0)
    mean = _mean(values)
    apart = np.where(held, values - mean, 0).astype(np.float64)
    variance = np.square(apart).sum(axis=0) / np.maximum(count - 1, 1)
    return count.astype(np.float32), mean, variance.astype(np.float32)


def _q_values(
    count: FloatArray, mean: FloatArray, variance: FloatArray, human: Reference
) -> FloatArray:
    """Return q-values of Welch's t-test; 1 where a side has fewer than three recordings."""
    q_value = np.ones(len(mean), np.float32)
    able = (count >= _FEWEST) & (human.count >= _FEWEST) & (variance + human.variance > 0)
    if able.any():
        p_value = _welch(
            mean[able] - human.mean[able],
            variance[able] / count[able],
            human.variance[able] / human.count[able],
            count[able] - 1,
            human.count[able] - 1,
        )
        q_value[able] = scipy.stats.false_discovery_control(p_value)
    return q_value


def _welch(
    apart: FloatArray, first: FloatArray, second: FloatArray, n: FloatArray, m: FloatArray
) -> NDArray[np.float64]:
    """Return two-sided p-values from squared standard errors and degrees of freedom."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    freedom = (a + b) ** 2 / (a**2 / n + b**2 / m)
    return np.asarray(2 * scipy.special.stdtr(freedom, -np.abs(apart) / np.sqrt(a + b)))


def find_comb(residual: FloatArray) -> CombEstimate:
    """Return the comb of a residual on `AXIS_HZ`; bins without sound may be NaN."""
    held = np.isfinite(residual)
    return estimate(residual[held], AXIS_HZ[held])


def _shows(residual: FloatArray, comb: CombEstimate) -> bool:
    """Say whether one track's own comb is that of the group, or nests with it."""
    if comb.spacing_hz is None:
        return False
    own = find_comb(residual).spacing_hz
    if own is None:
        return False
    ratio = max(own, comb.spacing_hz) / min(own, comb.spacing_hz)
    return abs(ratio - round(ratio)) < 2e-3 * ratio


def _lines(difference: FloatArray, q_value: FloatArray, comb: CombEstimate) -> tuple[Line, ...]:
    """Pick local maxima that are significant, or, with too few recordings, simply high."""
    level = np.nan_to_num(difference, nan=-np.inf)
    top = np.flatnonzero((level[1:-1] > level[:-2]) & (level[1:-1] >= level[2:])) + 1
    tested = bool((q_value < 1).any())
    top = top[(level[top] > _LINE_DB) & ((q_value[top] <= FALSE_DISCOVERIES) | (not tested))]
    chosen: list[Line] = []
    taken: NDArray[np.bool_] = np.zeros(len(level), bool)
    reach = round(_LINE_GAP_HZ)
    for index in top[np.argsort(-level[top], kind="stable")]:
        if taken[index]:
            continue
        taken[max(0, index - reach) : index + reach + 1] = True
        hz = float(AXIS_HZ[index])
        chosen.append(Line(hz, float(level[index]), float(q_value[index]), _on(hz, comb)))
        if len(chosen) == MAX_LINES:
            break
    return tuple(chosen)


def _on(hz: float, comb: CombEstimate) -> bool:
    if comb.spacing_hz is None:
        return False
    turn = (hz - comb.offset_hz) / comb.spacing_hz
    return abs(turn - round(turn)) * comb.spacing_hz <= _TOOTH_HZ
