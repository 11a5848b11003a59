# SPDX-License-Identifier: MIT
"""The far end of a decoder process: bounded memory, processor time and length, one file at a time.

It ends when the server does, also when that was killed: a thread watches the pipe and removes the
folder of uploads, so that no sound of a client stays on the disk. `resource` limits exist on Unix
only; elsewhere the time limit of the server remains.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import shutil
import sys
import tempfile
import threading
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from unsung.api.errors import TooLong
from unsung.api.frames import HEAD, Message, Outcome, Task, pack, unpack_head
from unsung.audio.memory import keep_freed_memory
from unsung.errors import UnsungError
from unsung.reports.axes import Axis
from unsung.reports.song import write_song_report
from unsung.reports.spectrogram import draw_spectrogram
from unsung.runtime import Analysis, Analyzer, Bundle, load_bundle
from unsung.runtime.windowed import window_outputs
from unsung.scanning.calibration import report_calibration
from unsung.scanning.one import score_local, stamp_of
from unsung.scanning.settings import Settings
from unsung.stopping import ignore_stops
from unsung.types import Explanation, FloatArray, Picture, Score

__all__ = ["LimitedBundle", "bound", "main", "outcome"]


class _LimitedAnalyzer(Analyzer):
    """Stops as soon as more sound came out of the decoder than the server takes."""

    def __init__(self, measuring: Analyzer, rate_hz: int, longest_s: float) -> None:
        # Not the parent's: the bundle's own analyzer measures, of whichever kind it is.
        self._measuring = measuring
        self._left, self._longest_s = round(longest_s * rate_hz), longest_s

    def push(self, block: FloatArray) -> None:
        self._left -= len(block)
        if self._left < 0:
            raise TooLong(
                f"expected at most {self._longest_s:g} s of sound after decoding, got more; "
                "send a shorter piece, or scan the file with `unsung scan`"
            )
        self._measuring.push(block)

    def jump(self, start_s: float) -> None:
        self._measuring.jump(start_s)

    def finish(self) -> Analysis:
        return self._measuring.finish()


@dataclass(frozen=True)
class LimitedBundle(Bundle):
    """A bundle whose analyzers refuse sound longer than ``longest_s``."""

    longest_s: float = math.inf

    def analyzer(self, sample_rate_hz: int, picture: bool = False) -> Analyzer:
        """Return a fresh measuring object with the bound."""
        measuring = super().analyzer(sample_rate_hz, picture)
        return _LimitedAnalyzer(measuring, sample_rate_hz, self.longest_s)


def bound(bundle: Bundle, longest_s: float) -> LimitedBundle:
    """Return the same bundle with a bound on the length of the sound."""
    return LimitedBundle(bundle.path, bundle.info, bundle.sha256, bundle.front_ends, longest_s)


def outcome(task: Task, bundle: Bundle) -> Outcome:
    """Score a file and make what is wanted beside it; its row tells what is wrong with it."""
    settings = Settings(
        bundle.path, task.false_alarm_rate, task.prior, task.fast, picture=bool(task.want)
    )
    stamp = stamp_of(bundle, settings)
    path = Path(task.path)
    score, picture = score_local(path, task.shown, bundle, settings=settings, stamp=stamp)
    if picture is None or score.logit is None:
        return Outcome(score)
    if task.want == "json":
        return Outcome(score, _explanation(score, picture))
    if task.want == "html":
        return Outcome(score, page=_report(score, picture, bundle, path.parent))
    if task.want == "png":
        return Outcome(score, page=_spectrogram(score, picture))
    return Outcome(score)


def main() -> None:
    """Answer tasks until the server closes the pipe."""
    keep_freed_memory()
    ignore_stops()
    inbox = sys.stdin.buffer
    outbox = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    void = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # what C decoders print about damaged files may hold a client's words
        os.dup2(void, stream)
    spool: str | None = None
    try:
        init, _ = _receive(inbox)
        spool = init["spool"]
        _watch(Path(spool))
        bundle = _ready(init, outbox)
        while bundle is not None:
            task = Task.from_dict(_receive(inbox)[0])
            _limit_processor_time(task.cpu_s)
            _send(outbox, _answer(task, bundle))
        outbox.close()
    except MemoryError:
        return
    except (EOFError, BrokenPipeError):  # the server is gone; the thread may come too late
        if spool is not None:
            shutil.rmtree(spool, ignore_errors=True)


def _answer(task: Task, bundle: Bundle) -> bytes:
    """Return the message about a task; a fault of ours is told, not taken for the file's."""
    try:
        found = outcome(task, bundle)
    except Exception as error:
        if isinstance(error, MemoryError):
            raise  # whatever is left of this process is not to be used again
        return pack({"fault": f"{type(error).__name__}: {error}"})
    explained = found.explanation.to_dict() if found.explanation else None
    return pack({"score": found.score.to_dict(), "explanation": explained}, found.page)


def _ready(init: dict[str, Any], outbox: BinaryIO) -> LimitedBundle | None:
    """Load the bundle and run it once, so that the first client does not wait for it."""
    try:
        bundle = bound(load_bundle(init["bundle"]), init["longest_s"])
        _run_once(bundle)
        _limit_memory(init["memory_mb"])
    except (UnsungError, OSError, ValueError) as error:
        _send(outbox, pack({"error": str(error)}))
        return None
    _send(outbox, pack({"error": None}))
    return bundle


def _run_once(bundle: Bundle) -> None:
    if bundle.windowed:
        window_outputs(bundle, np.zeros((1, round(bundle.window_s * bundle.sample_rate_hz)), "f4"))
        return
    bundle.logits([np.zeros((1, f.channels, len(f.freqs_hz), 1), "f4") for f in bundle.front_ends])


def _explanation(score: Score, picture: Picture) -> Explanation:
    """Return the exact share of every bin in the detector's linear part."""
    assert score.logit is not None
    evidence = score.evidence
    baseline = evidence.baseline if evidence and evidence.baseline is not None else 0.0
    return Explanation(
        "ai",
        picture.contributions.reshape(1, -1, 1),
        picture.residual_hz,
        np.zeros(1, np.float32),
        score.logit,
        baseline,
    )


def _report(score: Score, picture: Picture, bundle: Bundle, spool: Path) -> bytes:
    rate = score.false_alarm_rate or 0.01
    with tempfile.TemporaryDirectory(dir=spool) as folder:
        page = write_song_report(
            score,
            picture,
            Path(folder),
            calibration=report_calibration(bundle, rate, score.covered_s),
            card=bundle.card,
            command="",
        )
        return page.read_bytes()


def _spectrogram(score: Score, picture: Picture) -> bytes:
    last_s = float(picture.spectrogram_s[-1]) if len(picture.spectrogram_s) else 0.0
    drawn = draw_spectrogram(picture, Axis(0.0, max(score.duration_s or 0.0, last_s, 0.1)))
    return b64decode(drawn.uri.partition(",")[2]) if drawn is not None else b""


def _watch(spool: Path) -> None:
    """End with the server, whatever this process is doing, and leave no upload behind."""

    def wait() -> None:
        pipe = select.poll()
        pipe.register(sys.stdin.fileno(), 0)  # no events: only that the other end is gone
        while not pipe.poll():
            continue
        shutil.rmtree(spool, ignore_errors=True)
        os._exit(0)

    if hasattr(select, "poll"):
        threading.Thread(target=wait, daemon=True).start()


def _limit_memory(memory_mb: int) -> None:
    with contextlib.suppress(ImportError):
        import resource

        most = memory_mb << 20
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no dump with a client's sound in it


def _limit_processor_time(seconds: float) -> None:
    """Have the kernel end this process should the server not live to do it."""
    with contextlib.suppress(ImportError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        soft = math.ceil(used.ru_utime + used.ru_stime + 2 * seconds) + 1
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _receive(inbox: BinaryIO) -> Message:
    text, body = unpack_head(_exactly(inbox, HEAD.size))
    return json.loads(_exactly(inbox, text)), _exactly(inbox, body)


def _exactly(inbox: BinaryIO, count: int) -> bytes:
    data = inbox.read(count)
    if len(data) < count:
        raise EOFError
    return data


def _send(outbox: BinaryIO, data: bytes) -> None:
    outbox.write(data)
    outbox.flush()
