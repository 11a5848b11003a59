# SPDX-License-Identifier: MIT
"""Turns labels, scores and groups into numbers that say how good a detector is, and how surely."""

from unsung.evaluation.calibration import brier, cllr, ece, llr_to_probability, min_cllr
from unsung.evaluation.calibrators import Affine, Isotonic, Temperature, calibrator_from_dict
from unsung.evaluation.conformal import conformal_threshold
from unsung.evaluation.decisions import confusion_at
from unsung.evaluation.discrimination import (
    average_precision,
    detection_rate_at,
    eer,
    roc_auc,
    threshold_at,
)
from unsung.evaluation.intervals import bootstrap_difference, bootstrap_interval
from unsung.evaluation.summary import evaluate

__all__ = [
    "Affine",
    "Isotonic",
    "Temperature",
    "average_precision",
    "bootstrap_difference",
    "bootstrap_interval",
    "brier",
    "calibrator_from_dict",
    "cllr",
    "conformal_threshold",
    "confusion_at",
    "detection_rate_at",
    "ece",
    "eer",
    "evaluate",
    "llr_to_probability",
    "min_cllr",
    "roc_auc",
    "threshold_at",
]
