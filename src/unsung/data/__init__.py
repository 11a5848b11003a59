# SPDX-License-Identifier: MIT
"""Lists of recordings: what is known of each, and how they are split without leaks."""

from unsung.data.table import read_manifest, read_table

__all__ = ["read_manifest", "read_table"]
