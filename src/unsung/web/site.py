# SPDX-License-Identifier: MIT
"""Writes the page and the browser extension as folders that any static server can give out.

A site is the page's sources, the runtime, one bundle, the constants of this version, and a list of
all files with their hashes, from which the service worker keeps the page usable without a network.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unsung import reports
from unsung.errors import UsageError
from unsung.outputs import output_folder, replacing, write_whole
from unsung.runtime import Bundle, load_bundle
from unsung.scratch import Scratch
from unsung.web.constants import constants
from unsung.web.runtime import RUNTIME, WEBGPU, find_runtime, sources

__all__ = ["Site", "write_extension", "write_site"]

_MARK = ".unsung-site"
"""Lies in every folder written here and names each file of it; all others belong to somebody."""

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
    """Write the page into a folder; of an earlier site there only its own files go.

    Args:
        folder: where to; what others put into it stays, a ``CNAME`` for instance.
        detector: a bundle, its name or its folder.
        runtime: dist/ of onnxruntime-web; None finds or fetches it.

    Raises:
        UsageError: the folder holds something else, or the bundle cannot be averaged in a page.
        UnsungError: see `find_runtime`.
    """
    bundle = _usable(detector)
    found = find_runtime(runtime)
    out = _checked(Path(folder), (bundle.path, found))
    with Scratch("site") as scratch:
        made = shutil.copytree(sources() / "page", scratch / "site")
        _fill(made, bundle, found, webgpu=True)
        names = _files(made)
        lazy = sorted(f"runtime/{name}" for name in WEBGPU if f"runtime/{name}" in names)
        eager = {name: digest for name, digest in names.items() if name not in (*lazy, "sw.js")}
        version = hashlib.sha256(json.dumps(names, sort_keys=True).encode()).hexdigest()[:16]
        build = {"version": version, "files": eager, "lazy": lazy}
        (made / "build.js").write_text(f"self.BUILD = {json.dumps(build)};\n", encoding="utf-8")
        (made / ".nojekyll").touch()  # static hosts must not drop or rewrite anything
        return _published(made, out, lazy)


def write_extension(
    folder: str | Path,
    detector: str | Path | Bundle = "default",
    runtime: str | Path | None = None,
) -> Site:
    """Write the browser extension (Manifest V3), ready to be loaded or packed; see `write_site`."""
    bundle = _usable(detector)
    found = find_runtime(runtime)
    out = _checked(Path(folder), (bundle.path, found))
    page = sources() / "page"
    with Scratch("extension") as scratch:
        made = shutil.copytree(sources() / "extension", scratch / "extension")
        for path in sorted(page.rglob("*")):
            if path.is_file() and path.suffix in (".js", ".css", ".svg", ".png"):
                if path.name in ("app.js", "sw.js", "page.css"):
                    continue
                target = made / path.relative_to(page)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
        _fill(made, bundle, found, webgpu=False)
        return _published(made, out, ())


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


def _checked(out: Path, read: tuple[Path, ...]) -> Path:
    output_folder(out, (), {})
    for given in read:
        if given.resolve().is_relative_to(out.resolve()):
            raise UsageError(
                f"{out}: would be written over, but {given}, which is read, lies in it; give "
                "another --output"
            )
    if out.exists() and any(out.iterdir()) and not (out / _MARK).is_file():
        raise UsageError(
            f"{out}: expected a new folder or one with an earlier site, this one holds other "
            "files; give another --output"
        )
    return out


def _published(made: Path, out: Path, lazy: list[str] | tuple[str, ...]) -> Site:
    """Put a finished site in the place of an earlier one; whatever is not of it stays."""
    names = {p.relative_to(made).as_posix() for p in made.rglob("*") if p.is_file()}
    earlier = _earlier(out)
    for name in sorted(names - earlier):
        if os.path.lexists(out / name):
            raise UsageError(
                f"{out / name}: is no file of the earlier site and is left as it is; move it away "
                "or give another --output"
            )
    _note(out, names | earlier)  # first: a killed call must know its own files again
    for name in earlier - names:
        (out / name).unlink(missing_ok=True)
    sizes = {}
    for name in sorted(names):
        with replacing(out / name) as part:
            shutil.copyfile(made / name, part)
        sizes[name] = (made / name).stat().st_size
    _note(out, names)
    total = sum(sizes.values())
    return Site(out, total - sum(sizes[name] for name in lazy), total)


def _note(out: Path, names: set[str]) -> None:
    write_whole(out / _MARK, "".join(f"{name}\n" for name in sorted(names)))


def _earlier(out: Path) -> set[str]:
    """Return the files that the mark names, those below the folder alone."""
    try:
        lines = (out / _MARK).read_text("utf-8", "replace").split("\n")
    except FileNotFoundError:
        return set()
    inside = {line for line in lines if line and not {"", ".."} & set(line.split("/"))}
    return {name for name in inside if (out / name).is_file()}


def _files(out: Path) -> dict[str, str]:
    """Return each file's path in the site and its hash; hidden files are left out."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")
