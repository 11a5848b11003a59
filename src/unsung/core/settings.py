# SPDX-License-Identifier: MIT
"""Settings: `key=value` and TOML → plain values → records, with near names and checked types."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from unsung.errors import UnknownName, UsageError

__all__ = ["above", "among", "built", "fraction", "pair", "parsed", "parsed_all", "replaced"]

Made = TypeVar("Made")


def built(kind: type[Made], values: Mapping[str, Any], where: str) -> Made:
    """Build a record, and the records in it; ``where`` is the key that leads to it.

    Raises:
        UnknownName: a key that the record does not have.
        UsageError: a needed key is missing, or a value has another type.
    """
    hints = get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    place = f"[{where}]" if where else "the recipe"
    for key in values:
        if key not in fields:
            raise UnknownName(f"key in {place}", key, fields)
    for name, item in fields.items():
        needed = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if needed and name not in values:
            raise UsageError(f"expected the key '{name}' in {place}; add it")
    prefix = f"{where}." if where else ""
    return kind(**{key: _fit(hints[key], v, f"{prefix}{key}") for key, v in values.items()})


def replaced(values: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Return the values with each ``key=value`` put in; the value is TOML or plain text."""
    for text in settings:
        key, value = parsed(text)
        *tables, last = key.split(".")
        place = values
        for table in tables:
            if not isinstance(held := place.get(table, {}), Mapping):
                raise UsageError(
                    f"--set {text}: '{table}' is no table; give the whole value in TOML"
                )
            place[table] = dict(held)
            place = place[table]
        place[last] = value
    return values


def pair(
    text: str, what: str = "--set", example: str = "steps=20", *, empty: bool = False
) -> tuple[str, str]:
    """Split ``key=value`` at its first sign; spaces around either side go.

    >>> pair("guidance_scale = 2.5")
    ('guidance_scale', '2.5')

    Raises:
        UsageError: no sign, no key, or no value where one is needed (not ``empty``).
    """
    key, equals, word = (piece.strip() for piece in text.partition("="))
    if not (equals and key and (word or empty)):
        raise UsageError(f"{what}: expected key=value, got '{text}'; for example {example}")
    return key, word


def parsed(text: str) -> tuple[str, Any]:
    """Read a setting.

    >>> parsed("optimiser.lr=1e-4"), parsed("detector=vit")
    (('optimiser.lr', 0.0001), ('detector', 'vit'))
    """
    key, word = pair(text, empty=True)
    try:
        return key, tomllib.loads(f"value = {word}")["value"]
    except tomllib.TOMLDecodeError:
        return key, word


def parsed_all(texts: Iterable[str]) -> dict[str, Any]:
    """Read settings; the last of a key counts."""
    return dict(parsed(text) for text in texts)


def among(name: str, value: str, known: Sequence[str]) -> None:
    """Refuse a word that is not known."""
    if value not in known:
        raise UnknownName(f"value of {name}", value, known)


def fraction(name: str, value: float, closed: bool = False) -> None:
    """Refuse what is not a share from 0 (to 1, if closed)."""
    if not (0 <= value < 1 or (closed and value == 1)):
        raise UsageError(f"{name}: expected a share from 0 to {'1' if closed else 'below 1'}, got "
                         f"{value}")  # fmt: skip


def above(table: str, record: object, least: float, *names: str) -> None:
    """Refuse numbers below the least."""
    for name in names:
        value = getattr(record, name)
        if not value >= least:
            raise UsageError(f"{table}.{name}: expected {least:g} or more, got {value}")


def _fit(hint: Any, value: Any, where: str) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return built(hint, _table(value, where), where)
    if origin is dict:
        return {k: _fit(args[1], v, f"{where}.{k}") for k, v in _table(value, where).items()}
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise UsageError(f"{where}: expected a list, got {value!r}; write [{value!r}]")
        return tuple(_fit(args[0], item, where) for item in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is not Any and (
        not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool)
    ):
        raise UsageError(f"{where}: expected {_WORDS[hint]}, got {value!r}")
    return value


_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{where}: expected a table, got {value!r}")
    return value
