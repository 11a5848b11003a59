# SPDX-License-Identifier: MIT
"""Generators of music that one can run: a prompt and a seed in, a track with provenance out."""
