# SPDX-License-Identifier: MIT
"""Song lyrics as a record, the embedded writer of them, and what real lyrics look like.

The embedded writer is a context-free grammar with rhyme classes and syllable counts; it needs no
network and no key. Its words are in ``words/lexicon.toml``. Units: syllables a line. When not to
use: as literature, or to study how language models write; its sentences are correct and plain.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from unsung.errors import UnknownName, UsageError
from unsung.synthesis._grammar import Grammar, lexicon
from unsung.synthesis._phonetics import line_syllables, rhyme_key
from unsung.types import Record

__all__ = [
    "Draft",
    "GrammarWriter",
    "LyricRequest",
    "Section",
    "Shape",
    "Writer",
    "features",
    "forms",
    "moods",
    "parse",
    "request_of",
    "text",
    "topics",
]

_HEADER = re.compile(r"^\s*\[([^\]\n]{1,60})\]\s*$")


@dataclass(frozen=True)
class Section(Record):
    """One part of a song: verse, chorus, bridge, ..."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Shape(Record):
    """How a section is built: rhyme letters and syllables, one of each a line."""

    name: str
    rhymes: str
    syllables: tuple[int, ...]


@dataclass(frozen=True)
class LyricRequest(Record):
    """What to write about, and how; ``shapes`` and ``words`` are those of a real song, if any.

    ``form`` names a form of `forms`; ``shapes`` take its place. ``avoid`` holds lines of the real
    song, none of which may be copied.
    """

    topic: str
    mood: str = "hopeful"
    genre: str = "pop"
    form: str = "pop"
    seed: int = 0
    shapes: tuple[Shape, ...] = ()
    words: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft(Record):
    """A written song: title, sections in order, and a style if the writer also chose one."""

    title: str
    sections: tuple[Section, ...]
    style: str = ""


class Writer(Protocol):
    """Whoever turns a request into a song: the embedded grammar or a language model."""

    @property
    def name(self) -> str:
        """Kind of writer, as stored in prompt records."""

    @property
    def model(self) -> str:
        """Model or grammar version."""

    def write(self, request: LyricRequest) -> Draft:
        """Write one song."""


class GrammarWriter:
    """The embedded writer: same request, same song, on every machine.

    >>> song = GrammarWriter().write(LyricRequest("rain", mood="calm", seed=3))
    >>> [section.name for section in song.sections][:2]
    ['verse', 'chorus']
    """

    name = "grammar"

    @property
    def model(self) -> str:
        """Version of the word lists."""
        return f"lexicon-{lexicon()['version']}"

    def write(self, request: LyricRequest) -> Draft:
        """Write one song; a section that comes again under a chorus's name is the same again.

        Raises:
            UnknownName: no such topic, mood or form.
            UsageError: a shape whose rhymes and syllables differ in number.
        """
        grammar = Grammar(request.topic, request.mood, request.words, request.avoid, _key(request))
        shapes = request.shapes or form_shapes(request.form)
        kept: dict[str, tuple[str, ...]] = {}
        sections = []
        for shape in shapes:
            if len(shape.rhymes) != len(shape.syllables) or not shape.rhymes:
                raise UsageError(
                    f"section {shape.name}: expected a rhyme letter and a count of syllables for "
                    f"each line, got '{shape.rhymes}' and {list(shape.syllables)}"
                )
            if shape.name not in kept or not _repeats(shape.name):
                kept[shape.name] = grammar.stanza(shape.name, shape.rhymes, shape.syllables)
            sections.append(Section(shape.name, kept[shape.name]))
        return Draft(grammar.title.title(), tuple(sections))


def request_of(
    topic: str, *, mood: str, genre: str, form: str, seed: int, like: Path | None = None
) -> LyricRequest:
    """Return a request; with `like`, after the measures of a file of real lyrics.

    Raises:
        UsageError: neither topic nor `like`, or a file without lyrics.
    """
    if like is None:
        if not topic:
            raise UsageError(f"expected a topic, got none; one of {', '.join(topics())}")
        return LyricRequest(topic, mood, genre, form, seed)
    try:
        real = like.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{like}: cannot be read as lyrics ({error})") from error
    shapes, nouns = features(real)
    if not shapes:
        raise UsageError(f"{like}: expected lyrics, found no lines")
    lines = tuple(line for part in parse(real) for line in part.lines)
    return LyricRequest(
        topic or (nouns or ("love",))[0], mood, genre, form, seed, shapes, nouns, lines
    )


def topics() -> list[str]:
    """Return the topics the embedded writer knows words for."""
    return sorted(lexicon()["topics"])


def moods() -> list[str]:
    """Return the moods the embedded writer knows words for."""
    return sorted(lexicon()["moods"])


def forms() -> list[str]:
    """Return the names of the song forms."""
    return sorted(lexicon()["forms"])


def form_shapes(form: str) -> tuple[Shape, ...]:
    """Return the sections of a form, in order."""
    words = lexicon()
    if form not in words["forms"]:
        raise UnknownName("song form", form, words["forms"])
    shapes = words["shapes"]
    return tuple(
        Shape(name, shapes[name]["rhymes"], tuple(shapes[name]["syllables"]))
        for name in words["forms"][form]["sections"]
    )


def text(sections: tuple[Section, ...]) -> str:
    """Return lyrics as song generators read them: a ``[name]`` line, the lines, an empty line."""
    return "\n\n".join("\n".join((f"[{part.name}]", *part.lines)) for part in sections)


def parse(lyrics: str) -> tuple[Section, ...]:
    """Read lyrics with ``[verse]`` headers or, without any, paragraphs as verses.

    Names are lower case without numbers (``[Verse 2]`` is verse). Parts without lines are left
    out, as ``[instrumental break]`` would be sung by no one.
    """
    parts: list[tuple[str, list[str]]] = [("verse", [])]
    headed = any(_HEADER.match(line) for line in lyrics.splitlines())
    for line in lyrics.splitlines():
        header = _HEADER.match(line)
        if header:
            parts.append((_plain_name(header.group(1)), []))
        elif line.strip():
            parts[-1][1].append(line.strip())
        elif not headed and parts[-1][1]:
            parts.append(("verse", []))
    return tuple(Section(name, tuple(lines)) for name, lines in parts if lines)


def features(lyrics: str, n_words: int = 12) -> tuple[tuple[Shape, ...], tuple[str, ...]]:
    """Measure real lyrics: each section's rhymes and syllables, and the nouns they turn about.

    Only these figures and single words go into a "mostly fake" song, never a line. A line longer
    than 14 syllables counts as 14, as it would fill more than a bar or two.
    """
    sections = parse(lyrics)
    shapes = tuple(
        Shape(part.name, _scheme(part.lines), tuple(_clipped(line) for line in part.lines))
        for part in sections
    )
    common, determiners = (lexicon()["english"][name].split() for name in ("common", "before"))
    counted: Counter[str] = Counter()
    for part in sections:
        for line in part.lines:
            words = re.findall(r"[a-z']+", line.lower())
            for before, word in pairwise(words):
                # A word after a determiner is a noun, or an adjective before one.
                if before in determiners and word not in common and len(word) > 2:
                    counted[word] += 1
    return shapes, tuple(word for word, _ in counted.most_common(n_words))


def _clipped(line: str) -> int:
    return min(max(line_syllables(line), 4), 14)


def _scheme(lines: tuple[str, ...]) -> str:
    """Return rhyme letters; a song with more than 26 line ends starts again at A."""
    letters: dict[str, str] = {}
    ends = [(re.findall(r"[A-Za-z']+", line) or [""])[-1] for line in lines]
    for end in ends:
        letters.setdefault(rhyme_key(end), chr(ord("A") + len(letters) % 26))
    return "".join(letters[rhyme_key(end)] for end in ends)


def _plain_name(header: str) -> str:
    name = re.sub(r"[\d:.]+|\bx\d+\b", "", header.lower().split(":")[0]).strip(" -")
    return name.replace("prechorus", "pre-chorus").replace("pre chorus", "pre-chorus") or "verse"


def _repeats(name: str) -> bool:
    return name in ("chorus", "refrain", "hook", "pre-chorus", "post-chorus")


def _key(request: LyricRequest) -> str:
    return f"{request.seed}|{request.topic}|{request.mood}|{request.genre}|{request.form}"
