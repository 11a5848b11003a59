# SPDX-License-Identifier: MIT
"""Reads safetensors files with NumPy alone (format: an 8-byte length, a JSON header, raw arrays).

Source: the format description of huggingface/safetensors. Nothing in such a file is executed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unsung.errors import BundleError
from unsung.text import parse_json

__all__ = ["read_safetensors"]

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4"}


def read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a safetensors file by name.

    Raises:
        BundleError: the file is missing or damaged, or holds a type that is not a plain number.
    """
    try:
        raw = path.read_bytes()
        size = int.from_bytes(raw[:8], "little")
        header = parse_json(raw[8 : 8 + size])
        body = memoryview(raw)[8 + size :]
        return {
            name: np.frombuffer(
                body[entry["data_offsets"][0] : entry["data_offsets"][1]], _TYPES[entry["dtype"]]
            ).reshape(entry["shape"])
            for name, entry in header.items()
            if name != "__metadata__"
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(
            f"{path}: expected a safetensors file, got {type(error).__name__} ({error}); "
            "export or download the bundle again"
        ) from error
