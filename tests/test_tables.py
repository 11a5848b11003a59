# SPDX-License-Identifier: MIT
"""Tables: read as other programs write them, written so that no name forges a row."""

import csv
import io
import os
import re
from pathlib import Path

import pytest

import unsung
from unsung.errors import ManifestError, UnsungError
from unsung.runtime import load_bundle
from unsung.runtime.weights import read_safetensors
from unsung.scanning.calibration import load_calibration
from unsung.scanning.output import read_scores
from unsung.tables import Table, csv_line, number
from unsung.text import open_text, parse_json
from unsung.types import Manifest

SOURCE = Path(unsung.__file__).parent
SIGNS = [chr(code) for code in (*range(0x30), 0x3B, 0x3D, 0x40, 0x5C, 0x7C, *range(0x7F, 0xA1))]
SIGNS += ["\u2028", "\u2029", "\ufeff", "\uff1d", "\udce9", "\U0001f3b5", "\r\n", "'=", "-5", "''+"]


@pytest.mark.parametrize("sign", SIGNS, ids=ascii)
@pytest.mark.parametrize("form", ["{}x", "x{}y", "x{}", "{}"])
def test_no_cell_forges_a_row_or_a_formula(tmp_path, sign, form):
    cell = form.format(sign)
    line = csv_line([cell, 1.5, cell, None])
    assert line.count("\n") == 1 and line.endswith("\n")
    assert re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]", line) is None
    line.encode()
    for newline in ("", None):  # as another program may open it
        (row,) = csv.reader(io.StringIO(line, newline=newline))
        assert len(row) == 4 and row[1] == "1.5" and row[0] == row[2]
        assert row[0][:1] not in tuple("=+-@\uff1d") or re.fullmatch(r"-\d+", row[0])
    path = tmp_path / "t.csv"
    path.write_text(csv_line(["a", "b", "c", "d"]) + line, encoding="utf-8", newline="")
    (read,) = Table(path).rows()
    if cell.isprintable():
        assert read.cells["a"] == cell
    assert number(Table(path), read, "b") == 1.5


def test_one_writer_for_every_table():
    """Python's own writer leaves carriage returns bare in some releases and knows no formulas."""
    users = re.compile(r"csv\.(writer|DictWriter)\b")
    assert [p for p in SOURCE.rglob("*.py") if users.search(p.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1250", "cp1252"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_tables_as_spreadsheets_write_them(tmp_path, separator, encoding, end):
    song = "\u0161\u00e9.mp3"
    half = "0,5" if separator == ";" else "0.5"
    rows = [["path", " label", "score"], [song, "ai", half], ["b.mp3", "human", "-1"]]
    (tmp_path / song).write_bytes(b"x")
    text = end.join(separator.join(row) for row in rows)
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    table = Table(tmp_path / "t.csv")
    assert table.columns == ("path", "label", "score")
    first, second = table.rows()
    assert first.cells["path"] == song
    assert (number(table, first, "score"), number(table, second, "score")) == (0.5, -1.0)
    assert (first.line, second.line) == (2, 3)


def test_a_stated_separator_and_a_column_twice(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("sep=;\na;b,c\n1;2\n")
    (row,) = Table(path).rows()
    assert (row.cells, row.line) == ({"a": "1", "b,c": "2"}, 3)
    path.write_text("score,path,score\n")
    with pytest.raises(ManifestError, match="score"):
        Table(path)


DEEP = ["[" * 100_000, '{"a":' * 100_000, '{"path": ' + "[" * 100_000 + "]" * 100_000 + "}"]


@pytest.mark.parametrize("text", DEEP, ids=range(len(DEEP)))
def test_deep_json_is_an_error_of_ours_wherever_it_is_read(tmp_path, text):
    with pytest.raises(ValueError, match="JSON"):
        parse_json(text)
    path = tmp_path / "bundle.json"
    path.write_text(text)
    data = text.encode()
    (tmp_path / "w.safetensors").write_bytes(len(data).to_bytes(8, "little") + data)
    for read in (
        lambda: load_bundle(tmp_path),
        lambda: read_safetensors(tmp_path / "w.safetensors"),
        lambda: load_calibration(path),
        lambda: list(read_scores(path)),
        lambda: Manifest.load(path),
    ):
        with pytest.raises(UnsungError):
            read()


def test_no_other_reader_of_json():
    """`json.loads` raises RecursionError, which no reader of files expects."""
    frames = {"api/worker.py", "api/process.py", "synthesis/generators/ace_step.py"}  # our own
    found = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if re.search(r"\bjson\.loads?\(", path.read_text(encoding="utf-8"))
    }
    assert found == {"text.py", *frames}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "t.csv")
    with pytest.raises(OSError, match="regular"):
        open_text(tmp_path / "t.csv")
    with pytest.raises(ManifestError):
        Table(tmp_path / "t.csv")
