# SPDX-License-Identifier: MIT
"""Writes a trained detector as a bundle: bundle.json, model.onnx and weights.safetensors."""

from unsung.export.bundle import export_bundle

__all__ = ["export_bundle"]
