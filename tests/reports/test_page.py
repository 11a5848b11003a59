# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest

from unsung.reports.page import this_command


@pytest.mark.parametrize(
    ("program", "command"),
    [
        ("/venv/bin/unsung", "unsung scan 'a b.mp3'"),
        ("/venv/lib/unsung/__main__.py", "unsung scan 'a b.mp3'"),
        ("/venv/bin/pytest", ""),
        ("/venv/lib/pytest/__main__.py", ""),
    ],
)
def test_a_page_names_the_command_that_made_it(program, command, monkeypatch):
    monkeypatch.setattr("sys.argv", [program, "scan", "a b.mp3"])
    assert this_command() == command
