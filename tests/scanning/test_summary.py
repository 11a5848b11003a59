# SPDX-License-Identifier: MIT
from __future__ import annotations

import json

import numpy as np
import pytest

from unsung.errors import UsageError
from unsung.reports.catalogue import write_catalogue
from unsung.runtime import load_bundle
from unsung.scanning import Settings
from unsung.scanning import summary as summary_module
from unsung.scanning.output import newest_rows, row_line
from unsung.scanning.settings import FileFacts, Metadata
from unsung.scanning.summary import summarise
from unsung.types import Failure, Score

DAY_NS = 86_400 * 10**9


@pytest.fixture
def scores(tmp_path):
    """Sixty albums; the later twenty are AI. Logits are drawn from the bundle's own calibration."""
    known = load_bundle().calibration
    threshold = load_bundle().thresholds(0.01).ai_logit
    rng = np.random.default_rng(0)
    lines = []
    for album in range(60):
        for track in range(8):
            pool = known["ai_logits" if album >= 40 else "human_logits"]
            logit = float(rng.choice(pool))
            verdict = "ai" if logit >= threshold else "human"
            score = Score(
                f"/m/{album:02d}/{track}.mp3",
                sha256=f"{album * 8 + track:064x}",
                duration_s=180.0,
                detector="default-1@x",
                logit=logit,
                llr_nats=logit,
                probability=1 / (1 + np.exp(-logit)),
                calibration="a set",
                verdict=verdict,
            )
            tags = Metadata(artist=f"artist {album}", label=f"label {album % 3}")
            facts = FileFacts(1, (19_000 + album) * DAY_NS, 1, metadata=tags)
            lines.append(row_line(score, facts))
    path = tmp_path / "scores.jsonl"
    path.write_text("".join(lines))
    return path


def test_it_counts_what_is_there(scores):
    found = summarise(scores, Settings())
    rows = [json.loads(line) for line in scores.read_text().splitlines()]
    assert found.n_tracks == 480 and found.hours == pytest.approx(24.0)
    assert found.verdicts["ai"] == sum(row["verdict"] == "ai" for row in rows)
    assert sum(found.logits.values()) == sum(found.probabilities) == 480
    assert sum(item.n for item in found.groups["label"]) == 480
    assert found.n_names == {"label": 3, "artist": 60, "folder": 60}
    assert found.n_groups == 60 and found.groups["artist"][0].ai >= 7
    for item in found.groups["label"]:
        assert item.share.low < item.share.value < item.share.high


def test_the_share_of_ai_is_found_and_so_is_the_day_it_began(scores):
    found = summarise(scores, Settings())
    assert found.corrected.low < 1 / 3 < found.corrected.high
    assert found.likelihood.low < 1 / 3 < found.likelihood.high
    assert found.date_change.p_value < 1e-4
    assert found.date_change.at / 86_400 == pytest.approx(19_040, abs=2)
    assert len(found.by_date) == 24 and sum(piece.n for piece in found.by_date) == 480


def test_the_newest_row_of_a_path_counts_and_damage_does_not(scores):
    with scores.open("ab") as file:
        again = Score("/m/00/0.mp3", detector="default-1@x", error=Failure("NotAudio", "no"))
        file.write(row_line(again, FileFacts()).encode())
        file.write(b"#### disk error ####\n")
        file.write(b'{"path": "/m/00/1')
    found = summarise(scores, Settings())
    assert found.n_tracks == 480 and found.errors == {"NotAudio": 1}
    assert len(list(newest_rows(scores))) == 480


def test_copies_count_once_in_shares(scores):
    before = summarise(scores, Settings())
    score, _ = next(newest_rows(scores))
    with scores.open("a") as file:
        for number in range(300):
            copy = Score(**{**score.__dict__, "path": f"/copies/{number}.mp3"})
            file.write(row_line(copy, FileFacts(duplicate_of=score.path)))
    found = summarise(scores, Settings())
    assert (found.n_tracks, found.n_duplicates) == (780, 300)
    assert found.likelihood == before.likelihood and found.n_sampled == 480


def test_names_beyond_the_most_are_added_up(scores, monkeypatch):
    monkeypatch.setattr(summary_module, "MOST_NAMES", 10)
    monkeypatch.setattr(summary_module, "SAMPLE", 100)
    found = summarise(scores, Settings())
    assert found.n_names["artist"] == 11 and found.n_sampled == 100
    assert sum(item.n for item in found.groups["artist"]) == 480
    assert found.groups["artist"][-1].name == "" and found.groups["artist"][-1].n == 400


def test_nothing_to_count(tmp_path):
    with pytest.raises(UsageError, match="scan first"):
        summarise(tmp_path / "no.jsonl", Settings())
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(UsageError, match="expected rows of a scan, got none"):
        summarise(tmp_path / "empty.jsonl", Settings())


def test_a_page_stands_alone_and_escapes_what_it_shows(scores, tmp_path):
    bad = "<script>alert(1)</script>"
    with scores.open("a") as file:
        for number in range(9):
            score = Score(f"/{bad}/{number}.mp3", verdict="ai", logit=9.0, llr_nats=9.0)
            file.write(row_line(score, FileFacts(metadata=Metadata(artist=bad, label="Ünï"))))
        file.write(row_line(Score("/x.mp3", error=Failure("TimeLimit", "x")), FileFacts()))
    text = write_catalogue(summarise(scores, Settings()), tmp_path / "s.html").read_text()
    assert bad not in text and "&lt;script&gt;" in text and "Ünï" in text
    assert "http://" not in text and "https://" not in text.replace("www.w3.org", "")
    for word in ("How much of it is AI?", "Rogan–Gladen", "Pettitt", "Record labels", "TimeLimit"):
        assert word in text
    assert "The level changes at 2022-02-" in text


def test_a_page_of_failures_only(tmp_path):
    path = tmp_path / "scores.jsonl"
    path.write_text(row_line(Score("/x.mp3", error=Failure("NotAudio", "x")), FileFacts()))
    text = write_catalogue(summarise(path, Settings()), tmp_path / "s.html").read_text()
    assert "No track has a score" in text and "Not every estimate is possible" in text
