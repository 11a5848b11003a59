# SPDX-License-Identifier: MIT
"""Lists of recordings: what is known of each, and how they are split without leaks."""

from unsung.data.manifests import iter_manifest, read_manifest, write_manifest
from unsung.data.table import read_table

__all__ = ["iter_manifest", "read_manifest", "read_table", "write_manifest"]
