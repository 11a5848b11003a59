# SPDX-License-Identifier: MIT
"""Tables of whole songs: who made them with what, and the altered copies that a fit also hears.

A table is what lays full-length music out: CSV with path, label, generator, family, genre, owner,
fold and more. Songs are divided by owner. Machine-composed music that a synthesiser rendered
("symbolic") is no positive and stays out; so does what is AI in part or only went through a codec.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from unsung.errors import ManifestError
from unsung.types import Track

__all__ = [
    "ALTERED",
    "COMMERCIAL",
    "CONDITIONS",
    "COPY_S",
    "COUNTS",
    "KINDS",
    "MOVED",
    "STRETCHED",
    "Song",
    "altered",
    "conditions",
    "factor_of",
    "family_name",
    "read_songs",
]

ALTERED = (
    "mp3@64", "aac@64", "opus@64", "vorbis@64", "mp3@32", "opus@32", "noise_snr@30", "reverb@0.4",
    "reverb@0.8", "echo@0.5", "limiter@12", "eq@6", "low_pass@5000", "resample_round_trip@16000",
)  # fmt: skip
"""What platforms, rooms and masters do: lines stay where they are. Done to both classes."""

STRETCHED = ("time_stretch@0.9", "time_stretch@1.1", "vocoder_stretch@0.9")
"""Another tempo at the same pitch: lines stay where they are, and human music gets some too."""

MOVED = ("pitch_shift@-1", "pitch_shift@1", "speed@1.05", "speed@0.95")
"""Every frequency times one factor. AI copies teach the search, human ones are negatives."""

CONDITIONS = ("playback", "playback_far", "phone_band@1", "speech_over@10", "speech_over@0")
"""A microphone in a room, near and far, a phone, a video's voice over the music: measured only."""

COMMERCIAL = "commercial recordings"
"""What a licence says of releases that others uploaded: learned from, never passed on."""

COPY_S = 45.0
"""Copies are made of the middle of a song."""

PER_OWNER = 4
"""Songs of one owner and label that copies are made of."""

PER_SONG = 2
"""Copies of a song, with a stretched and a moved one beside."""

RARE = ("Udio", "Lyria", "Mureka", "MiniMax")
"""Services that people ask about of which three owners or fewer could be had."""

COUNTS = {
    **dict.fromkeys(RARE, 4.0),
    "tracker, chiptune, FM": 2.0,
    "orchestral, choral, acoustic": 2.0,
    "electronic": 2.0,
    "MIDI renders": 2.0,
}
"""How often songs of a family or kind count in a fit: the rare, and what holds lines of its own."""

_FAMILIES = {
    "suno": "Suno", "musicgen": "MusicGen", "stable_audio": "StableAudio", "ace_step": "ACE-Step",
    "audioldm": "AudioLDM2", "yue": "YuE", "elevenlabs": "ElevenLabs", "udio": "Udio",
    "lyria": "Lyria", "minimax": "MiniMax", "mureka": "Mureka", "heartmula": "HeartMuLa",
    "diffrhythm": "DiffRhythm", "muse": "Muse",
}  # fmt: skip
"""Spellings of the tables → one name a family, that of the excerpts' table."""

KINDS: dict[str, str] = {
    "tracker, chiptune, FM": r"tracker|chip|keygen|fm-synth|adlib",
    "songs with vocals": r"vocal|rap|singing|karaoke|song|punjabi|bollywood|k-pop",
    "MIDI renders": r"midi|notation",
    "orchestral, choral, acoustic": r"orchest|choir|choral|classical|chamber|opera|piano|folk|"
    r"traditional|shakuhachi|mbira|jazz|ragtime|medieval",
    "electronic": r"electro|edm|techno|trance|house|dubstep|ambient|synth|lo-fi|downtempo",
    "rock, metal": r"rock|metal",
}
"""Kind of human music → what its genre says; the first that fits."""


@dataclass(frozen=True)
class Song:
    """One row: the track (its group is the owner, its split the fold) and its kind of music."""

    track: Track
    kind: str


def family_name(text: str) -> str:
    """Return a family's one name.

    >>> family_name("ace_step"), family_name("GVMGen")
    ('ACE-Step', 'GVMGen')
    """
    return _FAMILIES.get(text.lower(), text)


def read_songs(tables: Sequence[Path]) -> list[Song]:
    """Read tables of songs; a file that stands in several, by its hash, counts once.

    Raises:
        ManifestError: a table cannot be read or lacks a column, or an owner stands on two folds.
    """
    songs: dict[str, Song] = {}
    folds: dict[str, str] = {}
    for table in tables:
        for row in _rows(table):
            if row["family"] == "symbolic" or row["label"] not in ("human", "ai"):
                continue
            fold = folds.setdefault(row["owner"], row["fold"])
            if fold != row["fold"]:
                raise ManifestError(
                    f"{table}: the owner {row['owner']} stands on the folds {fold} and "
                    f"{row['fold']}; songs of one owner belong on one"
                )
            song = _song(table, row)
            songs.setdefault(song.track.sha256, song)
    return list(songs.values())


def _rows(table: Path) -> Iterator[dict[str, str]]:
    needed = {"path", "label", "family", "generator", "genre", "owner", "fold", "sha256"}
    try:
        with table.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = needed - set(reader.fieldnames or ())
            if missing:
                raise ManifestError(f"{table}: expected the columns {', '.join(sorted(missing))}")
            yield from reader
    except OSError as error:
        raise ManifestError(f"{table}: cannot be read ({error}); check the path") from error


def _song(table: Path, row: dict[str, str]) -> Song:
    human = row["label"] == "human"
    track = Track(
        row["sha256"][:16],
        str(table.parent / row["path"]),
        "human" if human else "ai",
        generator=row["generator"],
        dataset="songs",
        split=row["fold"],
        group=row["owner"],
        duration_s=float(row["duration_s"]) if row.get("duration_s") else None,
        sample_rate_hz=int(row["sample_rate_hz"]) if row.get("sample_rate_hz") else None,
        channels=int(row["channels"]) if row.get("channels") else None,
        codec=row.get("codec", ""),
        sha256=row["sha256"],
        licence=row.get("licence", ""),
        family="" if human else family_name(row["family"] or row["generator"]),
        use=row.get("use", ""),
    )
    return Song(track, kind_of(row["genre"], row.get("made_with", "")) if human else "")


def kind_of(genre: str, made_with: str = "") -> str:
    """Return the kind of human music that a genre's words tell.

    >>> kind_of("c-pop with vocals"), kind_of("", "tracker-render")
    ('songs with vocals', 'tracker, chiptune, FM')
    """
    words = f"{genre} {made_with}".lower()
    return next((kind for kind, fits in KINDS.items() if re.search(fits, words)), "other")


def altered(songs: Sequence[Song]) -> Iterator[tuple[Track, str]]:
    """Yield (track, attack chain) for the copies: the same at every build."""
    for track, digest in _some(songs, PER_OWNER):
        for number in range(PER_SONG):
            # Steps of an odd size through an even count: the two differ.
            yield track, ALTERED[(digest[0] + 5 * number) % len(ALTERED)]
        yield track, STRETCHED[digest[1] % len(STRETCHED)]
        yield track, MOVED[digest[2] % len(MOVED)]


def conditions(songs: Sequence[Song]) -> Iterator[tuple[Track, str]]:
    """Yield (track, attack chain) for what is measured only: where music is listened to."""
    for track, digest in _some(songs, PER_OWNER):
        yield track, CONDITIONS[digest[3] % len(CONDITIONS)]


def factor_of(chain: str) -> float:
    """Return what an attack of `MOVED` multiplies every frequency by; 1 for all others.

    >>> round(factor_of("pitch_shift@1"), 4), factor_of("speed@0.95"), factor_of("mp3@64")
    (1.0595, 0.95, 1.0)
    """
    name, _, strength = chain.partition("@")
    if chain not in MOVED:
        return 1.0
    return 2 ** (float(strength) / 12) if name == "pitch_shift" else float(strength)


def _some(songs: Sequence[Song], per_owner: int) -> Iterator[tuple[Track, bytes]]:
    """Yield a few songs of every owner and label, each with bytes that choose what is done."""
    taken: Counter[tuple[str, str]] = Counter()
    for song in sorted(songs, key=lambda item: item.track.sha256):
        track = song.track
        side = (track.group, track.label)
        if (track.duration_s or 0) < COPY_S / 4 or taken[side] >= per_owner:
            continue
        taken[side] += 1
        yield track, hashlib.sha256(track.sha256.encode()).digest()
