# SPDX-License-Identifier: MIT
"""Genius lyrics: the kind of song list from which SONICS draws its real songs; lyrics, not sound.

`song_lyrics.csv` as published on Kaggle: title, tag (genre), artist, year, views, features,
lyrics, id, language_cld3, language_ft, language; about five million songs. `songs()` gives the
list itself, for prompts and for choosing real songs. `tracks()` yields the songs whose recordings
you have: files named by the song's id below `audio/` (our own convention, as no recordings are
published).

The lyrics belong to their writers: use them to study, never publish them. SONICS does not publish
the row ids that it used; its own `real_songs.csv` repeats title, artist, year and lyrics.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unsung.data.datasets._files import audio_files, first_file, table
from unsung.data.datasets.base import Dataset, Info
from unsung.types import Record, Track

__all__ = ["GeniusLyrics", "Song"]

_COLUMNS = ("title", "tag", "artist", "year", "lyrics", "id", "language")


@dataclass(frozen=True)
class Song(Record):
    """One song of the list; `tag` is Genius's genre word, `language` as two letters."""

    id: str
    title: str
    artist: str
    year: int | None
    tag: str
    language: str
    lyrics: str


class GeniusLyrics(Dataset):
    """The Genius song list and your recordings of it; see the module."""

    info = Info(
        title="Genius song lyrics",
        homepage="https://www.kaggle.com/datasets/carlosgdcj/genius-song-lyrics-with-language-"
        "information",
        licence="unstated (lyrics belong to their writers)",
        citation="Genius Song Lyrics with Language Information, Kaggle, 2022; Lim, Benson: "
        "Expertise and Dynamics within Crowdsourced Musical Knowledge Curation, ICWSM, 2021",
        instructions="download song_lyrics.csv from the homepage (an account is needed); "
        "recordings that you have go to audio/<id>.mp3",
        layout=(
            "song_lyrics.csv   (title, tag, artist, year, views, features, lyrics, id, language)",
            "audio/<id>.mp3   (your own)",
        ),
        size_gb=9.0,
        verified_by="column list in public readers of the file",
    )

    def songs(self) -> Iterator[Song]:
        """Yield every song of the list, in file order.

        Raises:
            DatasetError: the file or a column is missing, or a row ends early.
        """
        path = first_file(self.root, ("song_lyrics.csv",), self.info.instructions)
        for _, row in table(path, _COLUMNS):
            yield Song(
                id=row["id"],
                title=row["title"],
                artist=row["artist"],
                year=int(row["year"]) if row["year"].isdigit() else None,
                tag=row["tag"],
                language=row["language"],
                lyrics=row["lyrics"],
            )

    def tracks(self) -> Iterator[Track]:
        """Yield the songs that have a recording below `audio/`; see `Dataset.tracks`."""
        folder = self.root / "audio"
        found = {path.stem: path for path in audio_files(folder)} if folder.is_dir() else {}
        for song in self.songs():
            if song.id in found:
                yield Track(
                    id=song.id,
                    path=str(found[song.id]),
                    label="human",
                    dataset="genius_lyrics",
                    group=f"artist:{song.artist}",
                    recording=f"genius:{song.id}",
                )
