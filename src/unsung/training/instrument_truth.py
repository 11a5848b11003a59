# SPDX-License-Identifier: MIT
"""Test sounds whose truth is known, as pictures with masks of where the truth lies.

A `Probe` is one 5-s picture with the cells of a note's harmonics and of its attack marked. Rows are
mel bands, columns time; a harmonic covers the rows within 25 Hz of it (the main lobe of the
transform's window) or within one row, up to 4 kHz: above, rows are wider than harmonics are apart.
The pictures are made exactly as those that the network was trained on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from unsung.detectors.instrument_cnn import InstrumentCNN
from unsung.synthesis.instruments.controlled import (
    Controlled,
    join_attack,
    missing_fundamental,
    single_note,
    vibrato,
)
from unsung.synthesis.instruments.mixtures import level_db
from unsung.synthesis.instruments.table import program
from unsung.types import FloatArray

__all__ = ["ATTACK_S", "ONSETS_S", "TOP_HZ", "Probe", "Studio", "mask_of"]

ONSETS_S = (0.2, 1.8, 3.4)
"""A note is played three times: the network was trained on windows that are full of notes."""
NOTE_S = 2.4
HELD_S = 1.6
ATTACK_S = 0.1
"""What counts as the attack: the first 100 ms, and half a transform window before them."""
TOP_HZ = 4000.0
HALF_WIDTH_HZ = 25.0
RATE_HZ = 22050

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Probe:
    """A picture and its truth.

    Shape: image, harmonics, attack and region all ``[side, side]``. harmonics and attack lie in
    region: the note's time, up to 4 kHz (harmonics), or the note's time, all rows (attack).
    """

    name: str
    pitch: int
    image: FloatArray
    harmonics: Mask
    attack: Mask
    note: Mask
    low: Mask
    lines: tuple[Mask, ...] = ()


class Studio:
    """Makes probes for networks of one picture size.

    Args:
        side: rows and columns of a picture.
        window_s: its length.
        soundfont: what plays the notes.
    """

    def __init__(self, side: int, window_s: float, soundfont: Path) -> None:
        self._detector = InstrumentCNN(channels=1, window_s=window_s, side=side).eval()
        self.side, self.window_s, self.soundfont = side, window_s, soundfont
        front_end = self._detector.front_ends[0]
        bands = np.asarray(front_end.freqs_hz)
        rows = (np.arange(side) + 0.5) * len(bands) / side - 0.5
        self.rows_hz = np.interp(rows, np.arange(len(bands)), bands)
        self.columns_s = (np.arange(side) + 0.5) * window_s / side
        self._notes: dict[tuple[str, int], FloatArray] = {}

    def note(self, name: str, pitch: int) -> FloatArray:
        """Return one played note, from its press. Shape: ``[time]``."""
        if (name, pitch) not in self._notes:
            made = single_note(
                program(name), pitch, self.soundfont, duration_s=NOTE_S, sample_rate_hz=RATE_HZ
            )
            self._notes[name, pitch] = made.clip.samples[0]
        return self._notes[name, pitch]

    def image(self, sound: FloatArray, onsets_s: tuple[float, ...] = ONSETS_S) -> FloatArray:
        """Return the picture of a sound that begins at each of some times."""
        window = np.zeros(round(self.window_s * RATE_HZ), np.float32)
        for onset_s in onsets_s:
            start = round(onset_s * RATE_HZ)
            part = sound[: len(window) - start]
            window[start : start + len(part)] += part
        picture = self._detector.front_ends[0](window[None])
        with torch.no_grad():
            return self._detector.image(torch.from_numpy(picture))[0, 0].numpy()

    def within(self, from_s: float, to_s: float) -> Mask:
        """Return the columns that lie so long after a beginning. Shape: ``[side]``."""
        since = self.columns_s[:, None] - np.array(ONSETS_S)
        found: Mask = np.any((since >= from_s) & (since < to_s), axis=1)
        return found

    def probe(self, name: str, pitch: int, sound: FloatArray, f0_hz: float = 0.0) -> Probe:
        """Return a picture of a sound with the masks of a note of this pitch."""
        f0 = f0_hz or 440.0 * 2 ** ((pitch - 69) / 12)
        inside, first = self.within(-0.05, HELD_S - 0.05), self.within(-0.05, ATTACK_S)
        low = np.outer(self.rows_hz <= TOP_HZ, inside)
        every = np.ones(self.side, bool)
        lines = tuple(
            np.outer(self.near(k * f0), inside) & low for k in range(1, int(TOP_HZ / f0) + 1)
        )
        harmonics = np.any(lines, axis=0)
        return Probe(
            name, pitch, self.image(sound), harmonics, np.outer(every, first),
            np.outer(every, inside), low, lines,
        )  # fmt: skip

    def near(self, hz: float) -> Mask:
        """Return the rows of a line. Shape: ``[side]``."""
        width = np.interp(hz, self.rows_hz, np.gradient(self.rows_hz))
        return np.asarray(np.abs(self.rows_hz - hz) <= max(HALF_WIDTH_HZ, width))

    def single(self, names: tuple[str, ...], pitches: tuple[int, ...]) -> Iterator[Probe]:
        """Yield every instrument at every pitch, alone."""
        for name in names:
            for pitch in pitches:
                yield self.probe(name, pitch, self.note(name, pitch))

    def without(self, name: str, pitch: int, partial: int) -> Probe:
        """Return a note with one partial taken out of its spectrum."""
        sound = self.note(name, pitch)
        f0 = 440.0 * 2 ** ((pitch - 69) / 12)
        spectrum = np.fft.rfft(sound)
        hz = np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
        gap = np.abs(hz - partial * f0) / (0.25 * f0)
        gain = np.clip((gap - 0.7) / 0.3, 1e-4, 1.0)  # a notch half a harmonic wide, soft edges
        made = np.fft.irfft(spectrum * gain, len(sound)).astype(np.float32)
        return self.probe(name, pitch, made)

    def swapped(self, attack: str, sustain: str, pitch: int, swap_s: float) -> Probe:
        """Return a note that begins as one instrument and goes on as another, at equal level."""
        first, second = self.note(attack, pitch)[None], self.note(sustain, pitch)[None]
        gain = 10 ** ((level_db(first, RATE_HZ) - level_db(second, RATE_HZ)) / 20)
        sound = join_attack(first, np.float32(gain) * second, RATE_HZ, swap_s=swap_s)
        return self.probe(f"{attack} then {sustain}", pitch, sound[0])

    def vibrated(self, name: str, pitch: int, cents: float, rate_hz: float = 6.0) -> Probe:
        """Return a played note whose time is bent so that its pitch swings by ± cents."""
        sound = self.note(name, pitch)
        times = np.arange(len(sound)) / RATE_HZ
        # A pitch factor of 1 + d·sin(2πft) is a delay that swings by d / (2πf).
        depth_s = (2 ** (cents / 1200) - 1) / (2 * np.pi * rate_hz)
        bent = times - depth_s * (np.cos(2 * np.pi * rate_hz * times) - 1)
        made = np.interp(bent, times, sound).astype(np.float32)
        return self.probe(name, pitch, made)

    def additive(self, f0_hz: float, cents: float) -> tuple[FloatArray, Mask]:
        """Return an additive tone's picture and the cells that its moving partials cross."""
        made = vibrato(f0_hz, cents=cents, duration_s=HELD_S, sample_rate_hz=RATE_HZ)
        return self.image(_held(made)), self._moving(made)

    def absent(self, f0_hz: float) -> tuple[FloatArray, Mask]:
        """Return equal partials 2 to 8 and the cells where the missing first would be."""
        made = missing_fundamental(f0_hz, 8, duration_s=HELD_S, sample_rate_hz=RATE_HZ)
        inside = self.within(0.0, HELD_S - 0.05)
        return self.image(_held(made)), np.outer(self.near(f0_hz), inside)

    def _moving(self, made: Controlled) -> Mask:
        truth = made.truth
        since = self.columns_s[:, None] - np.array(ONSETS_S)
        f0 = sum(truth.f0_at(np.asarray(column, np.float64)) for column in since.T)
        cells = np.zeros((self.side, self.side), bool)
        for column, hz in enumerate(np.atleast_1d(f0)):
            for number in range(1, len(truth.partials_hz) + 1):
                if hz and number * hz <= TOP_HZ:
                    cells[:, column] |= self.near(number * hz)
        return cells


def _held(made: Controlled) -> FloatArray:
    sound: FloatArray = made.clip.samples[0]
    return sound


def mask_of(studio: Studio, notes: list[tuple[float, float, int]]) -> Mask:
    """Return the cells of many notes' harmonics; each note is (start_s, end_s, pitch)."""
    cells = np.zeros((studio.side, studio.side), bool)
    for start_s, end_s, pitch in notes:
        f0 = 440.0 * 2 ** ((pitch - 69) / 12)
        inside = (studio.columns_s >= start_s - 0.05) & (studio.columns_s < end_s + 0.05)
        for number in range(1, int(TOP_HZ / f0) + 1):
            cells |= np.outer(studio.near(number * f0), inside)
    return cells
