# SPDX-License-Identifier: MIT
"""Building reads what is there, once, and loses nothing to what is broken."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import soundfile

from unsung.audio.write import encode
from unsung.data import facts as facts_module
from unsung.data import read_manifest
from unsung.data._workers import each
from unsung.data.build import build, problems_path, source_tracks
from unsung.data.cache import Cache
from unsung.data.facts import read_facts
from unsung.errors import DatasetError, ManifestError, UnknownName
from unsung.types import Failure

from .music import track, write_song


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "set"
    write_song(root / "human" / "a.wav", 1)
    write_song(root / "ai" / "Suno" / "b.flac", 2)
    (root / "ai" / "Suno" / "c.mp3").write_bytes(
        encode(np.ones((2, 44100), np.float32) * 0.1, 44100, "mp3", 128)
    )
    (root / "ai" / "Suno" / "bad.mp3").write_bytes(b"\x00" * 3000)
    (root / "ai" / "Suno" / "page.wav").write_text("<!doctype html><html></html>")
    return root


def test_facts_are_those_of_the_file(tree):
    wav = read_facts(str(tree / "human" / "a.wav"))
    assert (wav.duration_s, wav.sample_rate_hz, wav.channels) == (4.0, 22050, 1)
    assert wav.codec.startswith("pcm") and wav.bitrate_kbps == pytest.approx(353, abs=1)
    mp3 = read_facts(str(tree / "ai" / "Suno" / "c.mp3"))
    assert (mp3.codec, mp3.channels, mp3.sample_rate_hz) == ("mp3", 2, 44100)
    assert mp3.duration_s == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_folder_with_broken_files(tree, tmp_path, jobs):
    out = tree / "m.jsonl"
    with Cache() as cache:
        built = build(source_tracks(tree), out, cache, jobs=jobs)
    assert (built.n_tracks, built.n_problems) == (3, 2)
    rows = read_manifest(out).tracks
    assert {(t.label, t.generator) for t in rows} == {("human", ""), ("ai", "Suno")}
    assert all(len(t.sha256) == 64 and Path(t.path).is_file() for t in rows)
    assert '"path": "human/a.wav"' in out.read_text()
    bad = [json.loads(line) for line in problems_path(out).read_text().splitlines()]
    assert {row["error"]["type"] for row in bad} == {"UnreadableAudio", "NotAudio"}


def test_measured_facts_replace_stated_ones(tree, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("path,label,codec,sample_rate_hz\nset/human/a.wav,real,opus@9k,8000\n")
    with Cache() as cache:
        build(source_tracks(table), tmp_path / "m.parquet", cache)
    row = read_manifest(tmp_path / "m.parquet").tracks[0]
    assert (row.sample_rate_hz, row.codec != "opus@9k") == (22050, True)


def test_nothing_is_read_twice(tree, tmp_path, monkeypatch):
    read = []
    real = facts_module.read_facts
    monkeypatch.setattr(facts_module, "read_facts", lambda p: read.append(p) or real(p))
    base, out = tmp_path / "c.sqlite", tmp_path / "m.jsonl"
    with Cache(base) as cache:
        first = build(source_tracks(tree), out, cache)
    n_files = len(read)
    with Cache(base) as cache:
        assert build(source_tracks(tree), out, cache).head == first.head
    assert len(read) == n_files + 2  # only the broken ones are tried again
    write_song(tree / "human" / "a.wav", 9)
    with Cache(base) as cache:
        assert build(source_tracks(tree), out, cache).head != first.head


def test_a_stopped_build_goes_on(tree, tmp_path, monkeypatch):
    rows = list(source_tracks(tree))
    base = tmp_path / "c.sqlite"

    def stopping():
        yield from [t for t in rows if not t.path.endswith(("bad.mp3", "page.wav"))]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Cache(base) as cache:
        build(stopping(), tmp_path / "m.jsonl", cache)
    assert not (tmp_path / "m.jsonl").exists()
    real, read = facts_module.read_facts, []
    monkeypatch.setattr(facts_module, "read_facts", lambda p: read.append(p) or real(p))
    with Cache(base) as cache:
        assert build(rows, tmp_path / "m.jsonl", cache).n_tracks == 3
    assert len(read) == 2


def test_full_disk_is_one_clear_error(tree, tmp_path, monkeypatch):
    out = tmp_path / "m.jsonl"
    real = Path.open

    def full(self, mode="r", *args, **kwargs):
        if "w" in mode and ".part" in self.name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))
        return real(self, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", full)
    with Cache(tmp_path / "c.sqlite") as cache, pytest.raises(ManifestError, match="disk is full"):
        build(source_tracks(tree), out, cache)
    assert not out.exists()


def test_sources_that_cannot_be(tmp_path, tree):
    with pytest.raises(ManifestError, match="there is nothing of this name"):
        source_tracks(tmp_path / "none")
    with pytest.raises(UnknownName, match="did you mean 'wavefake'"):
        source_tracks(tree, "wavefak")
    row = track("x", path=str(tree / "human" / "a.wav"))
    with Cache() as cache:
        with pytest.raises(DatasetError, match="id 'x' comes twice"):
            build([row, row], tmp_path / "m.jsonl", cache)
        with pytest.raises(DatasetError, match="source holds none"):
            build([], tmp_path / "m.jsonl", cache)
        with pytest.raises(DatasetError, match=r"none of the 1 files.*no such file"):
            build([track("y", path=str(tmp_path / "no.wav"))], tmp_path / "m.jsonl", cache)
        with pytest.raises(DatasetError, match="this is a folder"):
            build([track("y", path=str(tmp_path))], tmp_path / "m.jsonl", cache)


def test_the_cache_goes_by_content(tree, tmp_path):
    path = str(tree / "human" / "a.wav")
    with Cache(tmp_path / "c.sqlite") as cache:
        assert cache.sha256(path) == ""
        cache.put(path, "f" * 64, "kind", b"value")
        assert cache.sha256(path) == "f" * 64
        assert cache.get("f" * 64, "kind") == b"value" and cache.get("f" * 64, "other") is None
        os.utime(path, ns=(1, 1))
        assert cache.sha256(path) == ""
    assert sqlite3.connect(tmp_path / "c.sqlite").execute("select count(*) from facts").fetchone()
    (tmp_path / "junk").write_bytes(b"no database at all, but long enough to be looked at" * 20)
    with pytest.raises(ManifestError, match="give another file with --cache"):
        Cache(tmp_path / "junk")


@pytest.mark.parametrize("jobs", [1, 2])
def test_workers_keep_order_and_name_failures(jobs):
    items = [f"{n} // {n % 3}" for n in range(40)]  # divides by zero now and then
    made = list(each(eval, items, jobs, chunk=3))
    assert [item for item, _ in made] == items
    for number, (_, result) in enumerate(made):
        if number % 3:
            assert result == number // (number % 3)
        else:
            assert isinstance(result, Failure) and result.type == "ZeroDivisionError"


def test_a_dying_process_costs_one_item():
    items = ["1", "2", "__import__('os')._exit(3)", "4", "5", "6", "7", "8", "9"]
    made = [result for _, result in each(eval, items, 2, chunk=2)]
    assert isinstance(made[2], Failure) and made[2].type == "WorkerDied"
    assert [r for r in made if not isinstance(r, Failure)] == [1, 2, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_full_disk_in_a_worker_stops_all(jobs):
    bad = f"(_ for _ in ()).throw(OSError({errno.ENOSPC}, 'full', '/x/y'))"
    with pytest.raises(ManifestError, match="/x/y: expected room to write"):
        list(each(eval, ["1", bad, "3"], jobs, chunk=1))


def test_unknown_length_is_counted(tmp_path):
    path = tmp_path / "x.wav"
    soundfile.write(path, np.zeros(8000), 8000)
    shutil.copy(path, tmp_path / "y.bin")
    assert read_facts(str(tmp_path / "y.bin")).duration_s == 1.0
