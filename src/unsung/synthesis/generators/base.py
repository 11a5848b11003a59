# SPDX-License-Identifier: MIT
"""The base of all generators: a prompt, a seed and a length in; a clip with provenance out.

A subclass states what it is (`Info`), names every setting in its ``__init__`` and generates one
clip at a time. Weights are loaded at the first clip, not before. Units: seconds, Hz, GB.
"""

from __future__ import annotations

import inspect
import types
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from unsung import registry
from unsung.errors import MissingExtra, UnknownName, UnsungError, UsageError
from unsung.synthesis.prompts import Prompt
from unsung.types import Clip, Record

__all__ = ["Generator", "GeneratorError", "Info", "NotReady", "build", "survey"]


class GeneratorError(UnsungError):
    """One clip could not be generated; the others go on."""


class NotReady(UnsungError):
    """A generator's program, repository or weights are absent; the message says how to get them."""


@dataclass(frozen=True)
class Info(Record):
    """What anyone must know before using a generator; figures as its makers publish them.

    Attributes:
        title: published name.
        family: manifest family; variants of one system share it.
        licence: of the weights, SPDX or the publisher's words.
        homepage: where it is described.
        needs: what has to be there, in one sentence with the command that brings it.
        packages: Python packages besides the core.
        sings: whether it takes lyrics.
        style_format: how it likes its style: "sentence" or "tags".
        default_s: length when none is asked for.
        longest_s: the longest clip it can make in one go.
        sample_rate_hz: of its sound; 0 if the model decides.
        disk_gb: size of the weights, about; 0 if unknown.
        gpu_gb: GPU memory, as published; 0 if unstated.
        citation: authors, title, year.
    """

    title: str
    family: str
    licence: str
    homepage: str
    needs: str
    packages: tuple[str, ...] = ()
    sings: bool = False
    style_format: str = "sentence"
    default_s: float = 10.0
    longest_s: float = 30.0
    sample_rate_hz: int = 0
    disk_gb: float = 0.0
    gpu_gb: float = 0.0
    citation: str = ""


class Generator(ABC):
    """One system that makes music from a prompt.

    Args:
        **settings: everything that shapes its sound besides prompt, seed and length.
    """

    CAPABILITY: ClassVar[bool] = True
    EXTRA: ClassVar[str] = "synthesis"
    info: ClassVar[Info]

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    @cached_property
    def name(self) -> str:
        """Public name: that of the file."""
        return type(self).__module__.rsplit(".", 1)[-1]

    @property
    def label(self) -> str:
        """Name in manifests; the model's own name where there are several."""
        model = str(self.settings.get("model", "")).rstrip("/")
        return model.rsplit("/", 1)[-1] or self.name

    def check(self) -> None:
        """Make sure, without loading weights, that all that is needed is there.

        Raises:
            MissingExtra: a Python package is absent.
            NotReady: a program, repository or setting is absent.
        """
        for package in self.info.packages:
            if find_spec(package) is None:
                raise MissingExtra(package, self.EXTRA, f"the generator '{self.name}'")

    @abstractmethod
    def generate(self, prompt: Prompt, seed: int, duration_s: float) -> Clip:
        """Make one clip; the same prompt, seed and length give the same clip on one machine.

        Shape of the samples: ``[channel, time]``, at most `duration_s` long.

        Raises:
            UsageError: a length that the system cannot make.
            GeneratorError: it failed; the message holds its own words.
        """

    def provenance(self) -> dict[str, Any]:
        """Return what another person needs to make the same clips: model, settings, versions."""
        return {
            "generator": self.name,
            "label": self.label,
            "family": self.info.family,
            "licence": self.info.licence,
            "model": self.settings.get("model", ""),
            "revision": self.settings.get("revision", ""),
            "settings": dict(self.settings),
            "packages": {name: _version(name) for name in ("unsung", *self.info.packages)},
        }

    def check_length(self, duration_s: float) -> None:
        """Refuse a length that this system cannot make in one go.

        Raises:
            UsageError: zero, negative, not a number, or longer than `info.longest_s`.
        """
        if not 0 < duration_s <= self.info.longest_s:
            raise UsageError(
                f"{self.name}: expected a length above 0 and up to {self.info.longest_s:g} s, "
                f"got {duration_s:g} s"
            )

    def _clip(self, samples: Any, sample_rate_hz: int, duration_s: float) -> Clip:
        """Return samples as a clip, cut to the length asked for. Shape: ``[channel, time]``."""
        sound = np.atleast_2d(np.asarray(samples, dtype=np.float32))
        return Clip(sound[:, : round(duration_s * sample_rate_hz)], int(sample_rate_hz))


def build(name: str, settings: Mapping[str, Any] | None = None) -> Generator:
    """Build a generator by name; settings may be text, as the command line gives them.

    Raises:
        UnknownName: no such generator or setting; the message suggests the nearest.
        UsageError: a setting's text does not fit its type.
    """
    kind = registry.get("generators", name)
    known = inspect.signature(kind.__init__).parameters
    hints = get_type_hints(kind.__init__)
    values = {}
    for key, value in (settings or {}).items():
        if key not in known or key == "self":
            raise UnknownName(f"setting of {name}", key, [k for k in known if k != "self"])
        values[key] = _typed(name, key, value, hints.get(key, str))
    built: Generator = kind(**values)
    return built


def survey() -> list[tuple[str, Info, str]]:
    """Return every generator's name, facts, and what it lacks here (empty: ready)."""
    rows = []
    for name in registry.names("generators"):
        generator = build(name)
        try:
            generator.check()
            lack = ""
        except UnsungError as error:
            lack = str(error)
        rows.append((name, generator.info, lack))
    return rows


def _typed(name: str, key: str, value: Any, hint: Any) -> Any:
    if not isinstance(value, str) or hint is str:
        return value
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(arg for arg in get_args(hint) if arg is not type(None))
    try:
        if hint is bool:
            return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
        return hint(value)
    except (ValueError, KeyError) as error:
        raise UsageError(
            f"{name}: expected {hint.__name__} for the setting {key}, got '{value}'"
        ) from error


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
