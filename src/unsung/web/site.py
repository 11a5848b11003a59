# SPDX-License-Identifier: MIT
"""Writes the page and the browser extension as folders that any static server can give out.

A site is the page's sources, the runtime, one bundle, the constants of this version, and a list of
all files with their hashes, from which the service worker keeps the page usable without a network.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unsung import reports
from unsung.errors import UsageError
from unsung.outputs import output_folder
from unsung.runtime import Bundle, load_bundle
from unsung.web.constants import constants
from unsung.web.runtime import RUNTIME, WEBGPU, find_runtime, sources

__all__ = ["Site", "write_extension", "write_site"]

_MARK = ".unsung-site"
"""Lies in every folder written here; nothing else is ever emptied."""

_BUNDLE = ("bundle.json", "model.onnx", "weights.safetensors")


@dataclass(frozen=True)
class Site:
    """A written site: its folder, and the sizes in bytes of what every visit loads and of all."""

    folder: Path
    loaded_bytes: int
    total_bytes: int


def write_site(
    folder: str | Path,
    detector: str | Path | Bundle = "default",
    runtime: str | Path | None = None,
) -> Site:
    """Write the page into a folder, which is emptied first if a site stands there.

    Args:
        folder: where to.
        detector: a bundle, its name or its folder.
        runtime: dist/ of onnxruntime-web; None finds or fetches it.

    Raises:
        UsageError: the folder holds something else, or the bundle cannot be averaged in a page.
        UnsungError: see `find_runtime`.
    """
    bundle = _usable(detector)
    found = find_runtime(runtime)
    out = _fresh(Path(folder), (bundle.path, found))
    shutil.copytree(sources() / "page", out, dirs_exist_ok=True)
    _fill(out, bundle, found, webgpu=True)
    names = _files(out)
    lazy = sorted(f"runtime/{name}" for name in WEBGPU if f"runtime/{name}" in names)
    eager = {name: digest for name, digest in names.items() if name not in (*lazy, "sw.js")}
    version = hashlib.sha256(json.dumps(names, sort_keys=True).encode()).hexdigest()[:16]
    build = {"version": version, "files": eager, "lazy": lazy}
    (out / "build.js").write_text(f"self.BUILD = {json.dumps(build)};\n", encoding="utf-8")
    (out / ".nojekyll").touch()  # static hosts must not drop or rewrite anything
    return _measured(out, lazy)


def write_extension(
    folder: str | Path,
    detector: str | Path | Bundle = "default",
    runtime: str | Path | None = None,
) -> Site:
    """Write the browser extension (Manifest V3), ready to be loaded or packed; see `write_site`."""
    bundle = _usable(detector)
    found = find_runtime(runtime)
    out = _fresh(Path(folder), (bundle.path, found))
    page = sources() / "page"
    for path in sorted(page.rglob("*")):
        if path.is_file() and path.suffix in (".js", ".css", ".svg", ".png"):
            if path.name in ("app.js", "sw.js", "page.css"):
                continue
            target = out / path.relative_to(page)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    shutil.copytree(sources() / "extension", out, dirs_exist_ok=True)
    _fill(out, bundle, found, webgpu=False)
    return _measured(out, ())


def _usable(detector: str | Path | Bundle) -> Bundle:
    bundle = detector if isinstance(detector, Bundle) else load_bundle(detector)
    names = [entry["name"] for entry in bundle.info["front_ends"]]
    if set(names) != {"residual_spectrum"} or not (bundle.path / "weights.safetensors").is_file():
        raise UsageError(
            f"{bundle.name}: the page computes residual_spectrum and a linear detector, this "
            f"bundle has {', '.join(names)}; use the default bundle, or scan on the command line"
        )
    return bundle


def _fill(out: Path, bundle: Bundle, runtime: Path, *, webgpu: bool) -> None:
    """Add what the sources lack: style, constants, bundle and runtime."""
    templates = Path(reports.__file__).parent / "templates"
    shutil.copyfile(templates / "style.css", out / "style.css")
    _write_json(out / "constants.json", constants())
    (out / "bundle").mkdir()
    for name in _BUNDLE:
        shutil.copyfile(bundle.path / name, out / "bundle" / name)
    (out / "runtime").mkdir()
    for name in (*RUNTIME, *(WEBGPU if webgpu else ())):
        if (runtime / name).is_file():
            shutil.copyfile(runtime / name, out / "runtime" / name)


def _fresh(out: Path, read: tuple[Path, ...]) -> Path:
    output_folder(out, (), {})
    for given in read:
        if given.resolve().is_relative_to(out.resolve()):
            raise UsageError(
                f"{out}: would be emptied, but {given}, which is read, lies in it; give another "
                "--output"
            )
    if out.exists() and any(out.iterdir()):
        if not (out / _MARK).is_file():
            raise UsageError(
                f"{out}: expected a new folder or one with an earlier site, this one holds other "
                "files; give another --output"
            )
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / _MARK).write_text("Written by unsung; emptied before it is written again.\n", "utf-8")
    return out


def _files(out: Path) -> dict[str, str]:
    """Return each file's path in the site and its hash; hidden files are left out."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def _measured(out: Path, lazy: list[str] | tuple[str, ...]) -> Site:
    sizes = {p.relative_to(out).as_posix(): p.stat().st_size for p in out.rglob("*") if p.is_file()}
    total = sum(sizes.values())
    return Site(out, total - sum(sizes[name] for name in lazy), total)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")
