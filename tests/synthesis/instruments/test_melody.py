# SPDX-License-Identifier: MIT
import itertools

import numpy as np
import pytest

from unsung.errors import UsageError
from unsung.synthesis.instruments.melody import SCALES, Style, draw_key, draw_melody
from unsung.synthesis.instruments.table import PROGRAMS, program

SEEDS = [(0, number) for number in range(12)]


def drawn(name, style, seed, seconds=4.5):
    return draw_melody(program(name), style, draw_key(style, seed), seconds, seed)


@pytest.mark.parametrize("mode", ["scale", "uniform", "sequence"])
def test_every_instrument_stays_in_its_range_and_polyphony(mode):
    style = Style(mode)
    for entry in PROGRAMS:
        part = drawn(entry.number, style, (1, entry.number))
        assert part.notes and part.program == entry.number
        assert all(entry.lowest <= n.pitch <= entry.highest for n in part.notes)
        assert all(0 <= n.start_s < n.end_s <= 4.5 and 50 <= n.velocity <= 110 for n in part.notes)
        starts = {n.start_s for n in part.notes}
        for at_s in starts:
            sounding = [n for n in part.notes if n.start_s <= at_s < n.end_s]
            assert len(sounding) <= entry.polyphony


def test_same_seed_same_melody_and_other_seed_another():
    assert drawn("flute", Style(), (3, 4)) == drawn("flute", Style(), (3, 4))
    assert len({drawn("flute", Style(), seed) for seed in SEEDS}) == len(SEEDS)


def test_the_line_does_not_depend_on_the_instrument():
    one, two = (drawn(name, Style(), (5, 5)) for name in ("flute", "bassoon"))
    assert [n.start_s for n in one.notes] == [n.start_s for n in two.notes]
    assert [n.pitch for n in one.notes] != [n.pitch for n in two.notes]


def test_scale_mode_keeps_to_the_key():
    for seed in SEEDS:
        key = draw_key(Style(), seed)
        for note in drawn("acoustic grand piano", Style(), seed).notes:
            assert (note.pitch - key.tonic) % 12 in SCALES[key.scale]


def test_scale_moves_in_smaller_steps_than_uniform():
    def step(mode):
        parts = [drawn("violin", Style(mode), seed) for seed in SEEDS]
        pairs = [(a.pitch, b.pitch) for p in parts for a, b in itertools.pairwise(p.notes)]
        return np.mean([abs(a - b) for a, b in pairs])

    assert step("scale") < 0.5 * step("uniform")


def test_uniform_reaches_both_ends():
    notes = [n.pitch for s in range(60) for n in drawn("violin", Style("uniform"), (s,)).notes]
    assert min(notes) == 55 and max(notes) == 96


def test_sequence_is_the_published_recipe():
    style = Style("sequence", (120, 120), (50, 100), pitches=(60, 72), notes=5)
    for seed in SEEDS:
        notes = drawn("acoustic bass", style, seed, 4.5).notes
        assert len(notes) == 5
        assert all(60 <= n.pitch <= 72 and 50 <= n.velocity <= 100 for n in notes)
        assert all(a.end_s <= b.start_s for a, b in itertools.pairwise(notes))
    # Long enough a clip leaves the drawn gaps (0 to 1 s) and lengths (0.3 to 2 s) as they are.
    lengths = [n.end_s - n.start_s for s in SEEDS for n in drawn("violin", style, s, 15).notes]
    assert min(lengths) >= 0.2999 and max(lengths) <= 2.0001 and max(lengths) > 1.5


def test_articulation_shortens_notes_without_moving_them():
    long, short = (
        drawn("trumpet", Style(articulation=(share, share)), (2, 2)).notes for share in (1.0, 0.3)
    )
    assert [n.start_s for n in long] == [n.start_s for n in short]
    assert sum(n.end_s - n.start_s for n in short) < 0.6 * sum(n.end_s - n.start_s for n in long)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"mode": "jazz"}, "expected mode scale, uniform or sequence"),
        ({"velocity": (0, 127)}, "expected velocity"),
        ({"pitches": (72, 60)}, "expected pitches"),
        ({"notes": 0}, "at least one note"),
    ],
)
def test_wrong_styles_are_refused(values, match):
    with pytest.raises(UsageError, match=match):
        Style(**values)


def test_a_clip_too_short_for_a_note_is_refused():
    with pytest.raises(UsageError, match="for a melody, got"):
        drawn("violin", Style(), (0,), 0.2)
