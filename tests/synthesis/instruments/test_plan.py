# SPDX-License-Identifier: MIT
from collections import Counter
from dataclasses import replace

import pytest

from unsung.errors import UnreadableAudio, UsageError
from unsung.synthesis.instruments.melody import Note, Part, Style
from unsung.synthesis.instruments.midi import list_midi, write_midi
from unsung.synthesis.instruments.plan import PRESETS, CorpusSpec, draw_clip, split_of
from unsung.synthesis.instruments.table import program

SHARES = (0.8, 0.1, 0.1)


def plans(spec, files=()):
    return [draw_clip(spec, number, files) for number in range(spec.n_clips)]


def test_wimu_is_the_published_corpus():
    spec = PRESETS["wimu"]
    drawn = plans(spec)
    assert len(drawn) == 8000
    assert Counter(len(plan.parts) for plan in drawn) == {1: 2000, 2: 2000, 3: 2000, 4: 2000}
    names = {program(part.program).name for plan in drawn for part in plan.parts}
    assert names == {
        "acoustic grand piano", "acoustic guitar (nylon)", "string ensemble 1", "piccolo",
        "celesta", "acoustic bass", "trumpet", "square lead", "drawbar organ", "violin",
        "soprano sax", "new age pad",
    }  # fmt: skip
    counts = Counter(part.program for plan in drawn for part in plan.parts)
    assert max(counts.values()) < 1.15 * min(counts.values())  # 20 000 parts, 12 alike
    for plan in drawn[::50]:
        assert plan.tempo_bpm == 120
        for part in plan.parts:
            assert len(part.notes) == 5
            assert all(60 <= note.pitch <= 72 and note.end_s <= 4.5 for note in part.notes)
    assert Counter(plan.split for plan in drawn) == {"train": 6400, "test": 1600}


def test_a_clip_depends_on_seed_and_number_only():
    spec = CorpusSpec(n_clips=8)
    assert plans(spec) == plans(replace(spec, n_clips=400))[:8]
    assert draw_clip(spec, 5) != draw_clip(replace(spec, seed=1), 5)
    again = draw_clip(spec, 5, attempt=1)
    assert [p.program for p in again.parts] != [p.program for p in draw_clip(spec, 5).parts]
    assert (again.key, again.group) == (draw_clip(spec, 5).key, draw_clip(spec, 5).group)


def test_splits_follow_melodies_and_meet_the_shares():
    counts = Counter(split_of(number, SHARES, 0) for number in range(2000))
    assert counts == {"train": 1600, "valid": 200, "test": 200}
    drawn = plans(CorpusSpec(n_clips=300, melodies=40))
    splits: dict[str, set[str]] = {}
    for plan in drawn:
        splits.setdefault(plan.group, set()).add(plan.split)
    assert len(splits) == 40 and all(len(found) == 1 for found in splits.values())
    # The same rhythm returns with other instruments, and in other numbers of them.
    same = [plan for plan in drawn if plan.group == "melody-00003"]
    assert len({plan.key for plan in same}) == 1
    assert {len(plan.parts) for plan in same} == {1, 2, 3, 4}


def test_similar_clips_are_of_one_family():
    for plan in plans(replace(PRESETS["similar"], n_clips=40)):
        assert len({program(part.program).family for part in plan.parts}) == 1


def test_no_drums_unless_asked():
    assert not any(p.program == 128 for plan in plans(CorpusSpec()) for p in plan.parts)
    spec = CorpusSpec(n_clips=8, programs=(0, 128), counts=(2,))
    assert all({p.program for p in plan.parts} == {0, 128} for plan in plans(spec))


@pytest.fixture
def symbotunes(tmp_path):
    """The layout that `scripts.sample` of Symbotunes writes: sample_0.mid, sample_1.mid, ..."""
    for number in range(3):
        notes = tuple(Note(k * 0.5, k * 0.5 + 0.4, 60 + number + k, 90) for k in range(20))
        write_midi(tmp_path / f"sample_{number}.mid", (Part(0, notes),))
    return tmp_path


def test_midi_files_are_played_on_drawn_instruments(symbotunes):
    files = list_midi(symbotunes)
    spec = CorpusSpec(n_clips=12, midi=str(symbotunes))
    drawn = plans(spec, files)
    assert {plan.group for plan in drawn} == {f"sample_{n}.mid" for n in range(3)}
    assert len({(plan.group, plan.split) for plan in drawn}) == 3
    assert {len(plan.parts) for plan in drawn} == {1, 2, 3, 4}
    for plan in drawn:
        for part in plan.parts:
            entry = program(part.program)
            assert part.notes and part.notes[0].start_s == 0
            assert all(entry.lowest <= n.pitch <= entry.highest for n in part.notes)
            assert all(n.end_s <= 4.5 for n in part.notes)


def test_midi_files_keep_their_programs_when_asked(tmp_path):
    notes = tuple(Note(k * 0.5, k * 0.5 + 0.4, 60 + k, 90) for k in range(20))
    write_midi(tmp_path / "a.mid", (Part(40, notes), Part(128, notes), Part(56, notes)))
    spec = CorpusSpec(n_clips=4, midi=str(tmp_path), keep_programs=True, counts=(4,))
    drawn = plans(spec, list_midi(tmp_path))
    assert all({part.program for part in plan.parts} == {40, 56} for plan in drawn)
    write_midi(tmp_path / "a.mid", (Part(128, notes),))
    with pytest.raises(UnreadableAudio, match="drums only"):
        plans(spec, list_midi(tmp_path))


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"n_clips": 0}, "at least one clip"),
        ({"programs": ()}, "at least one instrument"),
        ({"counts": (0,)}, "counts from 1"),
        ({"counts": (16,)}, "at most 15"),
        ({"channels": 6}, "1 or 2 channels"),
        ({"format": "mp3"}, "flac, wav or ogg"),
        ({"duration_s": 0.5}, "a tail that leaves"),
        ({"splits": (0.5, 0.1, 0.1)}, "add up to 1"),
        ({"balance": "loud"}, "balance equal or soundfont"),
        ({"melodies": -1}, "number of melodies"),
        ({"seed": -1}, "a seed of at least 0"),
    ],
)
def test_wrong_settings_are_refused(values, match):
    with pytest.raises(UsageError, match=match):
        CorpusSpec(**values)


def test_settings_survive_json():
    spec = CorpusSpec(style=Style(pitches=(60, 72)))
    assert CorpusSpec.from_dict(spec.to_dict()) == spec
