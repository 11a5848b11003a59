# SPDX-License-Identifier: MIT
from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import soundfile

from unsung.errors import ManifestError, UnknownName, UnsungError, UsageError
from unsung.synthesis._songs import Song, measured, read_songs
from unsung.synthesis.lyrics import GrammarWriter, parse
from unsung.synthesis.prompt_files import read_prompts, write_prompts
from unsung.synthesis.prompts import Plan, Prompt, auto_prompts, genres, make_prompt, plan_of
from unsung.types import Clip

LYRICS = "[verse]\nThe harbour lights are low\nThe captain counts his gold\n[chorus]\nCome home now"
SONGS = (
    Song("one", LYRICS, title="Harbour", style="sea shanty, male choir", licence="CC0-1.0"),
    Song("two", "The engine hums\nThe driver drums", genre="rock", tempo_bpm=140, key="E minor"),
)


def test_same_seed_same_prompts():
    assert auto_prompts(6, Plan(seed=3)) == auto_prompts(6, Plan(seed=3))
    assert auto_prompts(6, Plan(seed=3)) != auto_prompts(6, Plan(seed=4))
    assert auto_prompts(3, Plan(seed=3)) == auto_prompts(6, Plan(seed=3))[:3]


def test_full_fake_says_what_it_is():
    prompts = auto_prompts(40, Plan())
    assert len({p.id for p in prompts}) == len({p.seed for p in prompts}) == 40
    assert len({p.style for p in prompts}) == 40
    for prompt in prompts:
        assert prompt.kind == "full" and not prompt.source
        assert prompt.genre in prompt.style
        assert prompt.vocal in prompt.style
        assert all(name in prompt.style for name in prompt.instruments)
        assert prompt.sections == tuple(part.name for part in parse(prompt.lyrics))
        assert (prompt.writer, prompt.model) == ("grammar", "lexicon-1")
        assert "{" not in prompt.style
        assert Prompt.from_dict(json.loads(json.dumps(prompt.to_dict()))) == prompt


def test_instrumental_has_no_words():
    for style_format in ("sentence", "tags"):
        for prompt in auto_prompts(80, Plan(sings=False, style_format=style_format)):
            assert not prompt.lyrics and not prompt.sections and not prompt.writer
            assert "instrumental" in prompt.style or "no vocals" in prompt.style
            said = prompt.style.replace("no vocals", "")
            assert not any(word in said for word in ("vocal", "choir", "shouts"))


def test_filters():
    plan = plan_of(genres="jazz, folk", moods="calm", topics="rain", seed=1)
    made = auto_prompts(20, plan)
    assert {p.genre for p in made} == {"jazz", "folk"}
    assert {(p.mood, p.topic) for p in made} == {("calm", "rain")}
    assert len(genres()) >= 40


def test_half_fake_keeps_the_words():
    made = auto_prompts(2, Plan(("half",), songs=SONGS))
    assert {p.source for p in made} == {"one", "two"}
    one = next(p for p in made if p.source == "one")
    assert one.style == "sea shanty, male choir"
    assert one.lyrics.splitlines()[1:3] == LYRICS.splitlines()[1:3]
    assert (one.writer, one.title, one.licence) == ("", "Harbour", "CC0-1.0")
    two = next(p for p in made if p.source == "two")
    assert two.style == "rock, 140 BPM, E minor"
    assert two.tempo_bpm == 140


def test_mostly_fake_has_new_words_in_the_old_shape():
    one = next(p for p in auto_prompts(2, Plan(("mostly",), songs=SONGS)) if p.source == "one")
    assert one.style == "sea shanty, male choir"
    assert one.sections == ("verse", "chorus")
    assert not {line.lower() for line in one.lyrics.splitlines()[1:3]} & {
        line.lower() for line in LYRICS.splitlines()
    }
    assert one.writer == "grammar"


def test_kinds_take_turns():
    made = auto_prompts(6, Plan(("full", "mostly", "half"), songs=SONGS))
    assert [p.kind for p in made] == ["full", "mostly", "half"] * 2
    assert {p.source for p in made if p.kind == "half"} == {"one", "two"}


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"kinds": "half"}, UsageError, "start from real songs"),
        ({"kinds": ""}, UsageError, "expected kinds"),
        ({"kinds": "hlaf"}, UnknownName, "did you mean 'half'"),
        ({"genres": "jaz"}, UnknownName, "did you mean 'jazz'"),
        ({"topics": "rane"}, UnknownName, "no topic named"),
        ({"style_format": "words"}, UsageError, "sentence or tags"),
    ],
)
def test_plan_errors(asked, error, words):
    with pytest.raises(error, match=words):
        plan_of(**asked)


def table(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_songs_from_csv_and_json_lines(tmp_path):
    (tmp_path / "one.txt").write_text(LYRICS, encoding="utf-8")
    row = {"id": "1", "lyrics_path": "one.txt", "genre": "folk", "tempo_bpm": "99.6", "key": "C"}
    row |= {"instruments": "fiddle, harp", "artist": "nobody"}
    (song,) = read_songs(table(tmp_path / "songs.csv", [row]))
    assert song.lyrics == LYRICS
    assert (song.tempo_bpm, song.instruments) == (100, ("fiddle", "harp"))
    lines = tmp_path / "songs.jsonl"
    lines.write_text(json.dumps(SONGS[0].to_dict()) + "\n", encoding="utf-8")
    assert read_songs(lines) == (SONGS[0],)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"id": "1", "lyrics": "", "genre": "folk"}, "line 2: expected id and lyrics"),
        ({"id": "1", "lyrics": "Oh", "genre": ""}, "line 2: expected a style"),
        ({"id": "1", "lyrics_path": "no.txt", "genre": "folk"}, "lyrics cannot be read"),
        ({"id": "1", "lyrics": "Oh", "genre": "folk", "tempo_bpm": "fast"}, "line 2"),
    ],
)
def test_song_errors(tmp_path, row, words):
    with pytest.raises(ManifestError, match=words):
        read_songs(table(tmp_path / "songs.csv", [row]))


def test_song_file_errors(tmp_path):
    with pytest.raises(ManifestError, match="cannot be read"):
        read_songs(tmp_path / "none.csv")
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(ManifestError, match="no songs"):
        read_songs(tmp_path / "empty.jsonl")


def music(bpm, tonic_midi, third, seconds=20, rate=22050):
    """A scale over its tonic chord, a beat each, with clicks."""
    scale = (0, 2, third, 5, 7, 8 if third == 3 else 9, 10 if third == 3 else 11, 12, 7, third, 0)
    n = round(seconds * rate)
    sound, t = np.zeros(n), np.arange(n) / rate
    for beat in range(int(seconds * bpm / 60)):
        start = round(beat * 60 / bpm * rate)
        tail = t[: n - start]
        notes = (tonic_midi, tonic_midi + third, tonic_midi + 7, tonic_midi + scale[beat % 11])
        for midi in notes:
            hz = 440 * 2 ** ((midi - 69) / 12)
            sound[start:] += 0.1 * np.exp(-6 * tail) * np.sin(2 * np.pi * hz * tail)
    return Clip((sound / np.abs(sound).max())[None].astype("f4"), rate)


@pytest.mark.parametrize(
    ("bpm", "midi", "third", "key"),
    [(100, 60, 4, "C major"), (132, 57, 3, "A minor"), (84, 63, 4, "E flat major")],
)
def test_tempo_and_key_are_measured(bpm, midi, third, key):
    song = measured(Song("x", "Oh"), music(bpm, midi, third))
    assert song.key == key
    assert song.tempo_bpm == pytest.approx(bpm, abs=2)


def test_given_tempo_wins_over_measured(tmp_path):
    clip = music(100, 60, 4)
    soundfile.write(tmp_path / "a.wav", clip.samples.T, clip.sample_rate_hz)
    row = {"id": "1", "lyrics": "Oh", "audio": "a.wav", "tempo_bpm": "77"}
    (song,) = read_songs(table(tmp_path / "songs.csv", [row]))
    assert (song.tempo_bpm, song.key) == (77, "C major")
    assert song.described() == "77 BPM, C major"


class Failing(GrammarWriter):
    """Fails for some seeds, as an endpoint does."""

    def __init__(self, bad):
        self.bad, self.calls = bad, 0

    def write(self, request):
        self.calls += 1
        if request.seed in self.bad:
            raise UnsungError("no answer")
        return super().write(request)


def test_write_goes_on_after_failure_and_half_a_line(tmp_path):
    path, plan = tmp_path / "p.jsonl", Plan()
    assert write_prompts(path, 5, plan, Failing({2})) == (4, 1)
    problems = [json.loads(x) for x in (tmp_path / "p.problems.jsonl").read_text().splitlines()]
    assert problems == [{"id": "full-0-00002", "error": "UnsungError", "message": "no answer"}]
    with path.open("ab") as file:
        file.write(b'{"id": "full-0-0000')  # a kill in the middle of a line
    writer, seen = Failing(set()), []
    assert write_prompts(path, 5, plan, writer, progress=lambda *a: seen.append(a)) == (5, 0)
    assert writer.calls == 1
    assert seen[-1] == (5, 0, 5)
    found = {p.id: p for p in read_prompts(path)}
    assert found == {p.id: p for p in auto_prompts(5, plan)}


def test_fatal_errors_stop_but_keep(tmp_path):
    class Fatal(UnsungError):
        pass

    class Broke(GrammarWriter):
        def write(self, request):
            if request.seed == 3:
                raise Fatal("budget")
            return super().write(request)

    with pytest.raises(Fatal, match="budget"):
        write_prompts(tmp_path / "p.jsonl", 9, Plan(), Broke(), fatal=(Fatal,))
    assert len(list(read_prompts(tmp_path / "p.jsonl"))) == 3


def test_text_file_of_styles(tmp_path):
    path = tmp_path / "styles.txt"
    path.write_text("calm folk\n\nfast punk\n", encoding="utf-8")
    one, two = read_prompts(path, seed=1)
    assert (one.style, two.style) == ("calm folk", "fast punk")
    assert one.seed != two.seed
    assert [p.seed for p in read_prompts(path, seed=1)] == [one.seed, two.seed]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"id": "a"}\n', "line 1: no prompt record"),
        ('{"id": "a", "kind": "full", "style": "x", "colour": 1}\n', "line 1.*colour"),
        ("[1]\n", "line 1"),
        ("nonsense\n", "line 1"),
        ('{"id": "a", "kind": "full", "style": "x"}\n' * 2, "line 2: the id 'a' came before"),
    ],
)
def test_bad_prompt_files(tmp_path, text, words):
    path = tmp_path / "p.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError, match=words):
        list(read_prompts(path))


def test_writer_words_reach_the_prompt():
    class Own(GrammarWriter):
        name, model = "endpoint", "m-1"  # type: ignore[assignment]

        def write(self, request):
            from dataclasses import replace

            return replace(super().write(request), style="my own style")

    prompt = make_prompt(Plan(), 0, Own())
    assert (prompt.style, prompt.writer, prompt.model) == ("my own style", "endpoint", "m-1")
