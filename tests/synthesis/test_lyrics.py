# SPDX-License-Identifier: MIT
from __future__ import annotations

import re

import pytest

from unsung.errors import UnknownName, UsageError
from unsung.synthesis._grammar import Grammar, lexicon, plural
from unsung.synthesis._phonetics import line_syllables, rhyme_key, syllables
from unsung.synthesis.lyrics import (
    Draft,
    GrammarWriter,
    LyricRequest,
    Section,
    Shape,
    features,
    form_shapes,
    forms,
    moods,
    parse,
    request_of,
    text,
    topics,
)

COUNTS = {  # counted by mouth, not by the code
    1: "rain dream walked hoped the through hours' fire choir blessed loved boats wolves games",
    2: "candle table quiet lonely silver wanted added houses beaches open little maybe rhythm "
    "heartbeat fireplace tonight again settled snowflakes pieces goodbye",
    3: "melody umbrella butterfly remember memory satellite lullaby radio violet beautiful",
    4: "apology algorithm",
}
REAL = """[Verse 1]
The harbour lights are going out
The captain counts his money
My brother sings another shout
The harbour tastes of honey

[Chorus]
Bring the harbour back to me
Bring the captain and the sea

[Verse 2]
The morning came without a sound
The captain lost his anchor
"""


def end(line):
    return re.findall(r"[A-Za-z']+", line)[-1].lower()


def family_of(word):
    found = [
        name
        for name, kinds in lexicon()["rhymes"].items()
        if any(word in words for words in kinds.values())
    ]
    assert len(found) == 1, word
    return found[0]


def songs(n=40):
    for seed in range(n):
        request = LyricRequest(
            topics()[seed % len(topics())],
            moods()[seed % len(moods())],
            form=forms()[seed % len(forms())],
            seed=seed,
        )
        yield request, GrammarWriter().write(request)


@pytest.mark.parametrize("count", COUNTS)
def test_syllables(count):
    words = COUNTS[count].split()
    assert [syllables(word) for word in words] == [count] * len(words), words


def test_rhyme_key_on_real_words():
    for one, other in (("night", "light"), ("stone", "alone"), ("money", "honey"), ("go", "so")):
        assert rhyme_key(one) == rhyme_key(other)
    for one, other in (("night", "rain"), ("stone", "stain"), ("out", "money")):
        assert rhyme_key(one) != rhyme_key(other)


def test_plural():
    assert [plural(w) for w in ("wave", "story", "torch", "kiss", "highway", "wolf", "box")] == [
        "waves", "stories", "torches", "kisses", "highways", "wolves", "boxes",
    ]  # fmt: skip


def test_same_seed_same_song_other_seed_other_song():
    request = LyricRequest("ocean", "calm", seed=5)
    assert GrammarWriter().write(request) == GrammarWriter().write(request)
    others = {text(GrammarWriter().write(LyricRequest("ocean", "calm", seed=s)).sections) for s in range(20)}  # fmt: skip  # noqa: E501
    assert len(others) == 20


def test_lines_have_the_length_and_rhymes_asked_for():
    off = total = 0
    for request, song in songs():
        for section, shape in zip(song.sections, form_shapes(request.form), strict=True):
            assert section.name == shape.name
            assert len(section.lines) == len(shape.rhymes)
            for line, length in zip(section.lines, shape.syllables, strict=True):
                assert abs(line_syllables(line) - length) <= 2, line
                off += line_syllables(line) != length
                total += 1
            ends = [family_of(end(line)) for line in section.lines]
            for i, one in enumerate(shape.rhymes):
                for j, other in enumerate(shape.rhymes):
                    assert (ends[i] == ends[j]) == (one == other), section
            for letter in set(shape.rhymes):  # a word does not rhyme with itself
                same = [end(ln) for ln, of in zip(section.lines, shape.rhymes, strict=True) if of == letter]  # fmt: skip  # noqa: E501
                assert len(set(same)) == len(same), section
    assert off / total < 0.05


def test_only_choruses_repeat():
    for _, song in songs():
        kept: dict[str, tuple[str, ...]] = {}
        lines = []
        for part in song.sections:
            if part.name in ("chorus", "pre-chorus"):
                assert kept.setdefault(part.name, part.lines) == part.lines
            else:
                lines += part.lines
        assert len(set(lines)) == len(lines)
        assert not set(lines) & {line for part in kept.values() for line in part}


def test_song_is_about_its_topic_and_sings_its_title():
    for request, song in songs():
        words = lexicon()["topics"][request.topic]
        roots = [thing.lower().rstrip("y") for thing in words["things"]] + words["places"]
        sung = [part for part in song.sections if len(part.lines) >= 4]
        about = [any(r in text((part,)).lower() for r in roots) for part in sung]
        assert sum(about) >= 0.75 * len(about), (request.topic, text(song.sections))
        choruses = [part for part in song.sections if part.name == "chorus"]
        assert all(song.title.lower() in part.lines[0].lower() for part in choruses)


def test_no_braces_no_slots_no_double_words():
    for _, song in songs():
        for part in song.sections:
            for line in part.lines:
                assert not re.search(r"[<>{}]|\b(\w+) \1\b", line), line
                assert line[0].isupper()


def test_every_rule_can_be_filled():
    grammar = Grammar("rain", "calm", (), (), "0")
    for rules in lexicon()["lines"].values():
        for rule in rules:
            assert "<" not in grammar._expand(rule)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (LyricRequest("rian"), "did you mean 'rain'"),
        (LyricRequest("rain", "clam"), "did you mean 'calm'"),
        (LyricRequest("rain", form="popp"), "did you mean 'pop'"),
    ],
)
def test_unknown_names(request_, words):
    with pytest.raises(UnknownName, match=words):
        GrammarWriter().write(request_)


def test_shape_must_fit():
    request = LyricRequest("rain", shapes=(Shape("verse", "AB", (8,)),))
    with pytest.raises(UsageError, match="rhyme letter and a count"):
        GrammarWriter().write(request)


def test_more_rhymes_than_families():
    shape = Shape("verse", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", (8,) * 26)
    song = GrammarWriter().write(LyricRequest("rain", shapes=(shape,)))
    assert len(set(song.sections[0].lines)) == 26


def test_parse_and_text_are_inverse():
    sections = (Section("verse", ("One", "Two")), Section("chorus", ("Three",)))
    assert parse(text(sections)) == sections
    assert [part.name for part in parse(REAL)] == ["verse", "chorus", "verse"]
    assert parse("One\nTwo\n\nThree") == (
        Section("verse", ("One", "Two")), Section("verse", ("Three",)),
    )  # fmt: skip
    assert parse("[Pre-Chorus: Anna]\nOh\n[Instrumental]\n") == (Section("pre-chorus", ("Oh",)),)
    assert parse("") == ()


def test_features_of_real_lyrics():
    shapes, nouns = features(REAL)
    assert [shape.name for shape in shapes] == ["verse", "chorus", "verse"]
    assert shapes[0].rhymes == "ABAB"  # out money shout honey
    assert shapes[0].syllables == (8, 7, 8, 7)
    assert nouns[:2] == ("harbour", "captain")
    assert "never" not in nouns and "the" not in nouns


def test_mostly_fake_takes_measures_never_lines(tmp_path):
    (tmp_path / "real.txt").write_text(REAL, encoding="utf-8")
    request = request_of(
        "", mood="calm", genre="folk", form="pop", seed=1, like=tmp_path / "real.txt"
    )
    song = GrammarWriter().write(request)
    assert [part.name for part in song.sections] == ["verse", "chorus", "verse"]
    assert [len(part.lines) for part in song.sections] == [4, 2, 2]
    written = {line.lower() for part in song.sections for line in part.lines}
    assert not written & {line.lower() for line in REAL.splitlines()}
    sung = text(song.sections).lower()
    assert any(noun in sung for noun in ("harbour", "captain", "brother", "anchor"))


def test_request_errors(tmp_path):
    asked = {"mood": "calm", "genre": "", "form": "pop", "seed": 0}
    with pytest.raises(UsageError, match="expected a topic"):
        request_of("", **asked)
    with pytest.raises(UsageError, match="cannot be read"):
        request_of("", **asked, like=tmp_path / "none.txt")
    (tmp_path / "empty.txt").write_text("[Verse]\n")
    with pytest.raises(UsageError, match="found no lines"):
        request_of("", **asked, like=tmp_path / "empty.txt")


def test_draft_survives_json():
    song = GrammarWriter().write(LyricRequest("rain"))
    assert Draft.from_dict(song.to_dict()) == song
