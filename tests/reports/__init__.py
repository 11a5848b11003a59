# SPDX-License-Identifier: MIT
"""Tests of unsung.reports: pages made from synthetic scores, read back as a browser would."""
