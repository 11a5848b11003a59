# SPDX-License-Identifier: MIT
"""What a language model is asked for, and whether what it answers is a song.

Source: own wording after SONICS (Rahman et al., ICLR 2025): genre, mood and topic for a full fake,
figures and single words of a real song for a mostly fake one, never its lines.
"""

from __future__ import annotations

import re
from typing import Any

from unsung.synthesis.lyrics import Draft, LyricRequest, Section, form_shapes
from unsung.text import parse_json

__all__ = ["SYSTEM", "BadAnswer", "ask", "check_answer", "repair"]

SYSTEM = (
    "You write original song lyrics in English for a research data set. You never quote or "
    "paraphrase existing songs. Answer with one JSON object and nothing else: "
    '{"title": string, "style": string, "sections": [{"name": string, "lines": [string, ...]}]}. '
    "style describes the music in one sentence: genre, mood, instruments, voice, tempo. Section "
    "names are lower case: intro, verse, pre-chorus, chorus, bridge, rap, outro."
)
_LONGEST_LINE, _MOST_LINES, _MOST_SECTIONS, _LONGEST_TITLE = 200, 60, 16, 120
_LONGEST_STYLE = 400


class BadAnswer(Exception):
    """An answer that is no valid song; the text says what is wrong, for the model to repair."""


def ask(request: LyricRequest) -> str:
    """Return the words of a request."""
    shapes = request.shapes or form_shapes(request.form)
    plan = "; ".join(
        f"{shape.name}: {len(shape.syllables)} lines, rhymes {shape.rhymes}, about "
        f"{round(sum(shape.syllables) / len(shape.syllables))} syllables a line"
        for shape in shapes
    )
    about = f"The topic is {request.topic.replace('_', ' ')}."
    if request.words:
        about = f"It turns about these words: {', '.join(request.words)}."
    genre = f" {request.genre.replace('_', ' ')}" if request.genre else ""
    return (
        f"Write a {request.mood}{genre} song. {about} Sections in order: {plan}. Repeat the "
        f"chorus word for word where it comes again. Variation number {request.seed}."
    )


def repair(answer: str, problem: str) -> list[dict[str, str]]:
    """Return the messages that ask for a repair of an answer."""
    return [
        {"role": "assistant", "content": answer[:8000] or "(nothing)"},
        {
            "role": "user",
            "content": f"That is not valid: {problem}. Answer again with the whole song as one "
            "JSON object of the form asked for, and nothing else.",
        },
    ]


def check_answer(answer: str, request: LyricRequest) -> Draft:
    """Read an answer as a song.

    Raises:
        BadAnswer: not JSON, keys missing, wrong types, too long, or lines of the real song.
    """
    song = _object(answer)
    title, style = song.get("title"), song.get("style", "")
    if not isinstance(title, str) or not title.strip() or len(title) > _LONGEST_TITLE:
        raise BadAnswer(
            f"title: expected a text of 1 to {_LONGEST_TITLE} characters, got {title!r:.60}"
        )
    if not isinstance(style, str) or len(style) > _LONGEST_STYLE:
        raise BadAnswer(f"style: expected a text of up to {_LONGEST_STYLE} characters")
    listed = song.get("sections")
    if not isinstance(listed, list) or not 1 <= len(listed) <= _MOST_SECTIONS:
        raise BadAnswer(f"sections: expected a list of 1 to {_MOST_SECTIONS} sections")
    sections = tuple(_section(number, part) for number, part in enumerate(listed, start=1))
    copied = {_bare(line) for line in request.avoid} - {""}
    for part in sections:
        for line in part.lines:
            if _bare(line) in copied and len(_bare(line).split()) > 3:
                raise BadAnswer(f"the line {line!r} stands in an existing song; write your own")
    # The style of a mostly fake song is the real song's, not the model's.
    return Draft(_tidy(title), sections, "" if request.shapes else _tidy(style))


def _object(answer: str) -> dict[str, Any]:
    text = re.sub(r"^```\w*\s*|\s*```$", "", answer.strip())
    try:
        song = parse_json(text)
    except ValueError as error:
        start = repr(text[:60])
        raise BadAnswer(f"expected a JSON object, got {start} ({error})") from error
    if not isinstance(song, dict):
        raise BadAnswer(f"expected a JSON object, got a {type(song).__name__}")
    return song


def _section(number: int, part: Any) -> Section:
    if not isinstance(part, dict) or not isinstance(part.get("name"), str):
        raise BadAnswer(f"section {number}: expected an object with name and lines")
    name = re.sub(r"[^a-z-]+", " ", part["name"].lower()).strip()
    lines = part.get("lines")
    if not name or not isinstance(lines, list) or not 1 <= len(lines) <= _MOST_LINES:
        raise BadAnswer(f"section {number}: expected a name and 1 to {_MOST_LINES} lines")
    for line in lines:
        if not isinstance(line, str) or not line.strip() or len(line) > _LONGEST_LINE:
            raise BadAnswer(
                f"section {number}: expected lines of 1 to {_LONGEST_LINE} characters, "
                f"got {line!r:.80}"
            )
    # A line in brackets would be read as the header of a section.
    return Section(name, tuple(_tidy(line).strip("[]") or "..." for line in lines))


def _tidy(text: str) -> str:
    return " ".join(text.split())


def _bare(line: str) -> str:
    return " ".join(re.findall(r"[a-z']+", line.lower()))
