# SPDX-License-Identifier: MIT
"""How an earlier output is told from somebody's file."""

from __future__ import annotations

import os
import sys

import pytest

from unsung.errors import UsageError
from unsung.outputs import FOREIGN, Kind, is_earlier, json_with, lines_with, output_folder
from unsung.synthesis.resynthesise import WRITTEN

ROWS = Kind("rows", (), lines_with("path", "verdict"))


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ('{"path": "a", "verdict": "ai"}', True),
        ('{"path": "a", "verdict": "ai"}\n{"pa', True),
        ('{"path": "a", "verd', True),  # a kill cut the first line
        ('{"pa', True),
        ('{"path": "a", "verd\0\0\0', True),
        ('{"path": "a"}', False),  # whole, and somebody's
        ('{"path": "a"}\n', False),
        ('{"path": "a",\n"verd', False),
        ("[]", False),
        ("\0\0\0\0", False),
    ],
)
def test_a_line_that_was_cut_is_ours_and_a_whole_document_of_others_is_not(tmp_path, text, ours):
    (tmp_path / "r.jsonl").write_text(text)
    assert ROWS.ours(tmp_path / "r.jsonl") == ours


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of Unix")
def test_a_pipe_under_the_name_of_a_sign_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "sign.json")
    kinds = {"sign.json": Kind("a sign", (), json_with("key")), "page.html": FOREIGN}
    assert not is_earlier(tmp_path, kinds)
    with pytest.raises(UsageError, match=r"sign\.json"):
        output_folder(tmp_path, (), kinds, signs=("sign.json",))


def test_a_shop_that_takes_orders_is_no_folder_of_ours(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"order": 1, "item": "a drum"}\n')
    with pytest.raises(UsageError, match="rows"):
        output_folder(tmp_path, (), WRITTEN, signs=("rows.jsonl",))
