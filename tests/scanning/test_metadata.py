# SPDX-License-Identifier: MIT
"""Tags are carried along; verdicts go into files only on request, and leave the sound alone."""

from __future__ import annotations

import json
import os

import av
import numpy as np
import pytest
import soundfile

from unsung.audio.read import open_audio
from unsung.scanning import Settings, scan_rows
from unsung.scanning.catalogue import scan_catalogue
from unsung.scanning.metadata import read_metadata
from unsung.scanning.settings import Metadata
from unsung.scanning.sidecar import Marker, TagError, tag_values, write_sidecar, write_tags
from unsung.types import Score

RATE = 22050
SAID = {
    "artist": "Björk & Ölaf",
    "title": "Tïtle",
    "album": "Album",
    "album_artist": "Various",
    "date": "1999",
    "genre": "Ambient",
}
OWN = {  # what each format calls the two that FFmpeg does not rename
    "mp3": {"publisher": "One Little", "TSRC": "GBAYE9900001"},
    "flac": {"LABEL": "One Little", "ISRC": "GBAYE9900001"},
    "ogg": {"organization": "One Little", "isrc": "GBAYE9900001"},
    "m4a": {},
}


@pytest.fixture
def song(tmp_path):
    """Write two seconds of sound with the tags of a format."""

    def write(kind, name="song", tags=True):
        path = tmp_path / f"{name}.{kind}"
        codec = {"mp3": "mp3", "flac": "flac", "ogg": "libopus", "m4a": "aac"}[kind]
        rate = 48000 if kind == "ogg" else 44100
        samples = np.random.default_rng(0).standard_normal((1, 2 * rate)).astype("f4") * 0.1
        with av.open(str(path), "w") as out:
            stream = out.add_stream(codec, rate=rate, layout="mono")
            if tags:
                out.metadata.update(SAID | OWN[kind])
            form = stream.codec_context.format.name
            frame = av.AudioFrame.from_ndarray(samples, "fltp", "mono")
            frame.sample_rate = rate
            resampler = av.AudioResampler(form, "mono", rate, stream.codec_context.frame_size or 0)
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                out.mux(stream.encode(piece))
            out.mux(stream.encode(None))
        return path

    return write


def samples(path):
    with open_audio(path, str(path)) as stream:
        return np.concatenate(list(stream.blocks(1.0)), axis=-1)


def judged(path, **changes):
    values = {
        "sha256": "ab",
        "detector": "default-1@0",
        "logit": 2.5,
        "probability": 0.97,
        "prior": 0.5,
        "calibration": "a set",
        "verdict": "ai",
        "false_alarm_rate": 0.01,
    }
    return Score(str(path), **{**values, **changes})


@pytest.mark.parametrize("kind", ["mp3", "flac", "ogg", "m4a"])
def test_tags_of_every_format_have_the_same_names(song, kind):
    found = read_metadata(song(kind)).to_dict()
    for name, value in SAID.items():
        assert found[name] == value, name
    if OWN[kind]:
        assert (found["label"], found["isrc"]) == ("One Little", "GBAYE9900001")


def test_what_has_no_tags_or_is_no_sound(song, tmp_path, wav):
    assert read_metadata(wav()) == Metadata()
    assert read_metadata(tmp_path / "no.mp3") == Metadata()
    (tmp_path / "x.mp3").write_bytes(b"ID3" + bytes(40))
    assert read_metadata(tmp_path / "x.mp3") == Metadata()


def test_long_tags_are_cut(tmp_path):
    soundfile.write(tmp_path / "a.flac", np.zeros(RATE), RATE)
    write_tags(judged(tmp_path / "a.flac"))
    with av.open(str(tmp_path / "a.flac")) as file:
        assert file.metadata["UNSUNG_VERDICT"] == "ai"


def test_rows_of_a_catalogue_carry_them(song, tmp_path):
    path = song("flac")
    (row,) = scan_catalogue([str(path)], Settings(metadata=True), tmp_path / "out", jobs=1)
    assert row.facts.metadata.artist == "Björk & Ölaf"
    stored = json.loads((tmp_path / "out" / "scores.jsonl").read_text())
    assert stored["metadata"]["label"] == "One Little"
    (plain,) = scan_rows([path], Settings(), jobs=1)
    assert plain.facts.metadata == Metadata()


def test_nothing_is_written_beside_or_into_files_unasked(song, tmp_path):
    path = song("mp3")
    before = path.read_bytes()
    list(scan_rows([path], Settings(), jobs=1, resume=tmp_path / "r.jsonl"))
    assert path.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} == {"song.mp3", "r.jsonl"}


def test_a_sidecar_holds_the_whole_score(song):
    path = song("m4a")
    score = judged(path)
    sidecar = write_sidecar(score)
    assert sidecar.name == "song.m4a.unsung.json"
    assert Score.from_dict(json.loads(sidecar.read_text())) == score
    write_sidecar(judged(path, verdict="human"))
    assert json.loads(sidecar.read_text())["verdict"] == "human"
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("tags", [True, False])
@pytest.mark.parametrize("kind", ["mp3", "flac"])
def test_tags_change_no_sample_and_no_other_tag(song, kind, tags):
    path = song(kind, tags=tags)
    if kind == "mp3" and not tags:  # no tag at all: the sound begins with the first byte
        data = path.read_bytes()
        path.write_bytes(data[data.index(b"\xff\xfb") :])
    before, meta, size = samples(path), read_metadata(path), path.stat().st_size
    path.chmod(0o640)
    assert write_tags(judged(path)) is True
    np.testing.assert_array_equal(samples(path), before)
    assert read_metadata(path) == meta and path.stat().st_size != size
    assert path.stat().st_mode & 0o777 == 0o640
    with av.open(str(path)) as file:
        found = {name.upper(): value for name, value in file.metadata.items()}
    for name, value in tag_values(judged(path)).items():
        assert found[name] == value, name
    assert found["UNSUNG_CALIBRATION"] == "a set; prior 0.5"
    assert write_tags(judged(path)) is False  # the same again: untouched
    assert write_tags(judged(path, verdict="human", logit=-1.0)) is True
    with av.open(str(path)) as file:
        again = {name.upper(): value for name, value in file.metadata.items()}
    assert again["UNSUNG_VERDICT"] == "human" and again["UNSUNG_LOGIT"] == "-1.0000"
    np.testing.assert_array_equal(samples(path), before)


def test_a_probability_never_goes_without_its_calibration():
    values = tag_values(judged("a.mp3", calibration=""))
    assert "UNSUNG_PROBABILITY" not in values and values["UNSUNG_VERDICT"] == "ai"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"RIFF" + bytes(60), "MP3 and FLAC only"),
        (b"ID3\x03\x00\x80" + bytes(60), "cannot be edited safely"),
        (b"ID3\x02\x00\x00" + bytes(60), "cannot be edited safely"),
        (b"fLaC\x00\x00\xff\xff" + bytes(60), "FLAC header is damaged"),
    ],
    ids=["riff", "unsynchronised", "version-2", "cut"],
)
def test_what_cannot_be_tagged_safely_stays_as_it_is(tmp_path, data, says):
    path = tmp_path / "a.mp3"
    path.write_bytes(data)
    with pytest.raises(TagError, match=says):
        write_tags(judged(path))
    assert path.read_bytes() == data and len(list(tmp_path.iterdir())) == 1


def test_a_copy_that_differs_never_replaces_the_file(song, monkeypatch):
    path = song("flac")
    data = path.read_bytes()

    def damage(source, target, length):
        target.write(bytes(len(data)))

    monkeypatch.setattr("shutil.copyfileobj", damage)
    with pytest.raises(TagError, match=str(path)):
        write_tags(judged(path))
    assert path.read_bytes() == data and [p.name for p in path.parent.iterdir()] == ["song.flac"]


def test_tagged_files_are_not_scored_again(song, tmp_path, monkeypatch):
    paths = [song("mp3", "a"), song("flac", "b"), song("m4a", "c")]
    for path in paths:
        os.utime(path, (1_700_000_000,) * 2)
    said = []
    marker = Marker(sidecar=True, tags=True, refused=said.append)
    options = {"jobs": 1, "mark": marker}
    rows = list(scan_catalogue(paths, Settings(), tmp_path / "out", **options))
    assert all(row.score.error is None for row in rows)
    assert marker.n_refused == 1 and "MP3 and FLAC only; use --sidecar" in said[0]
    assert (tmp_path / "a.mp3.unsung.json").exists() and (tmp_path / "b.flac.unsung.json").exists()
    monkeypatch.setattr("unsung.scanning.one._listen", None)  # decoding would fail
    again = list(scan_catalogue(paths, Settings(), tmp_path / "out", **options))
    assert all(row.skipped for row in again)
