# SPDX-License-Identifier: MIT
import time

import pytest

from unsung.reports.index import write_index
from unsung.types import Failure, Score

from .helpers import ATTACK, failed, load, outside, score


def rows(page):
    return [a for a in page.all("tr") if "data-verdict" in a]


@pytest.fixture
def page(tmp_path):
    scores = [
        score(),
        score("human", -2.5, path="/music/b.mp3"),
        failed(),
        score("undecided", 0.5, path="/music/c.mp3"),
    ]
    return load(write_index(scores, tmp_path, {"/music/album/song.flac": "song.html"}))


def test_page_is_well_formed_and_needs_nothing(page):
    assert outside(page) == [] and page.all("html", lang="en")


def test_counts_stand_on_top(page):
    for text in ("4 tracks", "1 AI-generated", "1 human", "1 undecided", "1 no result"):
        assert text in page.text, text


def test_every_track_has_a_row_with_sortable_values(page):
    assert [r["data-verdict"] for r in rows(page)] == ["ai", "human", "failed", "undecided"]
    heads = [a for a in page.all("th") if "data-sort" in a]
    assert [h["data-sort"] for h in heads] == ["text", "verdict"] + ["number"] * 3 + ["text"]
    assert all(h["aria-sort"] == "none" for h in heads)
    logits = [a["data-value"] for a in page.all("td", data_label="Logit")]
    assert logits == ["3.42", "-2.5", "", "0.5"]
    assert page.all("td", data_label="Probability")[0]["data-value"] == "0.9526"
    assert page.all("td", data_label="Duration")[0]["data-value"] == "60"


def test_links_lead_to_the_pages(page):
    assert [a["href"] for a in page.all("a")] == ["song.html"]


@pytest.mark.parametrize(
    ("link", "href"),
    [
        ("a b#c?.html", "a%20b%23c%3F.html"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("//evil.example/x", "evil.example/x"),
        ("sub/歌.html", "sub/%E6%AD%8C.html"),
    ],
)
def test_links_cannot_leave_or_call(tmp_path, link, href):
    page = load(write_index([score()], tmp_path, {score().path: link}))
    assert page.all("a")[0]["href"] == href
    assert outside(page) == []


def test_filters_offer_what_occurs(page):
    values = [a["value"] for a in page.all("input", type="radio")]
    assert values == ["", "ai", "undecided", "human", "failed"]


def test_failures_are_listed_with_what_to_do(page):
    tail = page.text.split("Without a result")[1]
    for text in ("broken.wav", "TruncatedAudio", "ends after 0:47", "copy it again"):
        assert text in tail


def test_probability_names_set_and_prior(page):
    assert "validation-a”, prior 50 %" in page.text
    assert "false-alarm rate of 1 %" in page.text


def test_probability_without_a_set_is_not_shown(tmp_path):
    page = load(write_index([score(calibration="")], tmp_path, {}))
    assert (
        "95.3" not in page.text and page.all("td", data_label="Probability")[0]["data-value"] == ""
    )


def test_scripts_are_inert(tmp_path):
    bad = [
        score(path=f"/{ATTACK}/{ATTACK}.mp3", reason=ATTACK, calibration=ATTACK),
        Score(ATTACK, error=Failure(ATTACK, ATTACK)),
    ]
    page = load(write_index(bad, tmp_path, {}))
    assert ATTACK not in page.source and len(page.all("script")) == 1


def test_five_thousand_rows_from_a_generator(tmp_path):
    scores = (score(path=f"/m/{i}.mp3", logit=0.001 * i) for i in range(5000))
    start = time.monotonic()
    path = write_index(scores, tmp_path, {f"/m/{i}.mp3": f"{i}.html" for i in range(5000)})
    assert time.monotonic() - start < 20
    assert path.stat().st_size < 4_000_000
    assert len(rows(load(path))) == 5000


def test_no_tracks_at_all(tmp_path):
    assert "No tracks were scanned" in load(write_index([], tmp_path, {})).text
