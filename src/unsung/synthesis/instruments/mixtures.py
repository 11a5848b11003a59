# SPDX-License-Identifier: MIT
"""Which instruments play together, and how loud each is in the mix.

A General MIDI SoundFont balances programs for whole arrangements; in a mix of four a bass can be
40 dB below a lead and its label would then be wrong for any listener. Each part is therefore
rendered alone and brought to the same level before the parts are added; its share of the mix is
then known. Levels are root mean squares over the 20-ms frames in which a part sounds.
"""

from __future__ import annotations

import numpy as np

from unsung.errors import SilentAudio, UsageError
from unsung.synthesis.instruments.melody import Part
from unsung.synthesis.instruments.table import Program
from unsung.types import FloatArray

__all__ = ["add_parts", "draw_instruments", "heard_notes", "level_db", "normalise"]

_FRAME_S = 0.02
_ACTIVE_DB = -40.0  # below a part's loudest frame: decay and silence, not level
_SILENT_DB = -90.0
_UNHEARD_DB = -60.0  # re the loudest sample of the part


def draw_instruments(
    pool: tuple[Program, ...], count: int, rng: np.random.Generator, similar: bool = False
) -> tuple[Program, ...]:
    """Draw different instruments; ``similar`` draws all of them from one family.

    Families are drawn in proportion to the instruments that they have in the pool.

    Raises:
        UsageError: the pool, or every family in it, has fewer instruments than asked for.
    """
    if similar:
        families: dict[str, list[Program]] = {}
        for instrument in pool:
            families.setdefault(instrument.family, []).append(instrument)
        large = [family for family in families.values() if len(family) >= count]
        if not large:
            raise UsageError(
                f"expected a family with at least {count} of the chosen instruments for similar "
                "draws, there is none; choose whole families or fewer instruments at a time"
            )
        sizes = np.array([len(family) for family in large], float)
        pool = tuple(large[int(rng.choice(len(large), p=sizes / sizes.sum()))])
    if len(pool) < count:
        raise UsageError(
            f"expected at least {count} instruments to draw {count} from, got {len(pool)}"
        )
    return tuple(pool[int(place)] for place in rng.choice(len(pool), count, replace=False))


def level_db(sound: FloatArray, sample_rate_hz: int) -> float:
    """Root mean square in dB re full scale over the frames that sound; −inf for silence.

    Shape: ``[channel, time]``.
    """
    size = max(1, round(_FRAME_S * sample_rate_hz))
    power = np.mean(np.square(sound, dtype=np.float64), axis=0)
    frames = np.add.reduceat(power, np.arange(0, len(power), size)) / size
    loudest = float(frames.max(initial=0.0))
    if loudest <= 0:
        return float("-inf")
    active = frames[frames >= loudest * 10 ** (_ACTIVE_DB / 10)]
    return float(10 * np.log10(active.mean()))


def heard_notes(part: Part, stem: FloatArray, sample_rate_hz: int) -> Part:
    """Return the part without notes that the SoundFont renders as silence.

    Some SoundFonts have no sample at the ends of a range. A note counts as heard when the part,
    rendered alone, comes within 60 dB of its own peak while the note is held. A silent note that
    another one covers is not found.

    Shape of stem: ``[channel, time]``.
    """
    least = float(np.abs(stem).max(initial=0.0)) * 10 ** (_UNHEARD_DB / 20)

    def peak(start_s: float, end_s: float) -> float:
        stretch = stem[:, round(start_s * sample_rate_hz) : round(end_s * sample_rate_hz)]
        return float(np.abs(stretch).max(initial=0.0))

    notes = tuple(n for n in part.notes if peak(n.start_s, n.end_s) > least)
    return Part(part.program, notes)


def add_parts(
    stems: list[FloatArray], sample_rate_hz: int, gains_db: list[float] | None
) -> tuple[FloatArray, list[float]]:
    """Add parts that were rendered alone; return the mix and each part's share of it in dB.

    Args:
        stems: one ``[channel, time]`` array for each part.
        sample_rate_hz: their rate.
        gains_db: each part's level relative to the others; None leaves the SoundFont's balance.

    Returns:
        The mix ``[channel, time]`` and, for each part, 10·log10 of its energy over the mix's.

    Raises:
        SilentAudio: a part has no sound (the SoundFont has no sample for its notes).
    """
    levels = [level_db(stem, sample_rate_hz) for stem in stems]
    for number, level in enumerate(levels):
        if level < _SILENT_DB:
            raise SilentAudio(f"part {number + 1} of {len(stems)} renders as silence")
    scaled = list(stems)
    if gains_db is not None:
        factors = [10 ** ((gain - own) / 20) for gain, own in zip(gains_db, levels, strict=True)]
        scaled = [np.float32(f) * stem for f, stem in zip(factors, stems, strict=True)]
    mix: FloatArray = np.asarray(np.sum(scaled, axis=0), np.float32)
    whole = float(np.sum(np.square(mix, dtype=np.float64)))
    if whole <= 0:
        raise SilentAudio("the parts cancel each other to silence")
    shares = [float(np.sum(np.square(stem, dtype=np.float64))) / whole for stem in scaled]
    return mix, [round(float(10 * np.log10(share)), 2) for share in shares]


def normalise(
    sound: FloatArray, sample_rate_hz: int, rms_dbfs: float = -20.0, peak_dbfs: float = -1.0
) -> FloatArray:
    """Scale to a level, or to a peak where that is reached first: nothing ever clips.

    Shape: ``[channel, time]`` → the same.

    Raises:
        SilentAudio: there is nothing to scale.
    """
    level = level_db(sound, sample_rate_hz)
    if level < _SILENT_DB:
        raise SilentAudio("expected sound to normalise, got silence")
    peak_db = 20 * np.log10(float(np.abs(sound).max()))
    gain_db = min(rms_dbfs - level, peak_dbfs - peak_db)
    return np.float32(10 ** (gain_db / 20)) * sound
