# SPDX-License-Identifier: MIT
"""A page tells the family as a likeness, the comb with its warning, stretches in minutes."""

from __future__ import annotations

from unsung.reports.song import write_song_report
from unsung.reports.words import family_text, stretches_text
from unsung.types import Comb, Evidence, Segment

from .helpers import load, score


def page_of(tmp_path, **changes):
    one = score(**changes)
    return load(write_song_report(one, None, tmp_path, command="unsung scan x"))


def test_a_family_is_a_likeness_and_unknown_is_said():
    assert family_text(None) == ""
    assert "resemble none" in family_text("unknown")
    assert "resemble those of Suno" in family_text("Suno") and "not a product" in family_text(
        "Suno"
    )


def test_stretches_are_told_in_minutes():
    two = (Segment(40.0, 70.0, 2.0), Segment(90.0, 100.0, 3.0))
    text = stretches_text(score(duration_s=200.0, segments=two))
    assert "from 0:40 to 1:10 and 1:30 to 1:40" in text
    whole = stretches_text(score(duration_s=200.0, segments=(Segment(0.0, 200.0, 2.0),)))
    assert whole == "The whole track measures like AI."
    assert stretches_text(score()) == ""


def test_the_page_shows_all_of_it(tmp_path):
    comb = Comb(86.133, 1e-9, 0.9, ("44.1 kHz, stride 512 (DAC 44.1 kHz)",))
    page = page_of(
        tmp_path,
        family="Suno",
        evidence=Evidence(words=("w",), comb=comb, comb_hz=86.133),
        segments=(Segment(10.0, 30.0, 2.0),),
        stability={"low-pass at 7 kHz": 1.5, "0.5 % faster": None},
    )
    for text in ("Suno", "86.13 Hz", "stride 512", "from 0:10 to 0:30", "low-pass at 7 kHz"):
        assert text in page.text
    assert len(page.all("rect", cls="bar ai stretch")) == 1


def test_nothing_is_said_where_there_is_nothing(tmp_path):
    page = page_of(tmp_path)
    for text in ("Family of decoders", "Measures like AI", "Under small changes"):
        assert text not in page.text
