# SPDX-License-Identifier: MIT
"""A question in one TOML file, answered by scores that survive a kill and a page that shows all."""

from __future__ import annotations

from unsung.reproduce.call import Call, run_all, run_one
from unsung.reproduce.experiment import Selection, Study, find, load
from unsung.reproduce.measure import measure
from unsung.reproduce.metrics import METRICS
from unsung.reproduce.plan import Job, Plan, make_plan
from unsung.reproduce.run import score_all
from unsung.reproduce.study import Found, experiments, reproduce

__all__ = [
    "METRICS",
    "Call",
    "Found",
    "Job",
    "Plan",
    "Selection",
    "Study",
    "experiments",
    "find",
    "load",
    "make_plan",
    "measure",
    "reproduce",
    "run_all",
    "run_one",
    "score_all",
]
