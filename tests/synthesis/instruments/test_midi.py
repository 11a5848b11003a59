# SPDX-License-Identifier: MIT
import pytest

from unsung.errors import DatasetError, UnreadableAudio, UsageError
from unsung.synthesis.instruments.melody import Note, Part, Style, draw_key, draw_melody
from unsung.synthesis.instruments.midi import (
    channels,
    cut,
    fit_range,
    list_midi,
    read_midi,
    write_midi,
)
from unsung.synthesis.instruments.table import program

mido = pytest.importorskip("mido", reason="MIDI files need the package mido")


def parts(*programs):
    key = draw_key(Style(), (0,))
    return tuple(draw_melody(program(p), Style(), key, 4, (0, p)) for p in programs)


def test_what_is_written_is_read_back(tmp_path):
    made = parts(40, 0, 56)
    write_midi(tmp_path / "a.mid", made, 97.0)
    back = read_midi(tmp_path / "a.mid")
    assert [p.program for p in back] == [40, 0, 56]
    for one, two in zip(made, back, strict=True):
        ours = sorted(one.notes, key=lambda n: (n.start_s, n.pitch))
        assert [(n.pitch, n.velocity) for n in ours] == [(n.pitch, n.velocity) for n in two.notes]
        for a, b in zip(ours, two.notes, strict=True):
            assert a.start_s == pytest.approx(b.start_s, abs=4e-4)
            assert a.end_s == pytest.approx(b.end_s, abs=8e-4)


def test_every_channel_has_its_own_program_and_none_is_the_drums(tmp_path):
    made = parts(*range(10))
    assert channels(made) == (0, 1, 2, 3, 4, 5, 6, 7, 8, 10)
    write_midi(tmp_path / "a.mid", made)
    changes = {
        m.channel: m.program
        for track in mido.MidiFile(str(tmp_path / "a.mid")).tracks
        for m in track
        if m.type == "program_change"
    }
    assert changes == dict(zip(channels(made), range(10), strict=True))


def test_drums_are_channel_ten_only_when_asked(tmp_path):
    kit = parts(0, 128)
    assert channels(kit) == (0, 9)
    write_midi(tmp_path / "a.mid", kit)
    assert [p.program for p in read_midi(tmp_path / "a.mid")] == [0, 128]
    with pytest.raises(UsageError, match="at most 15 melodic parts"):
        channels(parts(*range(16)))


def test_equal_parts_give_equal_bytes(tmp_path):
    for name in ("a.mid", "b.mid"):
        write_midi(tmp_path / name, parts(40, 0))
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()


def test_tempo_changes_and_running_notes_are_followed(tmp_path):
    on, off = (
        (lambda **k: mido.Message("note_on", **k)),
        (lambda **k: mido.Message("note_off", **k)),
    )
    tempo = lambda us: mido.MetaMessage("set_tempo", tempo=us, time=480)  # noqa: E731
    music = mido.MidiTrack([on(note=60, velocity=80, time=0), off(note=60, time=960),
                            on(note=62, velocity=70, time=0), on(note=62, velocity=0, time=480),
                            on(note=64, velocity=60, time=0)])  # fmt: skip
    file = mido.MidiFile(type=1, ticks_per_beat=480)
    file.tracks += [mido.MidiTrack([tempo(1_000_000)]), music]
    file.tracks[1].append(mido.MetaMessage("end_of_track", time=480))
    file.save(tmp_path / "a.mid")
    # One beat at 120 a minute (0.5 s), from then on one a second; the last note is never released.
    (part,) = read_midi(tmp_path / "a.mid")
    spans = [(n.pitch, n.start_s, n.end_s) for n in part.notes]
    assert spans == [(60, 0.0, 1.5), (62, 1.5, 2.5), (64, 2.5, 3.5)]


@pytest.mark.parametrize("content", [b"", b"RIFF not midi", b"MThd\x00\x00\x00\x06\x00\x01"])
def test_damaged_files_are_named(tmp_path, content):
    (tmp_path / "bad.mid").write_bytes(content)
    with pytest.raises(UnreadableAudio, match=r"bad\.mid: expected a standard MIDI file"):
        read_midi(tmp_path / "bad.mid")


def test_a_file_without_notes_says_so(tmp_path):
    file = mido.MidiFile()
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000)]))
    file.save(tmp_path / "empty.mid")
    with pytest.raises(UnreadableAudio, match="the file has none"):
        read_midi(tmp_path / "empty.mid")


def test_folders_are_listed_by_number(tmp_path):
    (tmp_path / "more").mkdir()
    for name in ("sample_10.mid", "sample_2.mid", "more/x.MIDI", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    names = [p.relative_to(tmp_path).as_posix() for p in list_midi(tmp_path)]
    assert names == ["more/x.MIDI", "sample_2.mid", "sample_10.mid"]
    with pytest.raises(DatasetError, match="found none"):
        list_midi(_made(tmp_path / "void"))
    with pytest.raises(DatasetError, match="not found"):
        list_midi(tmp_path / "nowhere")


def _made(folder):
    folder.mkdir()
    return folder


def test_cut_moves_and_ends_notes():
    notes = (Note(0, 1, 60, 80), Note(1, 3, 62, 80), Note(2.5, 9, 64, 80), Note(5, 6, 65, 80))
    assert cut(notes, 1, 3) == (Note(0, 2, 62, 80), Note(1.5, 3, 64, 80))


def test_fit_range_moves_by_octaves_and_keeps_the_tune():
    notes = (Note(0, 1, 40, 80), Note(0, 1, 100, 80), Note(1, 2, 72, 80), Note(1.5, 3, 74, 80))
    fitted = fit_range(notes, program("flute"), 60, 96)
    # 40 → 64 and 100 → 88 (the higher one stays); the third is cut short by the fourth.
    assert fitted == (Note(0, 1, 88, 80), Note(1, 1.5, 72, 80), Note(1.5, 3, 74, 80))
    both = fit_range(notes[:2], program(0), 60, 96)
    assert {n.pitch for n in both} == {64, 88}
    assert fit_range((Note(0, 1, 61, 9),), program("agogo"), 63, 66)[0].pitch in (63, 66)


def test_parts_are_plain_records():
    part = Part(40, (Note(0.0, 1.0, 60, 80),))
    assert Part.from_dict(part.to_dict()) == part
