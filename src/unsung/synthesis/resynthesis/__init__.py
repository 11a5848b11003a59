# SPDX-License-Identifier: MIT
"""Passes human music through a decoder: same music, only the decoder's traces differ."""
