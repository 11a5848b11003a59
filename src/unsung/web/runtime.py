# SPDX-License-Identifier: MIT
"""Finds the WebAssembly runtime that runs the graph in the page: onnxruntime-web, from npm.

14 MB of WebAssembly are too much for a Python wheel. The version and its integrity hash are pinned
in package-lock.json; npm checks the hash when it fetches.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from unsung.errors import MissingTool, UnsungError, UsageError

__all__ = ["RUNTIME", "WEBGPU", "find_runtime", "sources"]

RUNTIME = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
)
"""What the page always loads."""

WEBGPU = (
    "ort.webgpu.min.mjs",
    "ort-wasm-simd-threaded.asyncify.mjs",
    "ort-wasm-simd-threaded.asyncify.wasm",
)
"""What only a page that computes with WebGPU loads."""

_PACKAGED = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGED.parents[2] / "web"


def sources() -> Path:
    """Return the folder that holds page/, extension/ and package-lock.json.

    In a wheel they lie beside this file, in a checkout in web/.
    """
    for folder in (_PACKAGED, _CHECKOUT):
        if (folder / "page" / "index.html").is_file():
            return folder
    raise UnsungError(
        "expected the page's sources in this installation, found none; "
        "install unsung again, or run this from a checkout"
    )


def find_runtime(given: str | Path | None = None) -> Path:
    """Return a folder with the runtime's files: the given one, the checkout's, or npm's fetch.

    Args:
        given: dist/ of an unpacked onnxruntime-web package.

    Raises:
        UsageError: the given folder does not hold them.
        MissingTool: they are not here yet and npm is not installed.
        UnsungError: npm failed.
    """
    if given is not None:
        if _complete(Path(given)):
            return Path(given)
        raise UsageError(
            f"{given}: expected the files {', '.join(RUNTIME)}; give dist/ of onnxruntime-web"
        )
    for root in (sources(), _cache()):
        if _complete(root / "node_modules" / "onnxruntime-web" / "dist"):
            return root / "node_modules" / "onnxruntime-web" / "dist"
    return _fetch(_cache())


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in RUNTIME)


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "unsung" / "web"


def _fetch(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise MissingTool("the program npm", "npm", "fetching the page's WebAssembly runtime")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(sources() / name, folder / name)
    command = [npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    dist = folder / "node_modules" / "onnxruntime-web" / "dist"
    if done.returncode or not _complete(dist):
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UnsungError(
            f"npm could not fetch the page's WebAssembly runtime ({last}); check the network, or "
            "give an unpacked onnxruntime-web with --runtime"
        )
    return dist
