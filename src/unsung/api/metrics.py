# SPDX-License-Identifier: MIT
"""What Prometheus may ask of a server; counts only, no names of files, clients or keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from unsung.types import Score

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)


class Metrics:
    """One server's figures, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        labels = ["method", "route", "status"]
        self.requests = Counter("unsung_requests", "Requests answered.", labels, registry=registry)
        self.seconds = Histogram(
            "unsung_request_seconds",
            "Time from a request's first byte to its answer's last.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.received = Counter("unsung_received_bytes", "Body bytes received.", registry=registry)
        self.scores = Counter(
            "unsung_scores", "Files scored, by verdict or error.", ["outcome"], registry=registry
        )
        self.audio = Counter("unsung_audio_seconds", "Sound heard.", registry=registry)

    def scored(self, score: Score) -> None:
        """Count one file."""
        error = score.error.type if score.error is not None else "none"
        self.scores.labels(error if score.state == "failed" else score.state).inc()
        self.audio.inc(score.covered_s)

    def watch(self, name: str, words: str, read: Callable[[], float]) -> None:
        """Add a figure that is read when it is asked for."""
        Gauge(name, words, registry=self._registry).set_function(read)

    def text(self) -> bytes:
        """Return everything in Prometheus's text format."""
        return generate_latest(self._registry)
