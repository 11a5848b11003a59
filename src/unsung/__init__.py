# SPDX-License-Identifier: MIT
"""unsung tells AI-generated music from human recordings, tests its own verdict, and shows why.

>>> import unsung
>>> score = unsung.scan("missing.mp3")  # one file, one Score; a folder gives a list
>>> score.error.type
'UnreadableAudio'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unsung.errors import AudioError, BundleError, MissingExtra, UnsungError, UsageError
    from unsung.runtime import Bundle, load_bundle
    from unsung.scanning import scan_paths as scan
    from unsung.types import (
        Clip,
        Evidence,
        Failure,
        Manifest,
        Peak,
        Picture,
        Provenance,
        Result,
        Score,
        Track,
    )

    __version__: str

__all__ = [
    "AudioError",
    "Bundle",
    "BundleError",
    "Clip",
    "Evidence",
    "Failure",
    "Manifest",
    "MissingExtra",
    "Peak",
    "Picture",
    "Provenance",
    "Result",
    "Score",
    "Track",
    "UnsungError",
    "UsageError",
    "__version__",
    "load_bundle",
    "scan",
]

_HOMES = {
    "unsung.errors": ("AudioError", "BundleError", "MissingExtra", "UnsungError", "UsageError"),
    "unsung.runtime": ("Bundle", "load_bundle"),
    "unsung.types": (
        "Clip",
        "Evidence",
        "Failure",
        "Manifest",
        "Peak",
        "Picture",
        "Provenance",
        "Result",
        "Score",
        "Track",
    ),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import on first use: `import unsung` alone loads neither NumPy nor ONNX Runtime."""
    if name == "__version__":
        value: Any = _version()
    elif name == "scan":
        value = import_module("unsung.scanning").scan_paths
    elif name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module 'unsung' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("unsung")
    except PackageNotFoundError:  # run from a source folder that was never installed
        return "0+unknown"
