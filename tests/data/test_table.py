# SPDX-License-Identifier: MIT
"""A table of recordings becomes a manifest, or the line that does not fit is named."""

import pytest

from unsung.data import read_manifest, read_table
from unsung.errors import ManifestError


def write(tmp_path, text, name="t.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_published_columns_are_understood(tmp_path):
    path = write(
        tmp_path,
        "path,label,generator,source,recording,source_sample_rate_hz,source_codec,fold,family,extra\n"
        "a/x.mp3,ai,Suno-1,page:1,r1,48000,mp3@128k,3,Suno,ignored\n"
        "b.flac,human,,page:2,r2,44100.0,flac,0,,\n",
    )
    first, second = read_table(path)
    assert first.path == str(tmp_path / "a/x.mp3")
    assert (first.label, first.generator, first.family) == ("ai", "Suno-1", "Suno")
    assert (first.group, first.split, first.recording) == ("page:1", "3", "r1")
    assert (first.sample_rate_hz, first.codec) == (48000, "mp3@128k")
    assert (second.label, second.sample_rate_hz) == ("human", 44100)


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("real", "human"),
        ("bonafide", "human"),
        ("0", "human"),
        ("fake", "ai"),
        ("1", "ai"),
        ("AI", "ai"),
    ],
)
def test_words_of_other_projects(tmp_path, word, label):
    assert read_table(write(tmp_path, f"file,label\nx,{word}\n")).tracks[0].label == label


def test_errors_name_line_and_remedy(tmp_path):
    with pytest.raises(ManifestError, match="label missing; came: path, speed"):
        read_table(write(tmp_path, "path,speed\nx,1\n"))
    with pytest.raises(ManifestError, match="line 3: expected a label among human, ai"):
        read_table(write(tmp_path, "path,label\nx,ai\ny,robot\n"))
    with pytest.raises(ManifestError, match="line 2: expected a number for duration_s, got 'long'"):
        read_table(write(tmp_path, "path,label,duration_s\nx,ai,long\n"))
    with pytest.raises(ManifestError, match="no rows"):
        read_table(write(tmp_path, "path,label\n"))
    with pytest.raises(ManifestError, match="cannot be read"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00path")
    with pytest.raises(ManifestError, match="cannot be read"):
        read_table(tmp_path / "bytes.csv")


def test_a_byte_order_mark_does_not_matter(tmp_path):
    path = tmp_path / "bom.csv"
    path.write_bytes("\ufeffpath,label\nx,human\n".encode())
    assert read_table(path).tracks[0].id == "x"


def test_json_lines_are_read_too(tmp_path):
    manifest = read_table(write(tmp_path, "path,label\nx,human\n"))
    manifest.save(tmp_path / "m.jsonl")
    assert read_manifest(tmp_path / "m.jsonl") == manifest
