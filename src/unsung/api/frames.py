# SPDX-License-Identifier: MIT
"""What server and worker say to each other: JSON with bytes behind it, never pickles.

A decoder works on hostile files. If one is ever taken over, the worker can send nothing that the
server would run. A message is two lengths (big-endian, 4 bytes each), the JSON and the bytes.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

from unsung.types import Explanation, Record, Score

__all__ = ["HEAD", "Message", "Outcome", "Task", "pack"]

HEAD = struct.Struct(">II")
LARGEST_BYTES = 64_000_000
"""Far above any report; a longer message is a fault and ends the worker."""

Message = tuple[dict[str, Any], bytes]


@dataclass(frozen=True)
class Task(Record):
    """One file to score. ``want`` is what to make beside the score: "", "json", "html" or "png"."""

    path: str
    shown: str
    false_alarm_rate: float
    prior: float
    fast: bool = False
    want: str = ""
    cpu_s: float = 60.0


@dataclass(frozen=True)
class Outcome:
    """What became of a task: the score, and the explanation or page that was wanted."""

    score: Score
    explanation: Explanation | None = None
    page: bytes = b""


def pack(header: dict[str, Any], body: bytes = b"") -> bytes:
    """Return the bytes of a message."""
    text = json.dumps(header).encode("ascii")
    return HEAD.pack(len(text), len(body)) + text + body


def unpack_head(head: bytes) -> tuple[int, int]:
    """Return the two lengths of a message.

    Raises:
        ValueError: it is longer than any message of ours.
    """
    text, body = HEAD.unpack(head)
    if text + body > LARGEST_BYTES:
        raise ValueError(f"a message of {text + body} bytes; {LARGEST_BYTES} are the most")
    return text, body
