# SPDX-License-Identifier: MIT
"""The published weight files that unsung knows: one TOML record each in ``cards/``.

A card says where the file lies, which detector with which settings it fits, and under which licence
it and the data behind it stand. Reading cards needs no torch.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unsung.errors import UnknownName
from unsung.types import Record

__all__ = ["WeightsCard", "card", "cards"]

_FOLDER = Path(__file__).with_name("cards")


@dataclass(frozen=True)
class WeightsCard(Record):
    """One published weight file.

    Attributes:
        name: what `unsung weights fetch` takes.
        summary: one line for lists.
        detector: registered name of the detector it fits.
        file: its name where it is published.
        licence: SPDX identifier of the weights.
        paper: how to cite it.
        data: what it was trained on, with the data's licence.
        n_parameters: learned values of the detector.
        repository: owner and name on a Hugging Face hub; or
        url: address of the file anywhere else, checked against ``sha256``.
        parameters: settings of the detector.
        revision: branch, tag or commit.
        sha256: hash of the file, or "" where its publisher states none.
        released: only the detector's own ``from_released`` reads it.
        backbone: it lacks the last layer, and has to be trained before it judges anything.
        notes: what a user must know before trusting it.
    """

    name: str
    summary: str
    detector: str
    file: str
    licence: str
    paper: str
    data: str
    n_parameters: int
    repository: str = ""
    url: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    revision: str = "main"
    sha256: str = ""
    released: bool = False
    backbone: bool = False
    notes: str = ""


def cards() -> list[WeightsCard]:
    """Return all cards, sorted by name.

    >>> "sonics/spectttra-gamma-5s" in [card.name for card in cards()]
    True
    """
    found = (path.read_text(encoding="utf-8") for path in _FOLDER.glob("*.toml"))
    read = (WeightsCard.from_dict(tomllib.loads(text)) for text in found)
    return sorted(read, key=lambda one: one.name)


def card(name: str) -> WeightsCard:
    """Return one card.

    Raises:
        UnknownName: there is none of that name.
    """
    known = {one.name: one for one in cards()}
    if name not in known:
        raise UnknownName("published weights", name, known)
    return known[name]
