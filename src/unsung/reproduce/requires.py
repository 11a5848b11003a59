# SPDX-License-Identifier: MIT
"""What an experiment waits for: capabilities that this installation does not have yet.

``requires = ["detectors/spectttra", "bundles/spectttra"]`` in its file lets an experiment be
declared before it can run: the list says what it waits for, and running it is a clear error.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from unsung import registry
from unsung.errors import UnknownName, UsageError
from unsung.runtime import bundle_names

__all__ = ["absent_attacks", "check_requires", "missing"]

BUNDLES = "bundles"


def missing(requires: Sequence[str], given: Collection[str] = ()) -> list[str]:
    """Return what is not there, as it is written in the file.

    Args:
        requires: ``kind/name``, where kind is a kind of capability or "bundles".
        given: names of bundles that the call brings itself (`--data NAME=FOLDER`).

    Raises:
        UsageError: an entry is not of the form ``kind/name``.
        UnknownName: no such kind.
    """
    found = []
    for text in requires:
        kind, slash, name = text.partition("/")
        if not (slash and name):
            raise UsageError(
                f"requires: expected kind/name, got '{text}'; for example detectors/spectttra"
            )
        if kind == BUNDLES:
            present = {*bundle_names(), *given}
        elif kind in registry.KINDS:
            present = set(registry.names(kind)) if kind in registry.kinds() else set()
        else:
            raise UnknownName("kind of capability", kind, [*registry.KINDS, BUNDLES])
        if name not in present:
            found.append(text)
    return found


def absent_attacks(requires: Sequence[str]) -> frozenset[str]:
    """Return the names of the attacks that are waited for."""
    return frozenset(
        text.removeprefix("attacks/") for text in missing(requires) if text.startswith("attacks/")
    )


def check_requires(name: str, requires: Sequence[str], data: Mapping[str, str]) -> None:
    """Refuse to run an experiment whose parts are not there yet.

    Raises:
        UsageError: the message names what is missing.
    """
    absent = missing(requires, data)
    if absent:
        raise UsageError(
            f"experiment '{name}' is declared but cannot run yet: it waits for "
            f"{', '.join(absent)}, which this installation does not have; add the file or the "
            "package that brings it (a bundle also with --data NAME=FOLDER)"
        )
