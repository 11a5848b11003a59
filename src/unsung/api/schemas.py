# SPDX-License-Identifier: MIT
"""What stands in the OpenAPI document: bodies, answers, errors and an example of each.

The records of `unsung.types` are the schema: the names are those of Python, JSON and the command
line because they are the same classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from unsung.api.jobs import JobInfo
from unsung.types import Score

__all__ = [
    "EXAMPLE_JOB",
    "EXAMPLE_SCORE",
    "Explained",
    "Explanation",
    "Problem",
    "Scanned",
    "answers",
    "uploads_body",
]


@dataclass(frozen=True)
class Scanned:
    """A score for each upload, in their order; a file with a fault has its ``error``."""

    scores: tuple[Score, ...]


@dataclass(frozen=True)
class Explanation:
    """`unsung.types.Explanation` with lists for arrays; relevance is [channel][freq][frame]."""

    target: str
    relevance: tuple[tuple[tuple[float, ...], ...], ...]
    freqs_hz: tuple[float, ...]
    times_s: tuple[float, ...]
    logit: float
    baseline: float


@dataclass(frozen=True)
class Explained:
    """A score with the share of every frequency bin in its logit, and what the shares miss."""

    score: Score
    explanation: Explanation | None
    gap: float | None


@dataclass(frozen=True)
class Problem:
    """An error (RFC 9457). ``error`` is its name in Python; more members may follow."""

    type: str
    title: str
    status: int
    detail: str
    error: str = ""


_SCORE: dict[str, Any] = {
    "path": "song.mp3",
    "sha256": "9b1f0c1d6f3f5c7f8a5d0c4f3f6f3a0b7c9e2d1a4b5c6d7e8f90a1b2c3d4e5f6",
    "duration_s": 20.0,
    "detector": "default-1@0123456789ab",
    "windows": [[0.0, -2.4], [10.0, -1.6]],
    "logit": -2.0,
    "llr_nats": -2.1534,
    "probability": 0.104,
    "prior": 0.5,
    "calibration": "name of the calibration set",
    "verdict": "human",
    "reason": "",
    "false_alarm_rate": 0.01,
    "family": "unknown",
    "evidence": {
        "words": ["no narrow line stands out of the averaged spectrum"],
        "peaks": [],
        "baseline": -1.1,
        "terms": {"0.25–1 kHz": -0.2, "1–2 kHz": -0.7},
        "comb_hz": None,
    },
    "covered_s": 20.0,
    "sample_rate_hz": 44100,
    "channels": 2,
    "codec": "mp3",
    "provenance": [],
    "error": None,
}
EXAMPLE_SCORE = Score.from_dict(_SCORE).to_dict()  # with whatever fields a score has by now
EXAMPLE_JOB: dict[str, Any] = {
    "id": "kJ3Jt3m0yXqk6yJb2v0QeA",
    "status": "running",
    "total": 40,
    "done": 12,
    "failed": 0,
    "created": "2026-01-31T12:00:00.000+00:00",
    "expires": "",
}
_EXAMPLE_EXPLANATION = {
    "target": "ai",
    "relevance": [[[-0.4], [-0.5]]],
    "freqs_hz": [250.0, 251.0],
    "times_s": [0.0],
    "logit": -2.0,
    "baseline": -1.1,
}
_EXAMPLES: dict[type[Any], Any] = {
    Scanned: {"scores": [EXAMPLE_SCORE]},
    Explained: {"score": EXAMPLE_SCORE, "explanation": _EXAMPLE_EXPLANATION, "gap": 0.0},
    JobInfo: EXAMPLE_JOB,
}
_WORDS = {
    400: "The body is not what this route takes.",
    401: "An API key is needed.",
    403: "An address that may not be fetched, or a page of another origin.",
    404: "No such job.",
    408: "The body did not arrive in time.",
    409: "The job is not finished.",
    413: "Too many bytes or files, or sound that is too long.",
    415: "Not sound, or no decoder takes it.",
    422: "The sound cannot be judged, or a parameter is wrong.",
    429: "All places are taken; come back after Retry-After seconds.",
    501: "The detector is a network and leaves no exact shares, or the server lacks a package.",
    502: "The address could not be fetched.",
    503: "The server starts or stops.",
}
UPLOADING = (400, 401, 403, 408, 413, 415, 422, 429, 502, 503)


def answers(model: type[Any], status: int = 200, *problems: int) -> dict[int | str, dict[str, Any]]:
    """Return what a route answers: its record with an example, and its errors."""
    good: dict[str, Any] = {
        "model": model,
        "description": (model.__doc__ or "").strip().splitlines()[0],
        "content": {"application/json": {"example": _EXAMPLES[model]}},
    }
    found: dict[int | str, dict[str, Any]] = {status: good}
    return found | {code: _problem(code) for code in problems}


def _problem(status: int) -> dict[str, Any]:
    body = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": _WORDS[status],
        "content": {"application/problem+json": {"schema": body}},
    }


def uploads_body(most: str) -> dict[str, Any]:
    """Return the description of a body with sound, or with an address instead."""
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    files = {
        "type": "object",
        "properties": {"file": {"type": "array", "items": file, "minItems": 1}},
        "required": ["file"],
    }
    address = {
        "type": "object",
        "properties": {"url": {"type": "string", "format": "uri", "maxLength": 2000}},
        "required": ["url"],
        "additionalProperties": False,
    }
    return {
        "requestBody": {
            "required": True,
            "description": f"{most} in the field `file`; or an address, where the operator allows "
            "it.",
            "content": {
                "multipart/form-data": {"schema": files},
                "application/json": {
                    "schema": address,
                    "example": {"url": "https://example.org/song.mp3"},
                },
            },
        }
    }
