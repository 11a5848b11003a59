# SPDX-License-Identifier: MIT
"""Real songs that prompts start from: lyrics, and style as words or measured from the recording.

Source of the key estimate: Krumhansl and Kessler's profiles (1982) against the mean chroma. Units:
beats a minute. When not to use: to judge tempo or key; both err by an octave or a fifth at times.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import signal

from unsung.audio.read import read_clip
from unsung.audio.resample import resample
from unsung.errors import ManifestError, UnknownName
from unsung.text import parse_json
from unsung.types import Clip, Record

__all__ = ["Song", "measured", "read_songs"]

_RATE_HZ = 11025
_HOP = 256
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_TONICS = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")


@dataclass(frozen=True)
class Song(Record):
    """A real song: ``style`` in words, or the parts that words can be made of."""

    id: str
    lyrics: str
    title: str = ""
    style: str = ""
    genre: str = ""
    mood: str = ""
    instruments: tuple[str, ...] = ()
    vocal: str = ""
    tempo_bpm: int | None = None
    key: str = ""
    audio: str = ""
    licence: str = ""

    def described(self) -> str:
        """Return the style: as given, or put together from genre, mood, tempo and key."""
        if self.style:
            return self.style
        tempo = f"{self.tempo_bpm} BPM" if self.tempo_bpm else ""
        parts = (self.mood, self.genre, *self.instruments, self.vocal, tempo, self.key)
        return ", ".join(part for part in parts if part)


def read_songs(path: Path) -> tuple[Song, ...]:
    """Read songs from CSV or JSON Lines: id and lyrics (or lyrics_path), and what is known.

    With a column `audio` (a path beside the table) tempo and key are measured where they are not
    given. Other columns are ignored, so that published tables can be used as they are.

    Raises:
        ManifestError: a needed column or file is missing, or a song has no style at all.
    """
    songs = []
    for number, row in _rows(path):
        where = f"{path}, line {number}"
        values = {
            name: row[name] for name in row if name in Song.__dataclass_fields__ and row[name]
        }
        if not values.get("lyrics") and row.get("lyrics_path"):
            values["lyrics"] = _text(path.parent / str(row["lyrics_path"]), where)
        if not values.get("id") or not str(values.get("lyrics", "")).strip():
            raise ManifestError(f"{where}: expected id and lyrics (or lyrics_path), got {[*row]}")
        if isinstance(values.get("instruments"), str):
            values["instruments"] = [w.strip() for w in values["instruments"].split(",")]
        try:
            if "tempo_bpm" in values:
                values["tempo_bpm"] = round(float(values["tempo_bpm"]))
            song = Song.from_dict(values)
        except (ValueError, TypeError, UnknownName) as error:
            raise ManifestError(f"{where}: {error}") from error
        if song.audio and not (song.tempo_bpm and song.key):
            song = measured(song, read_clip(path.parent / song.audio))
        if not song.described():
            raise ManifestError(
                f"{where}: expected a style, a genre or an audio file, got none of them"
            )
        songs.append(song)
    if not songs:
        raise ManifestError(f"{path}: no songs; expected one a line")
    return tuple(songs)


def measured(song: Song, clip: Clip) -> Song:
    """Return the song with tempo and key measured from its recording, where they are missing."""
    mono = resample(clip.mono()[None], clip.sample_rate_hz, _RATE_HZ)[0]
    _, _, spectrum = signal.stft(mono, _RATE_HZ, nperseg=4096, noverlap=4096 - _HOP)
    power = np.abs(spectrum) ** 2
    return replace(
        song,
        tempo_bpm=song.tempo_bpm or _tempo_bpm(power),
        key=song.key or _key(power),
    )


def _tempo_bpm(power: Any) -> int:
    """Autocorrelate the onset strength; 60 to 180 BPM, with a mild preference for 120."""
    level = np.log1p(1e4 * power / max(power.max(), 1e-12))
    onset = np.maximum(np.diff(level, axis=1), 0).sum(axis=0)
    onset -= onset.mean()
    echo = signal.correlate(onset, onset, "full")[len(onset) - 1 :]
    bpm = np.arange(60, 181)
    lags = 60 * _RATE_HZ / _HOP / bpm
    strength = np.interp(lags, np.arange(len(echo)), echo)
    prior = np.exp(-0.5 * (np.log2(bpm / 120) / 0.8) ** 2)
    return int(bpm[np.argmax(strength * prior)])


def _key(power: Any) -> str:
    """Correlate the mean chroma with the 24 key profiles."""
    hz = np.arange(power.shape[0]) * _RATE_HZ / 4096
    used = (hz > 100) & (hz < 2000)
    pitch = np.round(12 * np.log2(hz[used] / 440) + 69).astype(int) % 12
    chroma = np.bincount(pitch, np.sqrt(power[used]).mean(axis=1), minlength=12)
    scores = {
        f"{tonic} {mode}": np.corrcoef(np.roll(profile, place), chroma)[0, 1]
        for mode, profile in (("major", _MAJOR), ("minor", _MINOR))
        for place, tonic in enumerate(_TONICS)
    }
    return max(scores, key=lambda name: float(scores[name]))


def _rows(path: Path) -> list[tuple[int, dict[str, Any]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            if path.suffix.lower() == ".csv":
                return list(enumerate(csv.DictReader(stream), start=2))
            lines = [line for line in stream if line.strip()]
            return [(number, dict(parse_json(line))) for number, line in enumerate(lines, 1)]
    except (OSError, ValueError, TypeError) as error:
        raise ManifestError(f"{path}: cannot be read as CSV or JSON Lines ({error})") from error


def _text(path: Path, where: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{where}: the lyrics cannot be read ({error})") from error
