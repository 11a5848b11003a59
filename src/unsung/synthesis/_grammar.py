# SPDX-License-Identifier: MIT
"""Expands the embedded grammar: lines of a wanted length that end in a wanted rhyme.

A line is drawn from the rules until one has the syllables asked for and was not used before; the
nearest one stands when none is found. Units: syllables.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from unsung.errors import UnknownName
from unsung.synthesis._phonetics import line_syllables

__all__ = ["Grammar", "lexicon", "plural", "words_file"]

_SLOT = re.compile(r"<(\w+)>")
_DRAWS = 250  # enough that 99 of 100 lines have exactly the length asked for
_OWN = 0.75  # share of nouns and places that come from the topic


@cache
def words_file(name: str) -> dict[str, Any]:
    """Read one of the packaged word lists."""
    data = files("unsung.synthesis").joinpath("words", f"{name}.toml").read_bytes()
    return tomllib.loads(data.decode())


def lexicon() -> dict[str, Any]:
    """Return the words and rules of the embedded writer."""
    return words_file("lexicon")


def plural(noun: str) -> str:
    """Return the plural of a regular noun.

    >>> [plural(noun) for noun in ("wave", "penny", "beach", "key")]
    ['waves', 'pennies', 'beaches', 'keys']
    """
    if re.search(r"(s|x|z|ch|sh)$", noun):
        return noun + "es"
    if re.search(r"[^aeiou]y$", noun):
        return noun[:-1] + "ies"
    if noun.endswith("wolf"):
        return noun[:-1] + "ves"
    return noun + "s"


class Grammar:
    """One song's words: what was used is remembered, so that lines do not come twice.

    Args:
        topic: a topic of the lexicon; any words at all if `words` are given.
        mood: a mood of the lexicon.
        words: nouns of a real song; they take the place of the topic's.
        avoid: lines that must not be written.
        key: seed; the same key writes the same song.

    Raises:
        UnknownName: no such topic or mood.
    """

    def __init__(
        self, topic: str, mood: str, words: Sequence[str], avoid: Sequence[str], key: str
    ) -> None:
        known = lexicon()
        if topic not in known["topics"] and not words:
            raise UnknownName("topic", topic, known["topics"])
        if mood not in known["moods"]:
            raise UnknownName("mood", mood, known["moods"])
        about = known["topics"].get(topic, {"things": [], "places": []})
        self._rng = random.Random(key)
        self._general = known["lexicon"]
        self._rules, self._rhymes = known["lines"], known["rhymes"]
        self._things = [*words] or about["things"]
        self._places = about["places"] or self._general["place"]
        self._adjectives = known["moods"][mood]
        self._used = {_bare(line) for line in avoid}
        self._ends: set[str] = set()
        self.title = f"{self._rng.choice(self._adjectives)} {self._rng.choice(self._things)}"

    def stanza(self, name: str, rhymes: str, syllables: Sequence[int]) -> tuple[str, ...]:
        """Write a section; lines with the same letter rhyme, a chorus begins with the title."""
        letters = {}
        families = self._families(rhymes)
        for letter in dict.fromkeys(rhymes):
            letters[letter] = families.pop()
        lines = []
        for place, (letter, length) in enumerate(zip(rhymes, syllables, strict=True)):
            hook = name == "chorus" and place == 0
            lines.append(self._line(letters[letter], length, hook))
        return tuple(lines)

    def _families(self, rhymes: str) -> list[str]:
        """Draw a rhyme family for each letter, those with words enough first in reserve."""
        most = max(rhymes.count(letter) for letter in rhymes)
        names = [
            name
            for name, words in self._rhymes.items()
            if len([word for of in words.values() for word in of]) >= most
        ]
        drawn = self._rng.sample(names, len(names))
        wanted = len(set(rhymes))
        return drawn * -(-wanted // len(drawn))  # again from the start when letters outnumber them

    def _line(self, family: str, length: int, hook: bool) -> str:
        best, best_miss = "", 999
        for _ in range(_DRAWS):
            kind, end = self._end(family, hook)
            line = self._expand(self._rng.choice(self._rules["hook" if hook else kind]))
            line = line.replace("{end}", end)
            miss = abs(line_syllables(line) - length) + 50 * (_bare(line) in self._used)
            if miss < best_miss:
                best, best_miss, best_end = line, miss, end
            if not miss:
                break
        self._used.add(_bare(best))
        self._ends.add(best_end)
        return best[0].upper() + best[1:]

    def _end(self, family: str, hook: bool) -> tuple[str, str]:
        """Draw a rhyme word and its part of speech; words not used yet come first."""
        words = self._rhymes[family]
        pairs = [
            (kind, word) for kind in words for word in words[kind] if kind == "noun" or not hook
        ]
        fresh = [pair for pair in pairs if pair[1] not in self._ends]
        return self._rng.choice(fresh or pairs)

    def _expand(self, rule: str) -> str:
        chosen: set[str] = set()

        def word(slot: re.Match[str]) -> str:
            for _ in range(8):  # not the same noun or adjective twice in a line
                drawn = self._draw(slot.group(1))
                if drawn not in chosen:
                    break
            chosen.add(drawn)
            return drawn

        line = _SLOT.sub(word, rule)
        return re.sub(r"\s+,", ",", line)

    def _draw(self, slot: str) -> str:
        own = self._rng.random() < _OWN
        if slot == "title":
            return self.title
        if slot in ("thing", "things"):
            noun = self._rng.choice(self._things if own else self._general["thing"])
            return plural(noun) if slot == "things" and not noun.endswith("s") else noun
        if slot == "place":
            return str(self._rng.choice(self._places if own else self._general["place"]))
        if slot == "adj":
            return str(self._rng.choice(self._adjectives if own else self._general["adj"]))
        return str(self._rng.choice(self._general[slot]))


def _bare(line: str) -> str:
    """Return a line's words alone, to compare lines by."""
    return " ".join(re.findall(r"[a-z']+", line.lower()))
