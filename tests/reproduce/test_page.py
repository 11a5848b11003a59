# SPDX-License-Identifier: MIT
from __future__ import annotations

import csv
import itertools
import json
import re
from html.parser import HTMLParser

import pytest

from unsung.registry import summary
from unsung.reproduce import load, reproduce
from unsung.reproduce.figures import ticks
from unsung.reproduce.page import _drawings
from unsung.reproduce.sections import confusions
from unsung.reproduce.tables import compare
from unsung.reproduce.views import views
from unsung.types import Result, Track

VOID = {"meta", "link", "br", "img", "hr"}


class Balance(HTMLParser):
    """Knows which elements are open; a wrong end tag fails."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag, attrs) -> None:
        self.seen.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        assert not {"src", "onload", "onclick"} & {name for name, _ in attrs}
        assert all(value.startswith("#") for name, value in attrs if name == "href")

    def handle_startendtag(self, tag, attrs) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def made(toml, table, tmp_path):
    tables = "[[grid]]\nattack = 'low_pass'\nstrength = [7000, 5000]\n[[expected]]\n"
    tables += "metric = 'auc'\nvalue = 0.5\ntolerance = 0.6\nsource = 'a <paper>'\n"
    tables += "[[expected]]\nmetric = 'auc[family=udio]'\nvalue = 0.5\nsource = 'b'\n"
    study = load(toml(tables=tables), ["seeds=[0, 1]"])
    out = tmp_path / "out"
    return reproduce(study, out, data={"music": str(table())}, replicates=20), out


def test_the_page_is_whole_and_asks_for_nothing(made, tmp_path):
    _, out = made
    page = (out / "index.html").read_text(encoding="utf-8")
    parser = Balance()
    parser.feed(page)
    assert parser.open == [] and {"svg", "table", "h1", "figure"} <= parser.seen
    assert "script" not in parser.seen and "default-src 'none'" in page
    addresses = set(re.findall(r"(?:https?:)?//[^\s\"'<]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert "Does &lt;it&gt; run?" in page and "a &lt;paper&gt;" in page
    assert "✓ within" in page and "not measured" in page and "seeds" in page
    assert "unsung reproduce tiny --data music=PATH --set &#39;seeds=[0, 1]&#39;" in page
    assert str(tmp_path) not in page


@pytest.mark.parametrize("llr_nats", [0.5, None])
def test_reliability_is_drawn_of_detectors_that_state_ratios(llr_nats):
    tracks = [Track(f"t{i}", "x", label) for i in range(8) for label in (("ai", "human")[i % 2],)]
    row = {"condition": "clean", "seed": 0, "detector": "d", "verdict": "undecided", "error": None}
    row |= {"llr_nats": llr_nats, "threshold": None}
    rows = [row | {"track": track.id, "logit": float(i % 3)} for i, track in enumerate(tracks)]
    captions = [figure.caption for figure in _drawings([], views(rows, tracks, "clean"))]
    assert any(caption.startswith("ROC, d") for caption in captions)
    assert any(c.startswith("Reliability, d") for c in captions) == (llr_nats is not None)


def test_a_reader_can_judge_the_run_without_the_code(made):
    _, out = made
    page = (out / "index.html").read_text(encoding="utf-8")
    record = json.loads((out / "experiment.json").read_text())
    for words in (
        summary("attacks", "low_pass").rstrip("."),
        "7000, 5000 Hz", "chance that an AI track scores above",
        "Verdicts (confusion matrices)", "Known limits", "cannot be measured here", "undecided",
        record["machine"], record["data_sha256"], record["code_sha256"], "from the first score",
    ):  # fmt: skip
        assert words in page, words
    assert set(record["seconds"]) == {"clean", *record["study"]["experiment"]["attacks"]}
    clean = record["seconds"]["clean"]
    assert clean["n"] == 4 and clean["attack_share"] == 0 and clean["median_s"] > 0


def test_verdicts_are_counted_with_the_undecided_apart(made):
    _, out = made
    rows = [json.loads(line) for line in (out / "scores.jsonl").read_text().splitlines()]
    tracks = [Track(name, "x", name.split("-")[0]) for name in {row["track"] for row in rows}]
    for found in confusions(views(rows, tracks, "clean")):
        for k, counts in (("ai", found.ai), ("human", found.human)):
            verdicts = [
                row["verdict"]
                for row in rows
                if row["condition"] == found.condition and row["track"].startswith(k)
            ]
            assert counts == tuple(verdicts.count(v) for v in ("ai", "undecided", "human"))


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-1.25, 0.75), (4000, 7750), (-8, 8), (0.8, 1.2), (-57.5, 61)]
)
def test_ticks_are_few_round_and_inside(low, high):
    found = ticks(low, high)
    assert 3 <= len(found) <= 6 and low <= found[0] < found[-1] <= high
    assert all(len(f"{tick:g}") <= 6 for tick in found)
    assert len({round(b - a, 9) for a, b in itertools.pairwise(found)}) == 1


def test_tables_hold_what_the_page_says(made, tmp_path):
    results, out = made
    lines = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert [Result.from_dict(line) for line in lines] == results
    with (out / "results.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(results)
    markdown = (out / "results.md").read_text().splitlines()
    assert len({line.count("|") for line in markdown}) == 1
    latex = (out / "results.tex").read_text()
    assert latex.count(r"\\") == len(markdown) - 1 and r"low\_pass@5000" in latex
    for path in out.iterdir():
        assert str(tmp_path) not in path.read_text(encoding="utf-8")


def test_the_same_scores_give_the_same_bytes(made, toml, tmp_path):
    _, out = made
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    record = json.loads(before["experiment.json"])
    assert record["n_cells"] == before["scores.jsonl"].count(b"\n")
    assert len(record["study"]["experiment"]["manifests"]["music"]) == 64


def test_published_beside_measured():
    row = Result("e", "d", "m", "clean", "auc", 0.9, 0.8, 0.95, 9, 9, 0)
    want = {"condition": "clean", "metric": "auc", "detector": "", "value": 0.8, "source": "s"}
    (line,) = compare([row], {"x": want | {"tolerance": 0.1}})
    assert line[-3:] == ["+0.100", "within", "s"]
    (line,) = compare([row], {"x": want | {"tolerance": 0.05}})
    assert line[-2] == "outside"
