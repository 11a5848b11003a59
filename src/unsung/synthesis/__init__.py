# SPDX-License-Identifier: MIT
"""Makes sound: small pieces of music played by rule, and the same music through a decoder.

The demo part needs NumPy and SciPy only; ``make_demo`` writes all of it into a folder.
"""
