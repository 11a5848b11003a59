# SPDX-License-Identifier: MIT
"""Turns a waveform into a picture whose axes are Hz and seconds, the same in NumPy and torch."""

from unsung.frontends.base import FrontEnd, build

__all__ = ["FrontEnd", "build"]
