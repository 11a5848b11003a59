# SPDX-License-Identifier: MIT
"""Prompts for song generators in the manner of SONICS: full, mostly and half fake songs.

- full: lyrics and style are both made up;
- mostly: lyrics written anew after measures of a real song's lyrics, style of that song;
- half: the real song's lyrics word for word, style of that song; only the music is generated.

Source: Rahman et al., "SONICS: Synthetic Or Not - Identifying Counterfeit Songs", ICLR 2025; the
word lists and templates are our own (``words/styles.toml``). When not to use: half and mostly need
lyrics that you may use; a prompt records their licence, it does not grant one.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from unsung.errors import UnknownName, UsageError
from unsung.synthesis._grammar import words_file
from unsung.synthesis._songs import Song, read_songs
from unsung.synthesis.lyrics import (
    Draft,
    GrammarWriter,
    LyricRequest,
    Writer,
    features,
    moods,
    parse,
    text,
    topics,
)
from unsung.types import Record

__all__ = [
    "Kind",
    "Plan",
    "Prompt",
    "auto_prompts",
    "genres",
    "make_prompt",
    "plan_of",
    "prompt_id",
    "sound_seed",
]

Kind = Literal["full", "mostly", "half"]


@dataclass(frozen=True)
class Prompt(Record):
    """What one song is to be: the style as text, the lyrics with ``[section]`` lines, the seed.

    ``sections`` are the lyrics' section names in order (empty: instrumental). ``source`` is the id
    of the real song behind mostly and half, ``licence`` that of its lyrics. ``writer`` and
    ``model`` say who wrote the lyrics; half has none.
    """

    id: str
    kind: Kind
    style: str
    lyrics: str = ""
    sections: tuple[str, ...] = ()
    title: str = ""
    genre: str = ""
    mood: str = ""
    topic: str = ""
    instruments: tuple[str, ...] = ()
    vocal: str = ""
    tempo_bpm: int | None = None
    key: str = ""
    seed: int = 0
    writer: str = ""
    model: str = ""
    template_version: str = ""
    source: str = ""
    licence: str = ""


@dataclass(frozen=True)
class Plan(Record):
    """How prompts are drawn; empty lists mean all there is.

    ``kinds`` follow one another; ``style_format`` is "sentence" or "tags" (comma-separated words,
    as YuE and ACE-Step were trained on).
    """

    kinds: tuple[Kind, ...] = ("full",)
    seed: int = 0
    sings: bool = True
    style_format: Literal["sentence", "tags"] = "sentence"
    genres: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    songs: tuple[Song, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if not self.kinds:
            raise UsageError(f"expected kinds of prompts, of {', '.join(get_args(Kind))}; got none")
        lists = (("genre", self.genres, genres()), ("mood", self.moods, moods()))
        for what, chosen, known in (*lists, ("topic", self.topics, topics())):
            for name in chosen:
                if name not in known:
                    raise UnknownName(what, name, known)
        for kind in self.kinds:
            if kind not in get_args(Kind):
                raise UnknownName("kind of prompt", kind, get_args(Kind))
            if kind != "full" and not self.songs:
                raise UsageError(
                    f"prompts of kind '{kind}' start from real songs, none were given; "
                    "give a CSV or JSON Lines file with lyrics and style: --songs FILE"
                )

    @property
    def writes(self) -> bool:
        """Whether any of its prompts needs a writer."""
        return "mostly" in self.kinds or ("full" in self.kinds and self.sings)


def genres() -> list[str]:
    """Return the genres that style prompts are drawn from."""
    return sorted(words_file("styles")["genres"])


def plan_of(
    *,
    kinds: str = "full",
    songs: Path | None = None,
    style_format: str = "sentence",
    genres: str = "",
    moods: str = "",
    topics: str = "",
    sings: bool = True,
    seed: int = 0,
) -> Plan:
    """Read a plan from texts: names by comma, a file of songs.

    Raises:
        UsageError, UnknownName, ManifestError: a text that fits nothing.
    """
    if style_format not in ("sentence", "tags"):
        raise UsageError(f"expected the style sentence or tags, got '{style_format}'")
    return Plan(
        _names(kinds),  # type: ignore[arg-type]
        seed,
        sings,
        style_format,  # type: ignore[arg-type]
        _names(genres),
        _names(moods),
        _names(topics),
        read_songs(songs) if songs else (),
    )


def make_prompt(plan: Plan, index: int, writer: Writer) -> Prompt:
    """Make the prompt of this index: same plan, index and writer, same prompt.

    Raises:
        UnsungError: the writer failed; the message says how.
    """
    kind = plan.kinds[index % len(plan.kinds)]
    return _full(plan, index, writer) if kind == "full" else _after(plan, kind, index, writer)


def auto_prompts(n: int, plan: Plan, writer: Writer | None = None) -> list[Prompt]:
    """Make n prompts in memory; the embedded writer writes when none is given."""
    return [make_prompt(plan, index, writer or GrammarWriter()) for index in range(n)]


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def prompt_id(plan: Plan, index: int) -> str:
    """Return the id of the prompt at this place of a plan."""
    return f"{plan.kinds[index % len(plan.kinds)]}-{plan.seed}-{index:05d}"


def _full(plan: Plan, index: int, writer: Writer) -> Prompt:
    words = words_file("styles")
    rng = random.Random(f"style|{plan.seed}|{index}")
    genre = rng.choice(sorted(plan.genres) or genres())
    mood = rng.choice(sorted(plan.moods) or moods())
    topic = rng.choice(sorted(plan.topics) or topics())
    usual = words["genres"][genre]
    # An instrumental has none of the instruments that are voices.
    barred = () if plan.sings else words["vocals"]["instruments"]
    pool = [name for name in usual["instruments"] if name not in barred]
    facts = {
        "genre": genre.replace("_", " ").replace("rnb", "R&B"),
        "mood": mood,
        "topic": topic.replace("_", " "),
        "instruments": tuple(rng.sample(pool, min(rng.randint(2, 4), len(pool)))),
        "vocal": rng.choice(words["vocals"]["sung" if plan.sings else "none"]),
        "tempo_bpm": rng.randint(*usual["tempo_bpm"]),
        "key": rng.choice(words["words"]["key"]),
    }
    style, song = _style(plan, rng, facts), Draft("", ())
    if plan.sings:
        seed = _lyric_seed(plan, index)
        song = writer.write(LyricRequest(topic, mood, genre, usual["form"], seed))
    return Prompt(
        id=prompt_id(plan, index),
        kind="full",
        style=song.style or style,
        lyrics=text(song.sections),
        sections=tuple(part.name for part in song.sections),
        title=song.title,
        **facts,
        seed=sound_seed(plan.seed, index),
        writer=writer.name if plan.sings else "",
        model=writer.model if plan.sings else "",
        template_version=words["version"],
    )


def _after(plan: Plan, kind: Kind, index: int, writer: Writer) -> Prompt:
    """Make a prompt from a real song; every song is taken before one is taken again."""
    order = random.Random(f"songs|{plan.seed}").sample(range(len(plan.songs)), len(plan.songs))
    song = plan.songs[order[index // len(plan.kinds) % len(order)]]
    written = Draft(song.title, parse(song.lyrics))
    if kind == "mostly":
        shapes, nouns = features(song.lyrics)
        lines = tuple(line for part in written.sections for line in part.lines)
        topic, mood = (nouns or ("love",))[0], song.mood if song.mood in moods() else "hopeful"
        seed = _lyric_seed(plan, index)
        written = writer.write(
            LyricRequest(topic, mood, song.genre, "pop", seed, shapes, nouns, lines)
        )
    own = kind == "mostly"
    return Prompt(
        id=prompt_id(plan, index),
        kind=kind,
        style=song.described(),
        lyrics=text(written.sections),
        sections=tuple(part.name for part in written.sections),
        title=written.title,
        genre=song.genre,
        mood=song.mood,
        instruments=song.instruments,
        vocal=song.vocal,
        tempo_bpm=song.tempo_bpm,
        key=song.key,
        seed=sound_seed(plan.seed, index),
        writer=writer.name if own else "",
        model=writer.model if own else "",
        template_version=words_file("styles")["version"],
        source=song.id,
        licence=song.licence,
    )


def _style(plan: Plan, rng: random.Random, facts: dict[str, Any]) -> str:
    """Fill a template with the facts of a song."""
    words = words_file("styles")
    wanted = plan.style_format if plan.sings or plan.style_format == "tags" else "instrumental"
    template = rng.choice(words["templates"][wanted])
    *most, last = facts["instruments"]
    listed = ", ".join([*most, last])
    if plan.style_format == "sentence":
        listed = f"{', '.join(most)} and {last}"
    filled: str = template.format(
        **facts | {"instruments": listed},
        era=rng.choice(words["words"]["era"]),
        production=rng.choice(words["words"]["production"]),
    )
    return filled.replace("A angry", "An angry").replace("A energetic", "An energetic")


def _lyric_seed(plan: Plan, index: int) -> int:
    return plan.seed * 1_000_003 + index


def sound_seed(seed: int, index: int) -> int:
    """Return the generator's seed for a prompt: 31 bits, as every library takes."""
    return random.Random(f"sound|{seed}|{index}").getrandbits(31)
