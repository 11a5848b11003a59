# SPDX-License-Identifier: MIT
import pytest

from unsung.errors import UnknownName
from unsung.synthesis.instruments.table import FAMILIES, PROGRAMS, find_programs, program


def test_the_table_is_general_midi():
    assert [entry.number for entry in PROGRAMS] == list(range(128))
    assert len(FAMILIES) == 16
    assert all([e.family for e in PROGRAMS].count(family) == 8 for family in FAMILIES)
    assert len({entry.name for entry in PROGRAMS}) == 128
    # Anchors of the General MIDI level 1 sound set (printed numbers are one higher).
    anchors = {0: "acoustic grand piano", 24: "acoustic guitar (nylon)", 40: "violin",
               56: "trumpet", 64: "soprano sax", 72: "piccolo", 80: "square lead",
               88: "new age pad", 104: "sitar", 127: "gunshot"}  # fmt: skip
    assert {n: PROGRAMS[n].name for n in anchors} == anchors


def test_ranges_are_playable():
    assert all(0 <= e.lowest < e.highest <= 127 and e.polyphony >= 1 for e in PROGRAMS)
    assert (program("violin").lowest, program("acoustic grand piano").highest) == (55, 108)
    winds = [e for e in PROGRAMS if e.family in ("reed", "pipe")]
    assert {entry.polyphony for entry in winds} == {1}


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["violin", "41", 42], [40, 41, 42]),
        (["Hammond Organ"], [16]),
        (["reed"], list(range(64, 72))),
        (["violin", "violin"], [40]),
    ],
)
def test_programs_by_name_number_and_family(names, numbers):
    assert [entry.number for entry in find_programs(names)] == numbers


def test_all_is_what_has_a_pitch():
    everything = find_programs(["all"])
    assert all(entry.pitched for entry in everything)
    assert program("seashore") not in everything and program("timpani") in everything


def test_a_typo_is_answered_with_the_near_name():
    with pytest.raises(UnknownName, match="did you mean 'violin'"):
        find_programs(["violni"])
    with pytest.raises(UnknownName, match="no instrument named '300'"):
        program(300)
