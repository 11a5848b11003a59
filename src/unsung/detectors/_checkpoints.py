# SPDX-License-Identifier: MIT
"""Reads weight files of any origin and puts them into a detector, or says why they do not fit.

Formats: safetensors; what `torch.save` writes, read with ``weights_only`` alone, so that nothing in
a file is ever executed; in it a plain state dict, or a training checkpoint that holds one under
``model``, ``state_dict``, ``model_state_dict`` or ``MODEL_STATE``; with or without the prefix
``module.`` that each wrapper of data parallel training adds. When not to use: for TensorFlow's
formats.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unsung.errors import BundleError, MissingExtra

__all__ = ["hide_engines", "load_weights", "put_weights", "read_weights"]

_INSIDE = ("model", "state_dict", "model_state_dict", "MODEL_STATE")
_PREFIX = "module."
_SHOWN = 3
Change = Callable[[dict[str, Tensor]], dict[str, Tensor]]


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a weight file by name, on the CPU.

    Raises:
        BundleError: no such file, not a weight file, or one that would run code when loaded.
        MissingExtra: a safetensors file, and the package to read it is absent.
    """
    if not path.is_file():
        raise BundleError(
            f"{path}: expected a file of weights, found none; give a .safetensors, .bin, .pt or "
            ".pth file, or fetch one with `unsung weights fetch`"
        )
    found = _safetensors(path) if path.suffix == ".safetensors" else _pickled(path)
    for name in _INSIDE:
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]
            break
    if not isinstance(found, Mapping) or not found:
        raise BundleError(
            f"{path}: expected tensors by name, got {type(found).__name__}; save a state dict"
        )
    wrong = next((key for key, value in found.items() if not isinstance(value, Tensor)), None)
    if wrong is not None:
        raise BundleError(
            f"{path}: expected tensors by name, but '{wrong}' is {type(found[wrong]).__name__}; "
            f"save the state dict itself or under '{_INSIDE[0]}'"
        )
    weights: dict[str, Tensor] = dict(found)
    while all(key.startswith(_PREFIX) for key in weights):
        weights = {key.removeprefix(_PREFIX): value for key, value in weights.items()}
    return weights


def load_weights(
    module: torch.nn.Module, path: Path, *, change: Change | None = None, keep: Sequence[str] = ()
) -> None:
    """Put a file's weights into a module; nothing changes if anything does not fit.

    Args:
        module: the detector, already built with the right settings.
        path: see `read_weights`.
        change: renames or reshapes the file's tensors first.
        keep: beginnings of the names that stay as they are in the module.

    Raises:
        BundleError: names or shapes differ, or a number is not finite.
    """
    weights = read_weights(path)
    put_weights(module, change(weights) if change else weights, str(path), keep)


def put_weights(
    module: torch.nn.Module, weights: Mapping[str, Tensor], origin: str, keep: Sequence[str] = ()
) -> None:
    """Put tensors into a module as `load_weights` does; ``origin`` names them in errors."""
    own: dict[str, Tensor] = module.state_dict()
    kept = tuple(keep)
    faults = _misfits(own, weights, kept)
    if faults:
        shown = "; ".join(faults[:_SHOWN]) + (
            f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        )
        raise BundleError(
            f"{origin}: these weights are not of this {type(module).__name__}: {shown}; "
            "build the detector with the settings that the weights were trained with"
        )
    for name, value in weights.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise BundleError(f"{origin}: '{name}' holds NaN or infinity; the training diverged")
    module.load_state_dict({**own, **weights})


def hide_engines(module: torch.nn.Module) -> None:
    """Keep the constants of the front ends out of a detector's state dict.

    They follow from the parameter record; without them the keys are those of published files.
    """
    module.register_state_dict_post_hook(_drop)  # type: ignore[no-untyped-call]
    module.register_load_state_dict_pre_hook(_add)  # type: ignore[no-untyped-call]


def _drop(_: torch.nn.Module, state: dict[str, Any], prefix: str, __: Any) -> None:
    for key in [key for key in state if key.startswith(f"{prefix}engines.")]:
        del state[key]


def _add(module: torch.nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    for name, value in module.named_buffers():
        if name.startswith("engines."):
            state.setdefault(prefix + name, value)


def _misfits(
    own: Mapping[str, Tensor], weights: Mapping[str, Tensor], kept: tuple[str, ...]
) -> list[str]:
    """Return in words what is missing, too much or of another shape."""
    needed = {key for key in own if not key.endswith("num_batches_tracked")}
    if kept:
        needed = {key for key in needed if not key.startswith(kept)}
    faults = [f"'{key}' is missing" for key in sorted(needed - weights.keys())]
    faults += [f"'{key}' has no place" for key in sorted(weights.keys() - own.keys())]
    for key in sorted(weights.keys() & own.keys()):
        came, wanted = list(weights[key].shape), list(own[key].shape)
        if came != wanted:
            faults.append(f"'{key}' has shape {came}, expected {wanted}")
    return faults


def _safetensors(path: Path) -> Any:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ModuleNotFoundError as error:
        raise MissingExtra("safetensors", "research", "reading a .safetensors file") from error
    try:
        return load_file(str(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise BundleError(
            f"{path}: expected a safetensors file, got {type(error).__name__} ({error}); "
            "download or export it again"
        ) from error


def _pickled(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old or new pickles, which fail or load below
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BundleError(
            f"{path}: refused, because loading it would run code or it is damaged "
            f"({_first_line(error)}); ask for the weights as safetensors or as a plain state dict"
        ) from error
    except Exception as error:  # any bytes may come, and its reader has an error for each
        raise BundleError(
            f"{path}: expected a file of weights, got {type(error).__name__} "
            f"({_first_line(error)}); download or save it again"
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else "no message"
