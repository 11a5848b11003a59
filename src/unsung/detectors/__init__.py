# SPDX-License-Identifier: MIT
"""Turns a waveform into a logit, one file an architecture; needs the extra `research`."""
