# SPDX-License-Identifier: MIT
"""Tests of unsung.training: on synthetic sound, with a small network or the linear detector."""
