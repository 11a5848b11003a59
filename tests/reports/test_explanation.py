# SPDX-License-Identifier: MIT
"""The folder of an explained song: tables that add up, a page without addresses, safe names."""

import csv
import json
import re

import numpy as np
import pytest

from unsung.audio import signals
from unsung.explainers import Counterfactual, Explained, listen
from unsung.explainers._counterfactual import Judged
from unsung.reports._relevance import draw_relevance, gridded, time_ticks
from unsung.reports.axes import Axis
from unsung.reports.explanation import summary, write_explanation
from unsung.reports.song import LARGEST_BYTES
from unsung.types import Clip, Explanation

RATE = 16000


def explained(path="song.mp3", target="ai"):
    relevance = np.zeros((2, 80, 12), np.float32)
    relevance[0, 30, 6] = 1.5  # 3 kHz at 3 s
    relevance[1, 10] = -0.05
    freqs = (np.arange(80, dtype=np.float32)) * 100
    times = 0.25 + 0.5 * np.arange(12, dtype=np.float32)
    sound = signals.noise(0, 6.0, RATE, 0.05) + signals.tone(3000.0, 6.0, RATE, 0.1)
    turn = Counterfactual(
        "comb", 250.0, 8000.0, 78.125, 300.0, Judged(2.0, "ai"), Judged(-1.0, "undecided"),
        Judged(1.9, "ai"), 2,
    )  # fmt: skip
    return Explained(
        path, Clip(sound[None], RATE), "exact_linear", {}, "default-1",
        Explanation(target, relevance, freqs, times, 2.0, 1.1), Judged(2.0, "ai"),
        (0.36, -1.3), 0.01, (turn,), 0.1, True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("why")
    found = explained()
    write_explanation(found, listen(found.explanation, found.clip), out, command="unsung explain x")
    return out


def test_everything_promised_is_there(folder):
    assert {p.name for p in folder.iterdir()} == {
        "index.html", "relevance.svg", "relevance.npz", "explanation.json", "bands.csv",
        "times.csv", "relevant.flac", "without.flac", "amplified.flac",
    }  # fmt: skip


def test_tables_and_arrays_add_up_to_the_logit(folder):
    for name in ("bands.csv", "times.csv"):
        rows = list(csv.DictReader((folder / name).read_text().splitlines()))
        assert sum(float(row["relevance"]) for row in rows) == pytest.approx(0.9, abs=1e-4)
    found = json.loads((folder / "explanation.json").read_text())
    assert found["gap"] == pytest.approx(0.0, abs=1e-5)
    assert found["counterfactuals"][0]["after"]["verdict"] == "undecided"
    arrays = np.load(folder / "relevance.npz")
    assert arrays["relevance"].shape == (2, 80, 12)
    assert float(arrays["logit"] - arrays["baseline"] - arrays["relevance"].sum()) == pytest.approx(
        0, abs=1e-5
    )


def test_the_page_stands_alone(folder):
    text = (folder / "index.html").read_text()
    assert len(text) < LARGEST_BYTES
    assert not re.search(r'(?:src|href)="(?!data:)', text) and "://" not in text
    assert text.count("<audio") == 4 and "Content-Security-Policy" in text
    assert "unsung explain x" in text and "multiples of 78.1" in text
    svg = (folder / "relevance.svg").read_text()
    assert "3 kHz" in svg or "2 kHz" in svg
    assert "speaks for AI" in svg


def test_a_name_with_a_script_stays_text(tmp_path):
    page = write_explanation(explained("<script>alert(1).mp3"), None, tmp_path)
    text = page.read_text()
    assert "<script>alert" not in text and "&lt;script&gt;" in text and "<audio" not in text
    assert "<script>" not in (tmp_path / "relevance.svg").read_text()


def pixels(uri):
    import base64
    import struct
    import zlib

    raw = base64.b64decode(uri.split(",")[1])
    columns, rows = struct.unpack(">II", raw[16:24])
    palette = raw[raw.index(b"PLTE") + 4 :]
    start = raw.index(b"IDAT")
    size = struct.unpack(">I", raw[start - 4 : start])[0]
    data = np.frombuffer(zlib.decompress(raw[start + 4 : start + 4 + size]), np.uint8)
    index = data.reshape(rows, columns + 1)[:, 1:]
    colours = np.frombuffer(palette[:720], np.uint8).reshape(-1, 3)
    return colours[index].astype(int)


def test_colours_stand_where_the_relevance_is():
    drawing = draw_relevance(explained().explanation, explained().clip)
    image = pixels(drawing.uri)
    orange = image[..., 0] - image[..., 2]
    row, column = np.unravel_index(orange.argmax(), orange.shape)
    hz = drawing.hz.low + (1 - row / image.shape[0]) * (drawing.hz.high - drawing.hz.low)
    second = column / image.shape[1] * 6.0
    assert hz == pytest.approx(3000, abs=80) and 3.0 <= second <= 3.5
    turned = pixels(draw_relevance(explained(target="human").explanation, explained().clip).uri)
    assert (turned[..., 2] - turned[..., 0])[row, column] > 60  # for human: blue
    plain = pixels(drawing.plain_uri)
    assert np.abs(plain[..., 0] - plain[..., 2]).max() <= 2


@pytest.mark.parametrize(("rows", "columns"), [(20, 6), (400, 300), (80, 12)])
def test_the_grid_keeps_the_sum(rows, columns):
    found = explained().explanation
    grid = gridded(found, Axis(0.0, 7950.0), Axis(0.0, 6.0), rows, columns)
    assert grid.shape == (rows, columns)
    assert grid.sum() == pytest.approx(0.9, abs=0.05)


def test_the_summary_is_plain_json():
    assert json.loads(json.dumps(summary(explained())))["verdict"] == "ai"


def test_ticks_of_a_part_begin_inside_it():
    ticks = time_ticks(Axis(51.2, 81.2))
    assert [t.text for t in ticks] == ["0:55", "1:00", "1:05", "1:10", "1:15", "1:20"]
    assert ticks[0].at == pytest.approx(100 * 3.8 / 30, abs=0.01)
    assert len(time_ticks(Axis(0.0, 0.4))) == 1
