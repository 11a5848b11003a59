# SPDX-License-Identifier: MIT
"""One entry that cannot be looked at is one row, wherever it stands and whatever its fault."""

import errno
import json
import os
import socket
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from unsung.audio import folders
from unsung.audio.sources import expand
from unsung.audio.write import write
from unsung.data.build import build, source_tracks
from unsung.data.cache import Cache
from unsung.data.datasets._files import audio_files
from unsung.scanning.watch import Watch
from unsung.types import Clip

FAULTS = [errno.EACCES, errno.ELOOP, errno.ESTALE, errno.EIO, errno.ENAMETOOLONG, errno.ETIMEDOUT]
GOOD = ["music/a.mp3", "music/human/b.mp3", "music/z.mp3"]


@pytest.fixture
def music(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in GOOD:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"x")
    return Path("music")


@pytest.fixture
def bad(music):
    """Put every kind of bad entry into the folder; return their names."""
    (music / "loop.mp3").symlink_to("loop.mp3")
    (music / "loop").symlink_to("loop")
    (music / "gone.mp3").symlink_to("nothing.mp3")
    (music / "gone").symlink_to("nothing")
    os.mkfifo(music / "pipe.mp3")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(music / "socket.flac"))
    return ["gone", "gone.mp3", "loop", "loop.mp3", "pipe.mp3", "socket.flac"]


def kinds(*inputs):
    rows = list(expand(inputs))
    assert all(row.reason for row in rows if row.kind == "missing")
    return ([row.path for row in rows if row.kind == kind] for kind in ("file", "missing"))


@pytest.mark.parametrize("inputs", [["music"], ["music/**"], ["mus*"], ["music", "music/*.none"]])
def test_every_bad_entry_is_a_row_and_every_good_one_a_file(bad, inputs):
    good, missing = kinds(*inputs)
    assert sorted(good) == GOOD
    assert [Path(p).name for p in missing if "*" not in p] == bad


def test_named_one_by_one_they_are_rows_too(bad):
    for name in bad:
        good, missing = kinds(f"music/{name}")
        assert (good, missing) == ([], [f"music/{name}"])


class FaultyEntry:
    """An entry of which one look fails."""

    def __init__(self, entry, call, code):
        self._entry, self._call, self._code = entry, call, code
        self.name, self.path = entry.name, entry.path

    def __getattr__(self, name):
        if name == self._call and self._entry.name in ("human", "a.mp3"):
            raise OSError(self._code, os.strerror(self._code), self.path)
        return getattr(self._entry, name)


@pytest.fixture(params=["scandir", "stat", "is_dir", "listing"])
def faulty(request, monkeypatch, music):
    """Let one call fail for one entry (for is_dir: two) with each code in turn."""
    real_scandir, real_stat = os.scandir, os.stat

    def make(code):
        def error(path):
            return OSError(code, os.strerror(code), str(path))

        class Listing:
            def __init__(self, path):
                self._path, self._inner = path, real_scandir(path)

            def __enter__(self):
                return self

            def __exit__(self, *_):
                self._inner.close()

            def __iter__(self):
                for entry in self._inner:
                    yield FaultyEntry(entry, request.param, code)
                if request.param == "listing" and str(self._path) == "music/human":
                    raise error(self._path)

        def scandir(path):
            if request.param == "scandir" and str(path) == "music/human":
                raise error(path)
            return Listing(path)

        def stat(path, *args, **options):
            if request.param == "stat" and str(path) == "music/human":
                raise error(path)
            return real_stat(path, *args, **options)

        monkeypatch.setattr(folders.os, "scandir", scandir)
        monkeypatch.setattr(folders.os, "stat", stat)
        return request.param

    return make


@pytest.mark.parametrize("code", FAULTS)
@pytest.mark.parametrize("pattern", ["music", "music/**", "music/**/*.mp3", "music/*"])
def test_every_fault_of_every_call_is_a_row(faulty, code, pattern):
    call = faulty(code)
    good, missing = kinds(pattern)
    lost = {"is_dir": GOOD[:2], "listing": []}.get(call, GOOD[1:2])
    assert sorted(good) == [name for name in GOOD if name not in lost]
    assert missing == {"is_dir": ["music/a.mp3", "music/human"]}.get(call, ["music/human"])


@pytest.mark.parametrize("code", FAULTS)
def test_a_corpus_folder_gives_them_to_whoever_reads_the_files(faulty, code):
    call = faulty(code)
    found = {str(path) for path in audio_files(Path("music"))}
    assert {"music/a.mp3", "music/z.mp3"} <= found
    if call != "stat":  # which it does not need
        assert "music/human" in found
    assert ("music/human/b.mp3" in found) == (call in ("listing", "stat"))


def test_a_build_lists_what_is_bad_and_keeps_the_rest(bad, tmp_path):
    write(Path("music/good.wav"), Clip(noise_samples(), 16000))
    Path("corpus").mkdir()
    Path("music").rename("corpus/human")
    with Cache(tmp_path / "cache") as cache:
        built = build(source_tracks(Path("corpus")), tmp_path / "m.jsonl", cache)
    assert (built.n_tracks, built.n_problems) == (1, len(GOOD) + len(bad) - 1)
    listed = {
        Path(row["path"]).name for row in map(json.loads, built.problems.read_text().splitlines())
    }
    assert {"loop", "loop.mp3", "gone.mp3", "pipe.mp3", "socket.flac"} <= listed


def noise_samples():
    rng = np.random.default_rng(0)
    return rng.normal(0, 0.1, (1, 32000)).astype(np.float32)


def test_a_watch_goes_on_and_says_each_once(bad):
    watch = Watch(["music"], interval_s=0.01, settle_s=0)
    seen = Counter()
    for number, source in enumerate(watch):
        seen[source.kind] += 1
        if number == len(bad) + len(GOOD) - 1:
            Path("music/late.mp3").write_bytes(b"x")
        if source.path == "music/late.mp3":
            watch.stop()
    assert seen == {"file": len(GOOD) + 1, "missing": len(bad)}


def test_what_is_left_out_is_counted_by_extension(music):
    for name in ("a.jpg", "b.JPG", "human/c.txt", "list.m3u", ".hidden", "README"):
        (music / name).write_bytes(b"x")
    left_out = Counter()
    assert len(list(expand(["music"], left_out))) == len(GOOD)
    assert left_out == {".jpg": 2, ".txt": 1, ".m3u": 1, "": 1}


def test_folders_may_be_nested_deeper_than_calls(music):
    depth = sys.getrecursionlimit() + 100
    here = Path.cwd()
    os.chdir("music")
    try:
        for _ in range(depth):
            Path("d").mkdir()
            os.chdir("d")
        Path("deep.mp3").write_bytes(b"x")
        os.chdir(here)
        good, _ = kinds("music")
        assert len(good) == len(GOOD) + 1
    finally:  # from below: what tidies up after tests calls itself
        os.chdir("/".join(["music", *["d"] * depth]))
        Path("deep.mp3").unlink()
        for _ in range(depth):
            os.chdir("..")
            Path("d").rmdir()
        os.chdir(here)
