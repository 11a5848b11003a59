# SPDX-License-Identifier: MIT
"""The deployable bundle: NumPy front ends, an ONNX graph, calibration and card, without torch."""

from unsung.runtime.analyzer import Analysis, Analyzer
from unsung.runtime.bundle import Bundle, bundle_names, load_bundle
from unsung.runtime.decide import Thresholds, decide

__all__ = [
    "Analysis",
    "Analyzer",
    "Bundle",
    "Thresholds",
    "bundle_names",
    "decide",
    "load_bundle",
]
