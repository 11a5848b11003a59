# SPDX-License-Identifier: MIT
import json
import os
from dataclasses import replace

import numpy as np
import pytest

from unsung.audio import read_clip, sha256_file
from unsung.data import read_manifest
from unsung.errors import ManifestError, SilentAudio, UnsungError, UsageError
from unsung.synthesis.instruments import corpus
from unsung.synthesis.instruments.clip import make_clip
from unsung.synthesis.instruments.corpus import make_corpus
from unsung.synthesis.instruments.labels import label_matrix, read_labels
from unsung.synthesis.instruments.melody import Note, Part, Style
from unsung.synthesis.instruments.midi import read_midi, write_midi
from unsung.synthesis.instruments.mixtures import level_db
from unsung.synthesis.instruments.plan import PRESETS, CorpusSpec, draw_clip
from unsung.synthesis.instruments.verify import fundamental_hz, pitch_hz

SMALL = CorpusSpec(n_clips=10, duration_s=2.0, sample_rate_hz=22050, programs=(0, 24, 40, 56, 73))


@pytest.fixture(scope="module")
def made(soundfont, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    return folder, make_corpus(replace(SMALL, soundfont=str(soundfont)), folder)


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


def test_the_folder_holds_sound_labels_and_manifest(made):
    folder, summary = made
    assert (summary.n_made, summary.n_kept, summary.failures) == (10, 0, ())
    assert summary.audio_s == 20 and summary.real_time_per_core > 0
    manifest, labels = (
        read_manifest(folder / "manifest.jsonl"),
        read_labels(folder / "labels.jsonl"),
    )
    assert [track.id for track in manifest] == [row.id for row in labels]
    for track, row in zip(manifest, labels, strict=True):
        assert (track.label, track.use, track.generator) == ("human", "rendered", "")
        assert (track.group, track.split) == (row.group, row.split)
        clip = read_clip(folder / row.path)
        assert clip.samples.shape == (1, 44100) and clip.sample_rate_hz == 22050
        assert 0.02 < np.abs(clip.samples).max() <= 10 ** (-1 / 20) + 1e-4
        assert sha256_file(folder / row.path) == track.sha256 == row.sha256
    assert not [name for name in contents(folder) if ".part" in name]


def test_labels_are_the_midi(made):
    folder, _ = made
    for row in read_labels(folder / "labels.jsonl"):
        parts = read_midi(folder / row.midi)
        assert [p.program for p in parts] == [i.program for i in row.instruments]
        for part, instrument in zip(parts, row.instruments, strict=True):
            mine = sorted(
                (n.start_s, n.pitch) for n in row.notes if n.instrument == instrument.name
            )
            theirs = sorted((n.start_s, n.pitch) for n in part.notes)
            assert np.allclose(mine, theirs, atol=1e-3)


def test_every_label_is_audible(made):
    folder, _ = made
    shares = [i.share_db for r in read_labels(folder / "labels.jsonl") for i in r.instruments]
    assert min(shares) > -40 and max(shares) < 3


def test_the_label_matrix_says_who_plays(made):
    rows = read_labels(made[0] / "labels.jsonl")
    names = ["violin", "trumpet", "banjo"]
    matrix = label_matrix(rows, names)
    assert matrix.shape == (10, 3) and not matrix[:, 2].any()
    for row, line in zip(rows, matrix, strict=True):
        held = {instrument.name for instrument in row.instruments}
        assert line.tolist() == [float(name in held) for name in names]


def test_two_processes_make_the_same_bytes(made, soundfont, tmp_path):
    spec = replace(SMALL, soundfont=str(soundfont))
    make_corpus(spec, tmp_path, jobs=2)
    assert contents(tmp_path) == contents(made[0])


def test_a_killed_run_is_continued_to_the_same_bytes(made, soundfont, tmp_path, monkeypatch):
    spec = replace(SMALL, soundfont=str(soundfont))
    monkeypatch.setattr(corpus, "_CHUNK", 2)

    def kill(done, total):
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_corpus(spec, tmp_path, on_progress=kill)
    part = tmp_path / "labels.part.jsonl"
    assert len(part.read_text().splitlines()) == 4
    part.write_text(part.read_text() + '{"id": "instruments-00004", "pa')  # cut while writing
    (tmp_path / "audio" / "instruments-00001.flac").unlink()  # and one file lost
    summary = make_corpus(spec, tmp_path)
    assert (summary.n_kept, summary.n_made) == (3, 7)
    assert contents(tmp_path) == contents(made[0])
    again = make_corpus(spec, tmp_path)
    assert (again.n_kept, again.n_made) == (10, 0)


def test_a_corpus_grows_but_does_not_change(soundfont, tmp_path):
    spec = replace(SMALL, n_clips=2, soundfont=str(soundfont))
    make_corpus(spec, tmp_path)
    first = (tmp_path / "audio" / "instruments-00000.flac").read_bytes()
    assert make_corpus(replace(spec, n_clips=3), tmp_path).n_made == 1
    assert (tmp_path / "audio" / "instruments-00000.flac").read_bytes() == first
    with pytest.raises(UsageError, match="another seed"):
        make_corpus(replace(spec, seed=9), tmp_path)


def test_a_single_note_clip_has_the_pitch_of_its_label(soundfont):
    style = Style("sequence", (120, 120), (90, 100), pitches=(60, 72), notes=1)
    spec = CorpusSpec(style=style, counts=(1,), programs=(0, 24, 56, 68, 71), duration_s=2.0)
    for number in range(8):
        sound, plan, _ = make_clip(spec, draw_clip(spec, number), soundfont)
        (note,) = plan.parts[0].notes
        start, end = (round(at * 44100) for at in (note.start_s + 0.1, note.end_s))
        cents = 1200 * np.log2(fundamental_hz(sound[0, start:end], 44100) / pitch_hz(note.pitch))
        assert abs(cents) < 20, (plan, cents)


def test_one_bad_midi_file_does_not_lose_the_others(soundfont, tmp_path):
    source = tmp_path / "midi"
    source.mkdir()
    notes = tuple(Note(k * 0.5, k * 0.5 + 0.4, 60 + k, 90) for k in range(8))
    write_midi(source / "sample_0.mid", (Part(0, notes),))
    (source / "sample_1.mid").write_bytes(b"nothing musical")
    spec = replace(SMALL, n_clips=4, midi=str(source), soundfont=str(soundfont))
    summary = make_corpus(spec, tmp_path / "out")
    assert summary.n_made == 2
    assert [name for name, _ in summary.failures] == ["instruments-00001", "instruments-00003"]
    assert "sample_1.mid: expected a standard MIDI file" in summary.failures[0][1].message
    assert len(read_manifest(tmp_path / "out" / "manifest.jsonl")) == 2


def test_an_instrument_that_is_not_heard_is_replaced(soundfont, tmp_path, monkeypatch):
    """The violin renders as silence: no clip may carry its label."""
    from unsung.synthesis.instruments import clip

    original = clip.render_parts

    def mute(parts, *rest):
        return original(parts, *rest) * (parts[0].program != 40)

    monkeypatch.setattr(clip, "render_parts", mute)
    spec = replace(SMALL, n_clips=8, counts=(1, 2), soundfont=str(soundfont))
    assert any(part.program == 40 for n in range(8) for part in draw_clip(spec, n).parts)
    summary = make_corpus(spec, tmp_path)
    rows = read_labels(tmp_path / "labels.jsonl")
    assert "violin" not in {i.name for row in rows for i in row.instruments}
    assert len(rows) == 8 and not summary.failures
    assert [len(row.instruments) for row in rows] == [1, 2] * 4


def test_a_part_that_drowns_in_the_mix_is_refused(soundfont, monkeypatch):
    from unsung.synthesis.instruments import clip

    original = clip.render_parts

    # Levels are set here: how loud a SoundFont's piano is beside its violin is no fact of ours.
    def levelled(parts, *rest):
        stem = original(parts, *rest)
        wanted_db = -75 if parts[0].program == 40 else -20
        return stem * np.float32(10 ** ((wanted_db - level_db(stem, SMALL.sample_rate_hz)) / 20))

    monkeypatch.setattr(clip, "render_parts", levelled)
    spec = replace(SMALL, counts=(2,), programs=(0, 40), balance="soundfont")
    with pytest.raises(SilentAudio, match="within 40 dB of the mix"):
        make_clip(spec, draw_clip(spec, 0), soundfont)
    equal = replace(spec, balance="equal")
    assert min(make_clip(equal, draw_clip(equal, 0), soundfont)[2]) > -15


def test_damaged_labels_are_named_by_line(tmp_path):
    (tmp_path / "labels.jsonl").write_text('{"id": 1}\n')
    with pytest.raises(ManifestError, match=r"labels\.jsonl, line 1"):
        read_labels(tmp_path / "labels.jsonl")
    with pytest.raises(ManifestError, match="expected labels"):
        read_labels(tmp_path / "none.jsonl")


def test_too_few_instruments_are_said_before_any_work(soundfont, tmp_path):
    with pytest.raises(UsageError, match="to draw 4 from, got 2"):
        make_corpus(replace(SMALL, programs=(0, 40), counts=(1, 4)), tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_a_killed_process_is_told(soundfont, tmp_path, monkeypatch):
    spec = replace(SMALL, n_clips=17, soundfont=str(soundfont))
    monkeypatch.setattr(corpus, "_make_chunk", _die)
    with pytest.raises(UnsungError, match="run the same command again with fewer --jobs"):
        make_corpus(spec, tmp_path, jobs=2)


def _die(*_):
    os._exit(9)


def test_settings_are_beside_the_corpus(made, soundfont):
    values = json.loads((made[0] / "corpus.json").read_text())
    assert values["soundfont"] == soundfont.name
    assert values["soundfont_sha256"] == sha256_file(soundfont)
    assert values["programs"] == [0, 24, 40, 56, 73]


@pytest.mark.slow
def test_the_published_corpus_in_small(soundfont, tmp_path):
    spec = replace(PRESETS["wimu"], n_clips=80, soundfont=str(soundfont))
    summary = make_corpus(spec, tmp_path, jobs=2)
    rows = read_labels(tmp_path / "labels.jsonl")
    assert summary.n_made == len(rows) == 80
    assert all(i.share_db > -40 for row in rows for i in row.instruments)
