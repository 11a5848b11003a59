# SPDX-License-Identifier: MIT
"""Scores text files at once, so that tests can scan thousands; imported by worker processes too.

Importing it replaces the scoring of a file: the logit is made from the content, every real
scoring adds a line to the file that ``STUB_LOG`` names, and a few contents misbehave.
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from pathlib import Path

from unsung.runtime import load_bundle
from unsung.scanning import worker
from unsung.types import Failure, Score


def score(path, shown, bundle, *, settings, stamp, is_known=None):
    """Stand in for `score_local`."""
    data = Path(path).read_bytes() if Path(path).exists() else shown.encode()
    sha256 = hashlib.sha256(data).hexdigest()
    if is_known is not None and is_known(sha256):
        return Score(shown, sha256), None
    if log := os.environ.get("STUB_LOG"):
        handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{sha256}\n".encode())
        os.close(handle)
    time.sleep(float(os.environ.get("STUB_WAIT_S", "0")))
    if data.startswith(b"hang"):
        time.sleep(3600)
    if data.startswith(b"die"):
        os.kill(os.getpid(), signal.SIGKILL)
    row = Score(
        shown,
        sha256,
        detector=stamp.detector,
        prior=stamp.prior,
        calibration=stamp.calibration,
        false_alarm_rate=stamp.false_alarm_rate,
    )
    if data.startswith(b"bad"):
        return Score(**{**row.__dict__, "error": Failure("NotAudio", f"{shown}: no sound")}), None
    logit = int(sha256[:6], 16) / 0xFFFFFF * 8 - 4
    made = {"logit": logit, "llr_nats": logit, "probability": 0.5, "duration_s": 60.0}
    verdict = "ai" if logit > 3 else "human"
    return Score(**{**row.__dict__, **made, "verdict": verdict}), None


def load(name):
    """Load the real bundle: rows then carry a real stamp."""
    return load_bundle(name)


worker.score_local = score
