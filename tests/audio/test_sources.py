# SPDX-License-Identifier: MIT
import io
import os
import unicodedata
from pathlib import Path
from urllib.parse import quote

import pytest

from unsung.audio.sources import Source, expand
from unsung.scanning.output import CsvWriter, json_line
from unsung.types import Manifest, Score, Track


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
    rows = list(expand(["music"]))
    found = [row.path for row in rows if row.kind == "file"]
    assert len(found) == len({os.path.realpath(path) for path in found}) == 4
    assert [row.path for row in rows if row.kind == "missing"] == [joined("music", "broken.mp3")]


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
        ("x.jsonl", "not json\n", "line 1 is no row"),
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


LISTS = {
    "percent.m3u8": "my%20song%23.mp3\n",
    "address.m3u": "file:{folder}/my%20song%23.mp3\n",
    "host.m3u": "file://localhost{folder}/my%20song#.mp3\n",
    "spaces.m3u": "  my song#.mp3\t\n",
    "back.m3u8": "..\\music\\my song#.mp3\r\n",
    "drive.m3u8": "D:\\music\\my song#.mp3\r\n",
    "rooted.m3u8": "/music/my song#.mp3\n",
    "case.m3u8": "MY SONG#.MP3\n",
    "mac.m3u": "#EXTM3U\r#EXTINF:3,x\rmy song#.mp3\r",
    "p.pls": "[playlist]\nNumberOfEntries=1\nTitle1=x\nfile1 = my song#.mp3\nLength1=3\n",
    "x.xspf": "<?xml version='1.0'?><playlist xmlns='http://xspf.org/ns/0/'><title>t</title>"
    "<trackList><track><title>x</title><location>my%20song%23.mp3</location>"
    "<location>other.mp3</location></track></trackList></playlist>",
    "semicolon.csv": "label;path\nai;my song#.mp3\n",
    "bar.csv": "sep=|\nlabel|path\nai|my song#.mp3\n",
    "nested.m3u": "percent.m3u8\n",
}


@pytest.mark.skipif(os.sep != "/", reason="the forms of other systems")
@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_lists_as_other_programs_write_them(tree, name, encoding):
    folder = tree / "music"
    (folder / "my song#.mp3").write_bytes(b"x")
    encoding = "utf-8" if name.endswith("xspf") else encoding  # XML states its own
    for each, text in LISTS.items():
        data = text.replace("{folder}", str(folder)).encode(encoding if each == name else "utf-8")
        (folder / each).write_bytes(data)
    (row,) = expand([joined("music", name)])
    assert row.kind == "file", row.reason
    assert Path(row.path).samefile(folder / "my song#.mp3")


@pytest.mark.parametrize(
    ("page", "song"),
    [
        ("cp1252", "Bj\u00f6rk \u2013 d\u00e9j\u00e0.mp3"),
        ("cp1250", "P\u0159\u00edli\u0161 \u017elu\u0165ou\u010dk\u00fd.mp3"),
        ("cp1251", "\u041a\u0438\u043d\u043e.mp3"),
        ("cp932", "\u8868\u793a\u30bd.mp3"),  # its second bytes are backslashes
    ],
)
@pytest.mark.parametrize("form", ["l.m3u", "l.csv", "l.pls", "percent.m3u"])
@pytest.mark.parametrize("stored", ["NFC", "NFD"])
def test_what_exists_tells_the_code_page(tree, page, song, form, stored):
    (tree / "music" / unicodedata.normalize(stored, song)).write_bytes(b"x")
    raw = song.encode(page)
    data = {
        "l.m3u": b"#EXTM3U\n" + raw + b"\n",
        "l.csv": b"path;label\n" + raw + b";ai\n",
        "l.pls": b"[playlist]\nFile1=" + raw + b"\n",
        "percent.m3u": quote(raw).encode() + b"\n",
    }[form]
    (tree / "music" / form).write_bytes(data)
    (row,) = expand([joined("music", form)])
    if (stored, form) == ("NFD", "l.csv"):
        return  # a table has one page, told by exact names
    assert row.kind == "file"
    assert unicodedata.normalize("NFC", Path(row.path).name) == song


def test_a_name_as_written_comes_before_every_other_form(tree):
    for name in ("a%20b.mp3", "a b.mp3", "A B.mp3"):
        (tree / name).write_bytes(b"x")
    (tree / "l.m3u").write_text("a%20b.mp3\na b.mp3\nA B.mp3\n")
    assert paths("l.m3u") == ["a%20b.mp3", "a b.mp3", "A B.mp3"]


def test_lists_that_name_lists_end_and_say_so(tree):
    (tree / "a.m3u").write_text("b.m3u\nmusic/b.mp3\n")
    (tree / "b.m3u").write_text("a.m3u\nb.m3u\nmusic\n")
    kinds = [row.kind for row in expand(["a.m3u"])]
    assert kinds == ["missing", "missing", "file", "file", "file", "file", "file"]


@pytest.mark.parametrize(
    "bad",
    ["{", "[1]", '{"nopath": 1}', '{"path": 1}', "[" * 100_000, '{"a":' * 100_000, "1" * 5000],
)
def test_a_bad_line_costs_no_other(tree, bad):
    lines = ['{"path": "music/b.mp3"}', bad, '{"path": "music/a.wav"}']
    (tree / "x.jsonl").write_text("\n".join(lines))
    assert [row.kind for row in expand(["x.jsonl"])] == ["file", "missing", "file"]
    (tree / "y.jsonl").write_text(bad)
    (row,) = expand(["y.jsonl"])
    assert row.kind == "missing"


ODD = [
    "\x85",
    "\u2028",
    "\u2029",
    "\x1c",
    "\x0b",
    "\x0c",
    "\r",
    "\n",
    "\x1b[2J",
    "\x9b",
    "\t",
    '"',
    "'",
]
ODD += [",", ";", "\\", "%20", "\x7f", "\udce9", "=1+1", " "]


@pytest.mark.skipif(os.sep != "/", reason="names that only POSIX takes")
@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_our_own_rows_are_read_whatever_a_file_is_called(tree, odd):
    names = [f"music/{odd}x.mp3", f"music/y{odd}.mp3", "music/b.mp3"]
    for name in names:
        Path(name).write_bytes(b"x")
    rows = [Score(name) for name in names]
    (tree / "r.jsonl").write_text("".join(map(json_line, rows)), encoding="utf-8")
    assert paths("r.jsonl") == names
    for line in map(json_line, rows):
        assert line.rstrip("\n").isprintable() or (line.isascii() and "\x7f" not in line)
    stream = io.StringIO()
    writer = CsvWriter(stream)
    for score in rows:
        writer.write(score)
    (tree / "r.csv").write_bytes(stream.getvalue().encode())
    assert [row.path for row in expand(["r.csv"])] == names
    assert stream.getvalue().count("\n") == 4


@pytest.mark.parametrize("ending", ["m3u", "m3u8", "pls", "xspf", "jsonl", "csv"])
def test_lists_that_are_no_files_or_have_no_end(tree, ending):
    pipe, huge = f"pipe.{ending}", f"huge.{ending}"
    os.mkfifo(pipe)
    with (tree / huge).open("wb") as file:
        file.truncate(20 << 30)
    for name in (pipe, huge):
        rows = list(expand([name]))
        assert [row.kind for row in rows] == ["missing"]


def test_a_list_with_a_doctype_is_refused(tree):
    (tree / "x.xspf").write_text("<!DOCTYPE a [<!ENTITY b 'c'>]><playlist/>")
    (row,) = expand(["x.xspf"])
    assert row.kind == "missing"
