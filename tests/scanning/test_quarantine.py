# SPDX-License-Identifier: MIT
from __future__ import annotations

import json
import os

import pytest

from unsung.audio.sources import Source
from unsung.errors import UsageError
from unsung.scanning import Settings
from unsung.scanning.catalogue import scan_catalogue
from unsung.scanning.pool import WorkerDied, lost
from unsung.scanning.quarantine import PASSING, Quarantine, Quarantined, read_quarantine
from unsung.scanning.settings import FileFacts, Row, Stamp
from unsung.scanning.worker import Task
from unsung.types import Failure, Score


def scan(folder, out, **options):
    return list(scan_catalogue([str(folder)], Settings(), out, jobs=1, **options))


@pytest.fixture
def music(tmp_path, wav):
    wav("music/good.wav")
    (tmp_path / "music" / "zip.mp3").write_bytes(b"PK\x03\x04" + bytes(100))
    (tmp_path / "music" / "empty.flac").write_bytes(b"")
    return tmp_path / "music"


def test_failed_files_are_listed_with_reasons_and_left_out(music, tmp_path):
    out = tmp_path / "out"
    scan(music, out)
    listed = {entry.path: entry for entry in read_quarantine(out / "quarantine.jsonl")}
    assert {os.path.basename(path): e.type for path, e in listed.items()} == {  # noqa: PTH119
        "zip.mp3": "NotAudio",
        "empty.flac": "EmptyAudio",
    }
    assert all(entry.message and entry.size_bytes is not None for entry in listed.values())
    again = scan(music, out)
    assert [row.quarantined for row in again] == [True, False, True]
    assert all(row.skipped for row in again)
    assert len((out / "scores.jsonl").read_text().splitlines()) == 3
    assert len((out / "quarantine.jsonl").read_text().splitlines()) == 2


def test_retry_tries_again_and_releases_what_works(music, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with monkeypatch.context() as broken:
        broken.setattr("unsung.scanning.one._listen", None)  # even the good file fails
        scan(music, out)
    assert len(list(read_quarantine(out / "quarantine.jsonl"))) == 3
    assert all(row.quarantined for row in scan(music, out))
    rows = scan(music, out, retry_failed=True)
    assert [row.score.error is None for row in rows] == [False, True, False]
    held = {entry.type for entry in read_quarantine(out / "quarantine.jsonl")}
    assert held == {"NotAudio", "EmptyAudio"}
    assert [row.quarantined for row in scan(music, out)] == [True, False, True]


def test_a_repaired_file_is_tried_by_itself(music, tmp_path, wav):
    out = tmp_path / "out"
    scan(music, out)
    (music / "zip.mp3").write_bytes(wav("other.wav", seed=3).read_bytes())
    done = [row for row in scan(music, out) if not row.skipped]
    assert len(done) == 1 and done[0].score.error is None
    assert [e.type for e in read_quarantine(out / "quarantine.jsonl")] == ["EmptyAudio"]


def test_what_may_pass_by_itself_is_not_listed(tmp_path):
    with Quarantine(tmp_path / "q.jsonl") as held:
        for kind in PASSING:
            score = Score("a.mp3", "ab", error=Failure(kind, "later"))
            held.note(Row(0, score, facts=FileFacts(1, 2, 3)))
        held.note(Row(0, Score("gone.mp3", error=Failure("UnreadableAudio", "no such file"))))
    assert list(read_quarantine(tmp_path / "q.jsonl")) == []


def test_a_file_that_killed_its_process_is_listed(tmp_path):
    (tmp_path / "a.mp3").write_bytes(b"x")
    path = str(tmp_path / "a.mp3")
    stamp = Stamp("d", 0.01, 0.5, "c")
    row = lost(Task(0, Source(path, "file", path)), stamp, WorkerDied("crash"))
    with Quarantine(tmp_path / "q.jsonl") as held:
        held.note(row)
        assert held.holds(path)
    with Quarantine(tmp_path / "q.jsonl") as held:
        assert held.holds(path)
        (tmp_path / "a.mp3").write_bytes(b"xy")
        assert not held.holds(path)


def test_half_a_line_is_dropped_and_another_file_is_refused(tmp_path):
    line = json.dumps(Quarantined("a.mp3", "NotAudio", "no").to_dict()) + "\n"
    (tmp_path / "q.jsonl").write_text(line + line[:20])
    with Quarantine(tmp_path / "q.jsonl"):
        pass
    assert (tmp_path / "q.jsonl").read_text() == line
    (tmp_path / "notes.txt").write_text("my notes\n")
    with pytest.raises(UsageError, match=r"notes\.txt"):
        Quarantine(tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "my notes\n"


def test_one_scan_a_list(tmp_path):
    with (
        Quarantine(tmp_path / "q.jsonl"),
        pytest.raises(UsageError, match="writing this file"),
    ):
        Quarantine(tmp_path / "q.jsonl")
