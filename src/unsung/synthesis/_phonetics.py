# SPDX-License-Identifier: MIT
"""Syllables and rhymes of English words, from their spelling.

Source: own rules (vowel groups, silent e, -le, -ed, -es) with a list of exceptions. Units: count.
When not to use: for phonetics; spelling misleads for about one word in twenty, and names worse.
"""

from __future__ import annotations

import re

__all__ = ["line_syllables", "rhyme_key", "syllables"]

_BY_COUNT = {
    1: "fire wire tire choir prayer our hour blessed i'm",
    2: "desire entire retire expire inspire perspire dj bonfire bonfires campfire campfires every "
    "evening somewhere someone something sometimes lonely lovely fireplace firefly fireflies "
    "lighthouse treehouse homesick heartbeat timeless hopeful carefree being seeing going doing "
    "lion riot diet quiet poem create people snowflake snowflakes giant science cruel goodbye "
    "closer somehow homeward mirror tattoo hardcore safely beyond crayon "
    "crooked jagged maybe neon rhythm royal farewell ragged naked being",
    3: "idea area video radio memory memories melody camera diary violet violin piano lullaby "
    "fireplaces lighthouses treehouses barbecue barbecues candlelit beautiful bicycle galaxy "
    "waterfall butterfly",
    4: "algorithm everybody",
}
_EXCEPTIONS = {word: count for count, words in _BY_COUNT.items() for word in words.split()}
_VOWELS = re.compile(r"[aeiouy]+")
_MUTE = re.compile(  # a final e that is not spoken: alone (hope), before s (hopes) or d (hoped)
    r"[^aeiouyl]e$|[aeiouy]le$"
    r"|([^aeiouylszxcgh]|[aeiouy]l|[^cs]h)es$"
    r"|([^aeiouyltd]|[aeiouyl]l)ed$"
)


def syllables(word: str) -> int:
    """Return how many syllables an English word has.

    >>> [syllables(word) for word in ("rain", "candle", "melody", "walked", "wanted")]
    [1, 2, 3, 1, 2]
    """
    word = re.sub(r"[^a-z']", "", word.lower())
    if word in _EXCEPTIONS:
        return _EXCEPTIONS[word]
    plain = word.replace("'", "")
    count = len(_VOWELS.findall(plain))
    if count > 1 and _MUTE.search(plain):
        count -= 1
    return max(count, 1) if plain else 0


def line_syllables(line: str) -> int:
    """Return the syllables of a line of words."""
    return sum(syllables(word) for word in re.findall(r"[A-Za-z']+", line))


def rhyme_key(word: str) -> str:
    """Return what two rhyming spellings share: the last vowel group and what follows it.

    >>> rhyme_key("night") == rhyme_key("light"), rhyme_key("night") == rhyme_key("rain")
    (True, False)
    """
    plain = re.sub(r"[^a-z]", "", word.lower())
    silent = len(plain) > 3 and plain.endswith("e") and plain[-2] not in "aeiou"
    body = plain[:-1] if silent else plain
    groups = list(_VOWELS.finditer(body))
    return (body[groups[-1].start() :] + "e" * silent) if groups else plain
