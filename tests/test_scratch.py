# SPDX-License-Identifier: MIT
"""What a dead process left is removed; what anybody else has is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from unsung.scratch import Scratch, sweep

OWNER = """
import sys, time
from unsung.scratch import Scratch
scratch = Scratch("sound", sys.argv[1])
(scratch.path / "song").write_bytes(b"x")
(scratch.path / "deep").mkdir()
(scratch.path / "deep" / "song").write_bytes(b"x")
print("made", flush=True)
{end}
"""
pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="swept on Unix only")


def owner(place: Path, end: str = "time.sleep(600)") -> subprocess.Popen[bytes]:
    code = OWNER.format(end=end)
    process = subprocess.Popen([sys.executable, "-c", code, place], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"made\n"
    return process


def test_a_folder_is_private_and_goes(tmp_path):
    with Scratch("sound", tmp_path) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "song").write_bytes(b"x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise ValueError"])
def test_it_goes_with_the_interpreter(tmp_path, end):
    process = owner(tmp_path, end)
    process.communicate()
    assert list(tmp_path.iterdir()) == []


def test_a_dead_process_is_swept_and_a_living_one_is_not(tmp_path):
    dead, living = owner(tmp_path), owner(tmp_path)
    try:
        sweep(tmp_path)
        assert len(list(tmp_path.iterdir())) == 2
        dead.send_signal(signal.SIGKILL)
        dead.communicate()
        assert len(list(tmp_path.iterdir())) == 2
        sweep(tmp_path)
        (left,) = tmp_path.iterdir()
        assert (left / "song").exists() and (left / "deep" / "song").exists()
    finally:
        living.kill()
        living.communicate()
    with Scratch("web", tmp_path) as folder:  # a new one sweeps, too
        assert list(tmp_path.iterdir()) == [folder]


def test_what_is_somebody_elses_stays(tmp_path):
    theirs = tmp_path / "unsung-results"
    theirs.mkdir()
    (theirs / "scores.jsonl").write_text("{}")
    (tmp_path / "unsung-notes.txt").write_text("mine")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".unsung-scratch").touch()
    (tmp_path / "unsung-link").symlink_to(elsewhere)
    trap = tmp_path / "unsung-trap"
    trap.mkdir()
    (trap / ".unsung-scratch").symlink_to(elsewhere / ".unsung-scratch")
    odd = tmp_path / "unsung-odd"
    odd.mkdir()
    os.mkfifo(odd / ".unsung-scratch")
    os.utime(theirs, (0, 0))
    before = sorted(tmp_path.rglob("*"))
    sweep(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="needs another user's folder")
def test_another_users_folder_stays(tmp_path):
    theirs = tmp_path / "unsung-sound-x"
    theirs.mkdir()
    (theirs / ".unsung-scratch").touch()
    os.chown(theirs, 12345, 12345)
    sweep(tmp_path)
    assert theirs.exists()


def test_a_place_that_is_not_there_is_no_fault(tmp_path):
    sweep(tmp_path / "no")
