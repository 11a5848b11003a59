# SPDX-License-Identifier: MIT
from __future__ import annotations

import csv
import io
import json
import sys

import pytest

from unsung.errors import MissingExtra, UsageError
from unsung.scanning.output import (
    COLUMNS,
    CsvWriter,
    JsonWriter,
    ParquetWriter,
    json_line,
    read_scores,
)
from unsung.types import Evidence, Failure, Peak, Provenance, Score

GOOD = Score(
    path="Björk, live/a.mp3",
    sha256="ab",
    duration_s=185.25,
    detector="default-1@123",
    windows=((0.0, 1.5), (10.0, -0.5)),
    logit=0.5,
    llr_nats=1.25,
    probability=0.75,
    prior=0.5,
    calibration="set",
    verdict="ai",
    false_alarm_rate=0.01,
    evidence=Evidence(("a peak",), (Peak(1000.0, 3.0, 0.5),), -1.0, {"x": 1.5}),
    covered_s=180.0,
    sample_rate_hz=44100,
    channels=2,
    codec="mp3",
    provenance=(Provenance("tool", "TSSE", "x"),),
)
BAD = Score("no.mp3", error=Failure("UnreadableAudio", "no such file"))


def test_json_lines_read_back(tmp_path):
    stream = io.StringIO()
    for score in (GOOD, BAD):
        JsonWriter(stream).write(score)
    path = tmp_path / "s.jsonl"
    path.write_text(stream.getvalue(), encoding="utf-8")
    assert list(read_scores(path)) == [GOOD, BAD]
    assert "Björk" in stream.getvalue()


def test_a_name_that_is_no_unicode_stays_readable():
    score = Score("caf\udce9.mp3")
    line = json_line(score)
    assert line.isascii() and json.loads(line)["path"] == "caf\udce9.mp3"


def test_read_scores_names_the_line(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_text(json_line(BAD) + '{"path": "x", "verdct": 1}\n')
    with pytest.raises(UsageError, match=r"line 2.*did you mean 'verdict'"):
        list(read_scores(path))


def test_csv_has_the_same_names_and_flat_errors():
    stream = io.StringIO()
    writer = CsvWriter(stream)
    for score in (GOOD, BAD, Score("caf\udce9.mp3")):
        writer.write(score)
    stream.getvalue().encode("utf-8")
    good, bad, _ = csv.DictReader(io.StringIO(stream.getvalue()))
    assert list(good) == COLUMNS
    assert set(Score("x").to_dict()) - {"error"} == set(COLUMNS) - {"error.type", "error.message"}
    assert good["path"] == GOOD.path and float(good["logit"]) == GOOD.logit
    assert json.loads(good["windows"]) == [[0.0, 1.5], [10.0, -0.5]]
    assert json.loads(good["evidence"])["peaks"][0]["hz"] == 1000.0
    assert (bad["error.type"], bad["logit"], bad["windows"]) == ("UnreadableAudio", "", "")


def test_parquet_keeps_types(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "s.parquet"
    with ParquetWriter(path) as writer:
        for score in (GOOD, BAD, Score("caf\udce9.mp3")):
            writer.write(score)
        assert not path.exists()
    assert list(tmp_path.iterdir()) == [path]
    rows = parquet.read_table(path).to_pylist()
    assert list(rows[0]) == COLUMNS
    assert rows[0]["windows"] == [[0.0, 1.5], [10.0, -0.5]] and rows[0]["channels"] == 2
    assert rows[1]["error.type"] == "UnreadableAudio" and rows[1]["logit"] is None


def test_parquet_keeps_what_was_done_before_an_interruption(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "s.parquet"
    with pytest.raises(KeyboardInterrupt), ParquetWriter(path) as writer:
        writer.write(GOOD)
        raise KeyboardInterrupt
    assert parquet.read_table(path).num_rows == 1


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"'\.\[tables\]'"):
        ParquetWriter(tmp_path / "s.parquet")


def test_parquet_where_nothing_can_be_written(tmp_path):
    pytest.importorskip("pyarrow")
    with pytest.raises(UsageError, match="cannot be written"):
        ParquetWriter(tmp_path / "no" / "s.parquet")
