# SPDX-License-Identifier: MIT
"""Manifests survive being written, moved, streamed and interrupted; tampering is seen."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path

import pytest

from unsung.data import iter_manifest, read_manifest, write_manifest
from unsung.data.labelled import read_items
from unsung.data.manifests import read_head
from unsung.errors import ManifestError
from unsung.types import Manifest, Track

FULL = Track(
    id="a b",
    path="sub/ä.wav",
    label="mixed",
    generator="Suno",
    dataset="d",
    split="train",
    group="g",
    duration_s=1.25,
    sample_rate_hz=16000,
    channels=2,
    codec="pcm_s16",
    bitrate_kbps=512.0,
    sha256="0" * 64,
    licence="MIT",
    segments=((0.0, 0.5, "ai"), (0.5, 1.25, "human")),
    family="f",
    use="full",
    pair_id="p",
    recording="r",
)
BARE = Track(id="b", path="sub/b.wav", label="human")


def rows(folder):
    return tuple(replace(t, path=str(folder / t.path)) for t in (FULL, BARE))


@pytest.mark.parametrize("name", ["m.jsonl", "m.parquet"])
def test_every_field_comes_back_and_the_folder_can_be_moved(tmp_path, name):
    (tmp_path / "old").mkdir()
    head = write_manifest(tmp_path / "old" / name, "set", "2", rows(tmp_path / "old"))
    (tmp_path / "old").rename(tmp_path / "new")
    manifest = read_manifest(tmp_path / "new" / name)
    assert manifest.tracks == rows(tmp_path / "new")
    assert (manifest.name, manifest.version, manifest.sha256) == ("set", "2", head.sha256)
    assert read_head(tmp_path / "new" / name) == head
    assert list(iter_manifest(tmp_path / "new" / name, resolve=False)) == [FULL, BARE]
    assert [item.path for item in read_items(tmp_path / "new" / name)] == [FULL.path, BARE.path]
    assert Manifest("set", "2", (FULL, BARE)).sha256 == head.sha256  # both forms, every machine


def test_the_json_form_is_that_of_manifest_save(tmp_path):
    write_manifest(tmp_path / "ours.jsonl", "set", "2", rows(tmp_path))
    Manifest("set", "2", (FULL, BARE)).save(tmp_path / "theirs.jsonl")
    assert (tmp_path / "ours.jsonl").read_text() == (tmp_path / "theirs.jsonl").read_text()


def test_paths_outside_stay_absolute_and_addresses_as_they_are(tmp_path):
    outside = replace(BARE, path="/elsewhere/x.wav")
    address = replace(BARE, id="c", path="https://example.org/x.wav")
    (tmp_path / "in").mkdir()
    write_manifest(tmp_path / "in" / "m.jsonl", "m", "1", [outside, address])
    assert [t.path for t in read_manifest(tmp_path / "in" / "m.jsonl")] == [
        str(Path("/elsewhere/x.wav").absolute()),
        "https://example.org/x.wav",
    ]


def test_a_changed_row_is_seen(tmp_path):
    path = tmp_path / "m.jsonl"
    write_manifest(path, "m", "1", rows(tmp_path))
    path.write_text(path.read_text().replace('"mixed"', '"human"'))
    with pytest.raises(ManifestError, match="changed after the manifest was written"):
        read_manifest(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a first line"),
        ("[1]\n", "expected a first line"),
        ('{"manifest": "m", "version": "1", "sha256": ""}\n{"id": 1', "line 2"),
        ('{"manifest": "m", "version": "1", "sha256": ""}\n{"id": "x"}\n', "line 2: expected the"),
        (
            '{"manifest": "m", "version": "1", "sha256": ""}\n{"pth": "x"}\n',
            "did you mean 'path'",
        ),
    ],
)
def test_damage_names_the_line(tmp_path, text, message):
    (tmp_path / "m.jsonl").write_text(text)
    with pytest.raises(ManifestError, match=message):
        read_manifest(tmp_path / "m.jsonl")


def test_no_parquet_and_no_file(tmp_path):
    (tmp_path / "m.parquet").write_bytes(b"nonsense")
    for name in ("m.parquet", "none.parquet", "none.jsonl"):
        with pytest.raises(ManifestError):
            read_manifest(tmp_path / name)


def test_a_failed_write_leaves_the_old_manifest(tmp_path):
    path = tmp_path / "m.jsonl"
    write_manifest(path, "m", "1", [BARE])
    before = path.read_bytes()

    def breaking():
        yield FULL
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ManifestError, match=r"the disk is full.*run the same command again"):
        write_manifest(path, "m", "2", breaking())
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m.jsonl"]


def test_a_name_that_parquet_cannot_hold_says_so(tmp_path):
    odd = replace(BARE, path="/x/caf\udce9.wav")
    with pytest.raises(ManifestError, match=r"write a \.jsonl manifest"):
        write_manifest(tmp_path / "m.parquet", "m", "1", [odd])
    write_manifest(tmp_path / "m.jsonl", "m", "1", [odd])
    assert read_manifest(tmp_path / "m.jsonl").tracks[0].path == "/x/caf\udce9.wav"


def test_rows_stream(tmp_path):
    """The first row is there before the last one is made."""
    path = tmp_path / "m.jsonl"
    write_manifest(path, "m", "1", (replace(BARE, id=str(n)) for n in range(50_000)))
    lines = iter_manifest(path)
    assert next(lines).id == "0"
    lines.close()
    assert json.loads(path.read_text().splitlines()[-1])["id"] == "49999"


def test_tsv_and_tables_with_odd_rows(tmp_path):
    (tmp_path / "t.tsv").write_text('path\tlabel\tsegments\nx, y.wav\tfake\t[[0, 1.5, "ai"]]\n')
    track = read_manifest(tmp_path / "t.tsv").tracks[0]
    assert (track.id, track.label, track.segments) == ("x, y.wav", "ai", ((0.0, 1.5, "ai"),))
    (tmp_path / "t.csv").write_text("path,label\na.wav,human,extra\nb.wav\n")
    with pytest.raises(ManifestError, match="line 3: expected a label"):
        read_manifest(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("path,label\n,human\n")
    with pytest.raises(ManifestError, match="line 2: expected a path"):
        read_manifest(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("path,label,segments\na.wav,ai,zero\n")
    with pytest.raises(ManifestError, match="line 2: expected segments as JSON"):
        read_manifest(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_bytes("path,label\nä.wav,human\n".encode("latin-1"))
    assert read_manifest(tmp_path / "t.csv").tracks[0].id == "ä.wav"
    (tmp_path / "t.csv").write_text("")
    with pytest.raises(ManifestError, match="path and label missing; came: none"):
        read_manifest(tmp_path / "t.csv")
