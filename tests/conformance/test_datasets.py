# SPDX-License-Identifier: MIT
"""Every registered corpus: complete facts, unique ids, the same tracks twice, clear errors."""

import re
import runpy
import sys
from pathlib import Path

import pytest

from unsung import registry
from unsung.errors import DatasetError, MissingExtra, UnknownName
from unsung.types import Track

NAMES = registry.names("datasets")
TREES = runpy.run_path(str(Path(__file__).parents[1] / "data/datasets/trees.py"))["TREES"]
ADDRESS = re.compile(r"(https?://[^\s]+|hf://datasets/[\w.-]+/[\w.-]+(/.+)?|zenodo:\d+(/.+)?)")
DIGITS = {"md5": 32, "sha1": 40, "sha256": 64}


@pytest.fixture
def tree(tmp_path):
    def make(name):
        root = tmp_path / "corpus"
        root.mkdir()
        TREES[name](root)
        return root

    return make


def test_every_corpus_has_a_tree_to_be_tested_on():
    assert set(NAMES) == set(TREES)


@pytest.mark.parametrize("name", NAMES)
def test_the_facts_are_complete(name):
    info = registry.get("datasets", name).info
    for field in ("title", "licence", "citation", "instructions"):
        assert getattr(info, field).strip(), field
    assert info.homepage.startswith("https://")
    assert info.layout, "the folder's layout"
    assert info.domain in ("music", "speech", "singing")
    assert registry.summary("datasets", name)
    assert type(info).from_dict(info.to_dict()) == info


@pytest.mark.parametrize("name", NAMES)
def test_downloads_are_addresses_with_whole_checksums(name):
    info = registry.get("datasets", name).info
    for file in info.downloads:
        assert ADDRESS.fullmatch(file.url), file.url
        assert not file.subset or file.subset in info.subsets
        assert not Path(file.filename).is_absolute()
        assert ".." not in Path(file.filename).parts
        if file.checksum:
            kind, _, digest = file.checksum.partition(":")
            assert re.fullmatch(rf"[0-9a-f]{{{DIGITS[kind]}}}", digest)
    if "unstated" in info.licence or "on request" in info.licence:
        assert not info.downloads, "nothing is fetched without a licence that allows it"


@pytest.mark.parametrize("name", NAMES)
def test_tracks_are_unique_labelled_and_the_same_twice(name, tree):
    kind, root = registry.get("datasets", name), tree(name)
    for subset in kind.info.subsets or ("",):
        tracks = list(kind(root, subset).tracks())
        assert tracks
        assert tracks == list(kind(root, subset).tracks())
        assert len({track.id for track in tracks}) == len(tracks)
        assert len({track.path for track in tracks}) == len(tracks)
        for track in tracks:
            assert track.label in ("human", "ai", "resynth", "mixed")
            assert track.dataset
            assert Path(track.path).is_absolute() or (root / track.path).exists()
            assert track.split in ("", "train", "validation", "test", "hidden")
            assert not (track.label == "human" and track.generator), track
            assert Track.from_dict(track.to_dict()) == track


@pytest.mark.parametrize("name", NAMES)
def test_every_tree_has_sound_where_the_tracks_say(name, tree):
    """The paths of the adapter and of the published layout meet: most files are found."""
    root = tree(name)
    tracks = list(registry.get("datasets", name)(root).tracks())
    assert any(Path(track.path).is_file() for track in tracks)


@pytest.mark.parametrize("name", NAMES)
def test_manifest_carries_the_tracks(name, tree):
    root = tree(name)
    kind = registry.get("datasets", name)
    manifest = kind(root).manifest(name)
    assert manifest.name == name
    assert len(manifest) == len(list(kind(root).tracks()))


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_folder_is_an_error_with_the_instructions(name, tmp_path):
    kind = registry.get("datasets", name)
    with pytest.raises(DatasetError, match=re.escape(kind.info.instructions)):
        kind(tmp_path / "nowhere")


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_subset_is_an_error(name, tmp_path):
    with pytest.raises(UnknownName, match="subset"):
        registry.get("datasets", name)(tmp_path, "smalll")


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_folder_is_an_error_that_says_what_is_expected(name, tmp_path):
    with pytest.raises(DatasetError, match=re.escape(str(tmp_path))):
        list(registry.get("datasets", name)(tmp_path).tracks())


@pytest.mark.parametrize(
    ("name", "file", "column"),
    [
        ("fakeavceleb", "FakeAVCeleb_v1.2/meta_data.csv", "type"),
        ("genius_lyrics", "song_lyrics.csv", "lyrics"),
        ("in_the_wild", "release_in_the_wild/meta.csv", "label"),
        ("musiccaps", "musiccaps-public.csv", "end_s"),
        ("sonics", "real_songs.csv", "youtube_id"),
        ("sonics", "fake_songs.csv", "no_vocal"),
    ],
)
def test_a_missing_column_is_named_with_file_and_line(name, file, column, tree):
    root = tree(name)
    text = (root / file).read_text(encoding="utf-8")
    assert column in text.splitlines()[0].split(",")
    (root / file).write_text(text.replace(column, "other", 1), encoding="utf-8")
    with pytest.raises(DatasetError, match=f"{file}, line 1: the column {column} is missing"):
        list(registry.get("datasets", name)(root).tracks())


@pytest.mark.parametrize(
    ("name", "package"),
    [("huggingface", "datasets"), ("aime", "pyarrow"), ("aime", "pyarrow.parquet")],
)
def test_an_absent_package_is_named_with_its_extra(name, package, tree, monkeypatch):
    root = tree(name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=r"'\.\[data\]'"):
        list(registry.get("datasets", name)(root).tracks())


def test_an_empty_corpus_makes_no_manifest(tree):
    root = tree("genius_lyrics")
    (root / "audio/3.mp3").unlink()
    with pytest.raises(DatasetError, match=r"no track of Genius song lyrics found"):
        registry.get("datasets", "genius_lyrics")(root).manifest("songs")


def test_the_page_of_corpora_is_in_step():
    from unsung.data.datasets._page import refreshed

    page = (Path(__file__).parents[2] / "docs/corpora.md").read_text(encoding="utf-8")
    assert page == refreshed(page), (
        "run: python -m unsung.data.datasets._page docs/corpora.md (a corpus' facts changed)"
    )
    assert all(f"| `{name}` |" in page for name in NAMES)
