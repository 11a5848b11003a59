# SPDX-License-Identifier: MIT
"""A detector as a folder: config.json, model.safetensors, README.md.

Conventions of huggingface_hub's PyTorchModelHubMixin: ``config.json`` holds the constructor's
arguments (and the detector's registered name), ``model.safetensors`` the state dict, ``README.md``
the card. Nothing in any file is ever executed. When not to use: to scan; that takes a bundle, which
also holds calibration.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from unsung import frontends, registry
from unsung.detectors._cards import WeightsCard
from unsung.detectors._checkpoints import load_weights, put_weights, read_weights
from unsung.detectors._sonics import published_settings
from unsung.detectors.base import Detector
from unsung.errors import BundleError, MissingExtra, UnknownName, UsageError
from unsung.frontends import FrontEnd
from unsung.outputs import FOREIGN, Kind, json_with, output_folder, replacing, write_whole
from unsung.text import parse_json
from unsung.types import Record

__all__ = [
    "CONFIG",
    "FILES",
    "OLD_WEIGHTS",
    "WEIGHTS",
    "WRITTEN",
    "Saved",
    "convert",
    "load_pretrained",
    "make",
    "save_pretrained",
]

CONFIG, WEIGHTS, README = FILES = ("config.json", "model.safetensors", "README.md")
OLD_WEIGHTS = "pytorch_model.bin"
WRITTEN = {
    CONFIG: Kind("a detector's settings", (), json_with("detector", "outputs")),
    **dict.fromkeys((WEIGHTS, README), FOREIGN),
}
"""What stands in the folder; the settings are its sign."""
_MADE_WITH = "_made_with"
_TAGS = ("audio-classification", "model_hub_mixin", "pytorch_model_hub_mixin", "unsung")


@dataclass(frozen=True)
class Saved(Record):
    """A detector in a folder; ``sha256`` is that of its safetensors file."""

    name: str
    folder: str
    detector: str
    sha256: str
    n_parameters: int
    licence: str = ""
    notes: str = ""


def make(name: str, parameters: Mapping[str, Any]) -> Detector:
    """Build a detector from its registered name and its constructor's arguments.

    Raises:
        UnknownName: no such detector, or no such argument.
    """
    kind = registry.get("detectors", name)
    known = [key for key in inspect.signature(kind.__init__).parameters if key != "self"]
    for key in parameters:
        if key not in known:
            raise UnknownName(f"{name} setting", key, known)
    made: Detector = kind(**{key: _decoded(value) for key, value in parameters.items()})
    setattr(made, _MADE_WITH, dict(parameters))
    return made


def save_pretrained(
    detector: Detector,
    folder: Path,
    *,
    name: str = "",
    about: WeightsCard | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Saved:
    """Write a detector as config.json, model.safetensors and README.md.

    Args:
        detector: any registered detector.
        folder: made if it is not there; files of these names that an earlier call wrote are
            replaced.
        name: what it is called; by default the folder's name.
        about: licence and origin for the README.
        parameters: the constructor's arguments; by default read from attributes of their names,
            or those that `make` was given.

    Raises:
        UsageError: an argument of the constructor is not kept as an attribute, or files of these
            names stand in the folder that are not of an earlier call.
        MissingExtra: the package safetensors is not installed.
    """
    try:
        from safetensors.torch import save
    except ModuleNotFoundError as error:
        raise MissingExtra("safetensors", "research", "writing weights") from error
    output_folder(folder, (), WRITTEN, signs=(CONFIG,))
    kind = type(detector).__module__.rsplit(".", 1)[-1]
    settings = _settings_of(detector) if parameters is None else dict(parameters)
    state = {k: v.detach().cpu().contiguous().clone() for k, v in detector.state_dict().items()}
    raw = save(state, metadata={"format": "pt"})
    config = {"detector": kind, "outputs": list(detector.outputs), **settings}
    saved = Saved(
        name or folder.name,
        str(folder),
        kind,
        hashlib.sha256(raw).hexdigest(),
        sum(parameter.numel() for parameter in detector.parameters()),
        about.licence if about else "",
        about.notes if about else "",
    )
    texts = {
        CONFIG: json.dumps(config, indent=2, sort_keys=True) + "\n",
        README: _readme(saved, detector, about),
    }
    for name_, text in texts.items():
        write_whole(folder / name_, text)
    with replacing(folder / WEIGHTS) as part:
        part.write_bytes(raw)
    return saved


def load_pretrained(folder: Path) -> Detector:
    """Load what `save_pretrained` wrote, or a published SONICS repository's files.

    Raises:
        BundleError: config or weights are missing, damaged or do not fit each other.
    """
    try:
        config = parse_json((folder / CONFIG).read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("not a table")
    except (OSError, ValueError) as error:
        raise BundleError(
            f"{folder}: expected a folder with {CONFIG} and {WEIGHTS}, cannot read {CONFIG} "
            f"({error}); write one with `unsung weights fetch` or `convert`"
        ) from error
    if "detector" in config:
        name = str(config["detector"])
        settings = {k: v for k, v in config.items() if k not in ("detector", "outputs")}
    else:
        name, settings = published_settings(config, str(folder))
    detector = make(name, settings)
    path = folder / WEIGHTS
    if not path.is_file() and (folder / OLD_WEIGHTS).is_file():
        path = folder / OLD_WEIGHTS
    put_weights(detector, read_weights(path), str(path))
    return detector.eval()


def convert(
    path: Path, detector: str, parameters: Mapping[str, Any], folder: Path, name: str = ""
) -> Saved:
    """Turn a local checkpoint of any format into a folder as `save_pretrained` writes it.

    Raises:
        BundleError: the file is none, would execute code, or does not fit the detector.
    """
    output_folder(folder, (path,), WRITTEN, signs=(CONFIG,))
    made = make(detector, parameters)
    load_weights(made, path)
    return save_pretrained(made, folder, name=name)


def _settings_of(detector: Detector) -> dict[str, Any]:
    """Return the constructor's arguments, read from attributes of the same names."""
    settings = {}
    for key in inspect.signature(type(detector).__init__).parameters:
        if key == "self":
            continue
        value = getattr(detector, key, detector)
        if value is detector or isinstance(value, torch.nn.Module | torch.Tensor):
            if hasattr(detector, _MADE_WITH):
                return dict(getattr(detector, _MADE_WITH))
            raise UsageError(
                f"{type(detector).__name__} does not keep its argument '{key}' as an attribute; "
                "pass parameters={...} with the arguments it was made with"
            )
        settings[key] = _encoded(value)
    return settings


def _encoded(value: Any) -> Any:
    if isinstance(value, FrontEnd):
        kind = type(value).__module__.rsplit(".", 1)[-1]
        return {"front_end": kind, "parameters": value.to_dict()}
    if isinstance(value, list | tuple):
        return [_encoded(item) for item in value]
    return value


def _decoded(value: Any) -> Any:
    if isinstance(value, Mapping) and set(value) == {"front_end", "parameters"}:
        return frontends.build(str(value["front_end"]), value["parameters"])
    if isinstance(value, list | tuple):
        return tuple(_decoded(item) for item in value)
    return value


def _readme(saved: Saved, detector: Detector, about: WeightsCard | None) -> str:
    head = ["---", "library_name: unsung"]
    head += [f"license: {about.licence.lower()}"] if about else []
    head += ["tags:", *(f"- {tag}" for tag in _TAGS), "---", ""]
    lines = [
        f"# {saved.name}",
        "",
        f"Detector `{saved.detector}` of unsung, {saved.n_parameters} parameters. "
        f"Outputs: {', '.join(detector.outputs)}. A positive logit means AI-generated where the "
        "output is `ai`.",
    ]
    if about:
        source = about.url or f"{about.repository}, {about.file}, revision {about.revision}"
        lines += ["", f"From {source}. {about.paper}. Trained on: {about.data}. {about.notes}"]
    return "\n".join([*head, *lines]).rstrip() + "\n"
