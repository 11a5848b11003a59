# SPDX-License-Identifier: MIT
"""Which explainers fit a subject, by what they need and what its detector offers.

A method that does not fit says so before it runs, and names those that do. Torch is loaded only
where a network is asked for.
"""

from __future__ import annotations

from unsung import registry
from unsung.errors import MissingExtra, UsageError
from unsung.explainers._subject import Subject

__all__ = ["NEEDS", "fitting", "offers", "require"]

NEEDS = {
    "nothing": "nothing",
    "grid": "scores of the sound with parts switched off",
    "linear": "a linear detector",
    "gradient": "a network with gradients",
    "layers": "layers one after the other, without attention",
    "hidden_layers": "layers one after the other, a hidden one among them, without attention",
    "convolutions": "convolutions over one picture",
    "attention": "a transformer over one picture whose tokens have a known place",
}
"""What an explainer may need, in words."""


def offers(subject: Subject) -> frozenset[str]:
    """Return the needs that a subject meets."""
    found = _at_once(subject)
    if subject.whole:
        return found
    try:
        network = subject.network()
    except (UsageError, MissingExtra):
        return found
    except ModuleNotFoundError:  # no torch: what needs none still fits
        return found
    from unsung.explainers._inside import network_offers

    return found | network_offers(network, subject)


def fitting(subject: Subject) -> list[str]:
    """Return the names of the explainers that fit; those whose packages are absent are left out."""
    met = offers(subject)
    found = []
    for name in registry.names("explainers"):
        try:
            kind = registry.get("explainers", name)
        except MissingExtra:
            continue
        if kind.needs in met:
            found.append(name)
    return found


def require(name: str, subject: Subject) -> None:
    """Check that an explainer fits.

    Raises:
        UnknownName: there is none of that name.
        UsageError: it does not fit; the message names those that do.
    """
    needs = registry.get("explainers", name).needs
    if needs in _at_once(subject) or needs in offers(subject):
        return
    raise UsageError(
        f"{name}: expected {NEEDS[needs]}, {subject.name} does not offer that; these fit: "
        f"{', '.join(fitting(subject))}"
    )


def _at_once(subject: Subject) -> frozenset[str]:
    linear = type(subject).exact is not Subject.exact
    return frozenset({"nothing", "grid", *(["linear"] if linear else [])})
