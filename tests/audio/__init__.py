# SPDX-License-Identifier: MIT
"""Tests of unsung.audio: real encoded files, made on the spot."""
