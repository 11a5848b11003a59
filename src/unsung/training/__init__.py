# SPDX-License-Identifier: MIT
"""Fits detectors on manifests and measures them on what they have not heard."""
