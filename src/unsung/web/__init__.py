# SPDX-License-Identifier: MIT
"""The scanner as a static page: builds it from the installed package and serves it locally."""

from __future__ import annotations

from unsung.web.constants import constants
from unsung.web.runtime import find_runtime
from unsung.web.serve import serve
from unsung.web.site import Site, write_extension, write_site

__all__ = ["Site", "constants", "find_runtime", "serve", "write_extension", "write_site"]
