# SPDX-License-Identifier: MIT
"""Finds capabilities by file name: one file, one public class, no registration line.

A kind is a folder of the package (``attacks`` is ``unsung/attacks``); every module in it whose
name has no leading underscore and is not ``base`` is one capability. Other packages add theirs
through the entry-point group ``unsung.<kind>``.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from unsung.errors import MissingExtra, UnknownName, UnsungError

__all__ = ["EXTRAS", "KINDS", "get", "kinds", "missing_extra", "names", "summary"]

EXTRAS = {
    "accelerate": "generators",
    "ai_edge_litert": "synthesis",
    "bigvgan": "vocoders",
    "captum": "research",
    "datasets": "data",
    "demucs": "separation",
    "diffusers": "generators",
    "fastapi": "serve",
    "fluidsynth": "synthesis",
    "fsspec": "objects",
    "huggingface_hub": "data",
    "librosa": "vocoders",
    "matplotlib": "research",
    "mido": "synthesis",
    "multipart": "serve",
    "onnx": "research",
    "onnxscript": "research",
    "openai": "synthesis",
    "PIL": "generators",
    "pooch": "data",
    "prometheus_client": "serve",
    "pyarrow": "tables",
    "python_multipart": "serve",
    "pyworld": "vocoders",
    "quantus": "oracle",
    "ray": "cluster",
    "s3fs": "objects",
    "safetensors": "research",
    "shap": "research",
    "sklearn": "research",
    "submitit": "cluster",
    "tensorboard": "tensorboard",
    "timm": "vision",
    "torch": "research",
    "torchvision": "vision",
    "transformers": "synthesis",
    "uvicorn": "serve",
    "webdataset": "data",
}
"""Optional package as it is imported → the extra that brings it."""

KINDS: dict[str, str] = {
    "attacks": "unsung.attacks",
    "datasets": "unsung.data.datasets",
    "detectors": "unsung.detectors",
    "explainers": "unsung.explainers",
    "frontends": "unsung.frontends",
    "generators": "unsung.synthesis.generators",
    "resynthesis": "unsung.synthesis.resynthesis",
}
"""Kind → package that holds one file for each capability."""


def kinds() -> list[str]:
    """Return the kinds that this installation has a folder for."""
    return [kind for kind in KINDS if _folder(kind) is not None]


def names(kind: str) -> list[str]:
    """Return all names of a kind, sorted, without importing any of them.

    >>> "residual_spectrum" in names("frontends")
    True
    """
    return sorted({*_modules(kind), *(point.name for point in _plugins(kind))})


def summary(kind: str, name: str) -> str:
    """Return the first line of a capability's docstring, read without importing it."""
    folder = _folder(kind)
    path = folder / f"{name}.py" if folder else None
    if path is None or not path.is_file():
        plugin = next((p for p in _plugins(kind) if p.name == name), None)
        return f"from {plugin.value}" if plugin else ""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.splitlines()[0] if text else ""


def get(kind: str, name: str) -> type[Any]:
    """Import one capability and return its class.

    Raises:
        UnknownName: no such kind or name; the message suggests the nearest one.
        MissingExtra: the capability needs a package that is not installed.
        UnsungError: the file does not hold exactly one public subclass of its folder's base.
    """
    modules = _modules(kind)
    if name in modules:
        try:
            return _only_class(kind, import_module(f"{KINDS[kind]}.{name}"))
        except ModuleNotFoundError as error:
            absent = missing_extra(error, f"the {kind.removesuffix('s')} '{name}'")
            if absent is None:
                raise
            raise absent from error
    for point in _plugins(kind):
        if point.name == name:
            loaded: type[Any] = point.load()
            return loaded
    raise UnknownName(kind.removesuffix("s"), name, names(kind))


def missing_extra(error: ModuleNotFoundError, need: str) -> MissingExtra | None:
    """Return the error that says which extra brings the module; None if none of ours does.

    >>> missing_extra(ModuleNotFoundError(name="torch.nn"), "training").extra
    'research'
    """
    package = (error.name or "").split(".")[0]
    return MissingExtra(package, EXTRAS[package], need) if package in EXTRAS else None


def _only_class(kind: str, module: Any) -> type[Any]:
    base_module = import_module(f"{KINDS[kind]}.base")
    bases = tuple(
        item
        for item in vars(base_module).values()
        if inspect.isclass(item)
        and item.__module__ == base_module.__name__
        and getattr(item, "CAPABILITY", False)
    )
    found = [
        item
        for label, item in vars(module).items()
        if inspect.isclass(item)
        and not label.startswith("_")
        and item.__module__ == module.__name__
        and issubclass(item, bases)
    ]
    if len(found) != 1:
        raise UnsungError(
            f"{module.__name__}: expected exactly one public subclass of "
            f"{' or '.join(base.__name__ for base in bases)}, found {len(found)}; "
            "one file holds one capability"
        )
    return found[0]


def _folder(kind: str) -> Path | None:
    if kind not in KINDS:
        raise UnknownName("kind", kind, KINDS)
    try:
        spec = find_spec(KINDS[kind])
    except ModuleNotFoundError:  # a parent folder does not exist yet
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _modules(kind: str) -> list[str]:
    folder = _folder(kind)
    if folder is None:
        return []
    found: Iterator[str] = (item.name for item in pkgutil.iter_modules([str(folder)]))
    return sorted(n for n in found if not n.startswith("_") and n != "base")


def _plugins(kind: str) -> list[EntryPoint]:
    return sorted(entry_points(group=f"unsung.{kind}"), key=lambda point: point.name)
