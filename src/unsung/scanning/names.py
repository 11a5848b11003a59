# SPDX-License-Identifier: MIT
"""Every name a user can give: capabilities of the registry, and the packaged bundles."""

from __future__ import annotations

from unsung import registry
from unsung.errors import UnknownName
from unsung.runtime import bundle_names, load_bundle

__all__ = ["entries"]

BUNDLES = "bundles"


def entries(kind: str = "") -> list[dict[str, str]]:
    """Return kind, name and a one-line summary of a kind, or of all kinds when it is empty.

    Raises:
        UnknownName: no such kind; the message suggests the nearest one.
    """
    kinds = [*registry.kinds(), BUNDLES]
    if kind and kind not in kinds:
        raise UnknownName("kind", kind, [*registry.KINDS, BUNDLES])
    return [
        {"kind": one, "name": name, "summary": _summary(one, name)}
        for one in ([kind] if kind else kinds)
        for name in (bundle_names() if one == BUNDLES else registry.names(one))
    ]


def _summary(kind: str, name: str) -> str:
    if kind != BUNDLES:
        return registry.summary(kind, name)
    return str(load_bundle(name).info.get("card", {}).get("summary", ""))
