# SPDX-License-Identifier: MIT
import os
from pathlib import Path

import pytest

from unsung.audio.sources import Source, expand
from unsung.types import Manifest, Track


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.mp3", "a.wav", "sub/c.FLAC", "sub/deep/d.mkv", "note.txt", ".hidden.mp3"):
        path = tmp_path / "music" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "music" / ".git").mkdir()
    (tmp_path / "music" / ".git" / "e.mp3").write_bytes(b"x")
    return tmp_path


def joined(*parts):
    return str(Path(*parts))


def paths(*inputs):
    return [source.path for source in expand(inputs)]


def test_a_folder_is_searched_in_depth_sorted_without_hidden_and_unknown(tree):
    assert paths("music") == [
        joined("music", *parts)
        for parts in (("a.wav",), ("b.mp3",), ("sub", "c.FLAC"), ("sub", "deep", "d.mkv"))
    ]
    assert {source.kind for source in expand(["music"])} == {"file"}


def test_a_named_file_is_taken_whatever_its_extension(tree):
    (only,) = expand(["music/note.txt"])
    assert only == Source("music/note.txt", "file", "music/note.txt")


def test_symlink_loops_end(tree):
    (tree / "music" / "sub" / "loop").symlink_to(tree / "music", target_is_directory=True)
    (tree / "music" / "z").symlink_to(tree / "music" / "sub", target_is_directory=True)
    (tree / "music" / "broken.mp3").symlink_to(tree / "gone.mp3")
    found = paths("music")
    assert len(found) == len({os.path.realpath(path) for path in found}) == 4


def test_globs(tree):
    assert paths("music/*.mp3") == [joined("music", "b.mp3")]
    assert len(paths("music/**")) == 4
    assert paths("music/**/*.mkv") == [joined("music", "sub", "deep", "d.mkv")]
    assert paths("music/*.txt") == [joined("music", "note.txt")]
    assert paths("mus*") == paths("music")
    (tree / "odd[1].mp3").write_bytes(b"x")
    assert paths("odd[1].mp3") == ["odd[1].mp3"]


def test_nothing_found_is_a_row_and_the_rest_goes_on(tree):
    (tree / "empty").mkdir()
    rows = list(expand(["gone.mp3", "*.nothing", "empty", "a\x00b", "music/b.mp3"]))
    assert [row.kind for row in rows] == ["missing"] * 4 + ["file"]
    assert "gone.mp3: no such file" in rows[0].reason
    assert "nothing matches" in rows[1].reason
    assert "no file with a known audio extension" in rows[2].reason


def test_standard_input_and_addresses():
    rows = list(expand(["-", "https://example.org/a.mp3"]))
    assert [row.kind for row in rows] == ["stdin", "url"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_playlists(tree, encoding):
    name = "b\u00e9.mp3"
    (tree / "music" / name).write_bytes(b"x")
    uri = (tree / "music" / "a.wav").as_uri()
    text = (
        f"#EXTM3U\n#EXTINF:3,x\n{name}\r\n\n{uri}\nhttp://example.org/s.mp3\n"
        "#EXTVLCOPT:start-time=12.5\nsub/c.FLAC\nlost.mp3\n"
    )
    (tree / "music" / "list.m3u8").write_bytes(text.encode(encoding))
    rows = list(expand(["music/list.m3u8"]))
    assert [row.kind for row in rows] == ["file", "file", "url", "file", "missing"]
    assert rows[0].path == joined("music", name)
    assert rows[1].path == str(tree / "music" / "a.wav")
    assert [row.start_s for row in rows] == [None, None, None, 12.5, None]
    assert "a list names it" in rows[4].reason


def test_file_addresses_are_unquoted(tree):
    (tree / "my song.mp3").write_bytes(b"x")
    (tree / "l.m3u").write_text("file://" + str(tree / "my song.mp3").replace(" ", "%20") + "\n")
    assert [row.kind for row in expand(["l.m3u"])] == ["file"]


def test_csv_carries_label_and_group(tree):
    (tree / "music" / "rows.csv").write_text(
        "path,label,source,start_s\nb.mp3,ai,page1,96.6\na.wav,human,page2,\n", encoding="utf-8-sig"
    )
    rows = list(expand(["music/rows.csv"]))
    assert [(r.label, r.group, r.start_s) for r in rows] == [
        ("ai", "page1", None),  # start_s of a table is where the excerpt was cut from
        ("human", "page2", None),
    ]
    assert rows[0].path == joined("music", "b.mp3")
    (tree / "g.csv").write_text("id,path,group,source\nx1,music/b.mp3,g,s\n")
    (row,) = expand(["g.csv"])
    assert (row.track_id, row.group) == ("x1", "g")


def test_manifests_written_by_save(tree):
    tracks = (
        Track("t1", "b.mp3", "ai", group="g1"),
        Track("t2", str(tree / "music" / "a.wav"), "human"),
    )
    Manifest("m", "1", tracks).save(tree / "music" / "m.jsonl")
    rows = list(expand(["music/m.jsonl"]))
    assert [(r.kind, r.track_id, r.label, r.group) for r in rows] == [
        ("file", "t1", "ai", "g1"),
        ("file", "t2", "human", ""),
    ]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("x.csv", "file,label\na.wav,ai\n", "a column named 'path', found file, label"),
        ("x.csv", "", "found none"),
        ("x.csv", "path\n", "names no files"),
        ("x.jsonl", "not json\n", "line 1 is no JSON"),
        ("x.jsonl", '{"path": "a.wav"}\n{"nopath": 1}\n', "line 2: expected an object"),
        ("x.jsonl", '{"manifest": "m", "version": "1", "sha256": "0"}\n', "changed after"),
        ("x.m3u", "#EXTM3U\n", "names no files"),
    ],
)
def test_bad_lists_are_one_row(tree, name, text, words):
    (tree / name).write_text(text)
    (row,) = expand([name])
    assert row.kind == "missing"
    assert words in row.reason


def test_plain_json_lines_with_paths(tree):
    (tree / "x.jsonl").write_text('{"path": "music/b.mp3", "label": "ai"}\n\n')
    (row,) = expand(["x.jsonl"])
    assert (row.kind, row.label) == ("file", "ai")


def test_undecodable_names_survive(tree):
    name = b"music/caf\xe9.mp3"
    try:
        with open(name, "wb") as file:  # noqa: PTH123
            file.write(b"x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    found = [source for source in expand(["music"]) if "caf" in source.path]
    assert len(found) == 1
    assert os.fsencode(found[0].path) == name
    assert Source.from_dict(found[0].to_dict()) == found[0]
