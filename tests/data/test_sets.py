# SPDX-License-Identifier: MIT
"""Mini-sets, counts and exports: each form is read back by the tool it was made for."""

from __future__ import annotations

import gc
import json
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from unsung.data import read_manifest
from unsung.data.export import FORMATS, export
from unsung.data.sample import copy_audio, sample
from unsung.data.stats import stats
from unsung.errors import ManifestError, UnknownName, UsageError
from unsung.types import Manifest

from .music import track, write_song


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("uvwxyz")), max_size=60),
    st.integers(1, 10),
    st.integers(0, 2),
)
def test_a_sample_holds_n_of_each_generator(rows, n, seed):
    tracks = tuple(track(str(i), "ai", generator=g, group=p) for i, (g, p) in enumerate(rows))
    manifest = Manifest("m", "1", tracks)
    made = sample(manifest, n, seed)
    there = Counter(t.generator for t in manifest)
    assert Counter(t.generator for t in made) == {g: min(n, k) for g, k in there.items()}
    assert made == sample(manifest, n, seed)
    places = [int(t.id) for t in made]
    assert places == sorted(places)


def test_whole_groups_go_first():
    tracks = [track(f"{g}{i}", group=g) for g in "abcdefgh" for i in range(4)]
    for seed in range(5):
        made = sample(Manifest("m", "1", tuple(tracks)), 8, seed)
        assert sorted(Counter(t.group for t in made).values()) == [4, 4]
    assert sample(Manifest("m", "1", tuple(tracks)), 8, 1) != made
    with pytest.raises(UsageError, match="at least 1 track"):
        sample(Manifest("m", "1", ()), 0)


@pytest.fixture
def manifest(tmp_path):
    rows = [
        track(
            f"s/{i}.x",
            ("human", "ai")[i % 2],
            path=str(write_song(tmp_path / "src" / f"{i}.flac", i, 3.0)),
            generator=("", "Suno")[i % 2],
            group=f"g{i}",
            split=("train", "test")[i // 2 % 2],
            duration_s=3.0,
            sample_rate_hz=22050,
            channels=1,
            codec="flac",
            bitrate_kbps=150.0 + i,
            licence="MIT",
            segments=((0.0, 1.5, "ai"),) if i % 2 else (),
        )
        for i in range(5)
    ]
    return Manifest("set", "3", tuple(rows))


def test_copies_whole_and_cut(manifest, tmp_path):
    whole = copy_audio(manifest, tmp_path / "whole")
    for old, new in zip(manifest, whole.manifest, strict=True):
        assert Path(new.path).read_bytes() == Path(old.path).read_bytes()
        assert len(new.sha256) == 64 and new.segments == old.segments
    gone = replace(manifest.tracks[0], id="gone", path=str(tmp_path / "gone.wav"))
    some = Manifest("m", "1", (*manifest.tracks, gone))
    cut = copy_audio(some, tmp_path / "cut", 1.0, jobs=2)
    assert [name for name, _ in cut.problems] == ["gone"] and len(cut.manifest) == 5
    sound, rate = soundfile.read(cut.manifest.tracks[0].path)
    source, _ = soundfile.read(manifest.tracks[0].path)
    assert rate == 22050 and sound == pytest.approx(source[22050 : 2 * 22050], abs=1e-6)
    assert cut.manifest.tracks[0].duration_s == 1.0 and cut.manifest.tracks[1].segments == ()
    with pytest.raises(UsageError, match="a cut above 0 s"):
        copy_audio(manifest, tmp_path / "x", 0.0)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_tables_come_back(manifest, tmp_path, form):
    out = tmp_path / f"out.{form}"
    assert export(manifest, out, form) == []
    assert read_manifest(out).tracks == manifest.tracks


def test_webdataset_shards_come_back(manifest, tmp_path):
    import webdataset

    export(manifest, tmp_path / "shards", "webdataset", shard_tracks=2)
    names = sorted(str(path) for path in (tmp_path / "shards").iterdir())
    assert len(names) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the reader leaves its files open
        found = list(webdataset.WebDataset(names, shardshuffle=False))
        gc.collect()
    assert len(found) == 5
    for sample_, row in zip(found, manifest, strict=True):
        assert sample_["flac"] == Path(row.path).read_bytes()
        assert json.loads(sample_["json"])["id"] == row.id
        assert sample_["cls"] == (b"0" if row.label == "human" else b"1")


def test_a_hugging_face_dataset_comes_back(manifest, tmp_path):
    import datasets

    export(manifest, tmp_path / "hf", "datasets")
    found = datasets.load_from_disk(str(tmp_path / "hf"))
    assert found.features["audio"] == datasets.Audio(decode=False)
    assert len(found) == 5
    for row, old in zip(found, manifest, strict=True):
        assert row["audio"]["bytes"] == Path(old.path).read_bytes()
        assert (row["id"], row["label"], row["channels"]) == (old.id, old.label, 1)
        assert json.loads(row["segments"]) == [list(s) for s in old.segments]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hf", "src"]


@pytest.mark.parametrize("form", ["webdataset", "datasets"])
def test_unreadable_files_are_left_out(manifest, tmp_path, form):
    gone = replace(manifest.tracks[0], id="gone", path=str(tmp_path / "gone.wav"))
    some = Manifest("m", "1", (gone, *manifest.tracks[1:]))
    left = export(some, tmp_path / "out", form)
    assert len(left) == 1 and left[0].startswith("gone: No such file")
    with pytest.raises(ManifestError, match="expected a new or empty folder"):
        export(some, tmp_path / "out", form)
    with pytest.raises(ManifestError, match="no file could be read"):
        export(Manifest("m", "1", (gone,)), tmp_path / "none", form)


def test_an_unknown_form():
    with pytest.raises(UnknownName, match="did you mean 'parquet'"):
        export(Manifest("m", "1", ()), Path("x"), "parqet")
    assert sorted(FORMATS) == list(FORMATS)


def test_counts_are_those_of_the_rows(manifest):
    made = stats(manifest)
    assert (made.n, made.n_groups, made.labels) == (5, 5, {"human": 3, "ai": 2})
    assert made.hours == pytest.approx(15 / 3600)
    cells = {(c.label, c.generator, c.split): c.n for c in made.cells}
    assert cells == {
        ("human", "", "train"): 2,
        ("human", "", "test"): 1,
        ("ai", "Suno", "train"): 1,
        ("ai", "Suno", "test"): 1,
    }
    assert made.properties["codec"] == {"flac": {"human": 3, "ai": 2}}
    assert made.properties["family"] == {"?": {"human": 3, "ai": 2}}
    length = next(h for h in made.histograms if h.name == "duration_s")
    assert sum(map(sum, length.counts.values())) == 5 and length.edges[-1] >= 3.0
    assert {c.feature for c in made.confounds} >= {"codec", "duration_s"}


def test_unknown_numbers_and_an_empty_manifest_are_counted():
    bare = stats(Manifest("m", "1", (track("a"), track("b", "ai", duration_s=2.0))))
    assert [h.n_unknown for h in bare.histograms] == [1, 2]
    assert stats(Manifest("m", "1", ())).n == 0
