# SPDX-License-Identifier: MIT
"""Names the family of decoders that a track's residual pictures resemble, or "unknown".

One linear template a family, read off the very pictures that the verdict was made from: no second
pass over the sound. A name is given only where its template's score passes a limit that was set on
families which that template had not learned (open-set recognition: Scheirer et al., "Toward Open
Set Recognition", PAMI 2013). Scores have no unit. Accuracy and confusions stand in
results/attribution.md. When not to use: for tracks that are not called AI, and as proof of which
product made a song; several generators share one decoder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unsung.errors import BundleError
from unsung.types import FloatArray, Record

__all__ = ["ARRAY", "UNKNOWN", "Attribution", "Facts", "read_attribution"]

UNKNOWN = "unknown"
ARRAY = "family_weight"
"""Name of a front end's templates in weights.safetensors, after its input and a dot."""


@dataclass(frozen=True)
class Facts(Record):
    """The section ``attribution`` of bundle.json.

    Attributes:
        families: names, in the order of the templates.
        scales: what each stored template is multiplied by (they are stored in 16 bits).
        baselines: score of each family for a picture of zeros.
        limits: scores from which on a family is named.
        wrong_name_rate: share of tracks of unknown families that get any name, as set.
        measured: short account of how it was measured, for reports.
    """

    families: tuple[str, ...]
    scales: tuple[float, ...]
    baselines: tuple[float, ...]
    limits: tuple[float, ...]
    wrong_name_rate: float
    measured: str = ""


@dataclass(frozen=True)
class Attribution:
    """Templates of a few families. Shape: templates each ``[family, channel, freq]``.

    They may have fewer channels than the pictures: the first ones count.
    """

    facts: Facts
    templates: tuple[NDArray[np.float16], ...]

    def scores(self, pictures: Sequence[FloatArray]) -> NDArray[np.float64]:
        """Score a track's mean pictures. Shape: each ``[channel, freq]`` → ``[family]``."""
        total = np.zeros(len(self.facts.families))
        for template, picture in zip(self.templates, pictures, strict=True):
            flat = template.reshape(len(template), -1).astype(np.float32)
            used = picture[: template.shape[1]]
            total += flat @ used.reshape(-1).astype(np.float32)
        found: NDArray[np.float64] = total * self.facts.scales + np.array(self.facts.baselines)
        return found

    def name(self, pictures: Sequence[FloatArray]) -> str:
        """Return the family whose limit is passed by most, or "unknown"."""
        beyond = self.scores(pictures) - np.array(self.facts.limits)
        best = int(beyond.argmax())
        return self.facts.families[best] if beyond[best] >= 0 else UNKNOWN


def read_attribution(
    folder: Path, info: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> Attribution | None:
    """Return a bundle's templates; None where it has no section ``attribution``.

    Raises:
        BundleError: the section or its arrays do not fit the front ends.
    """
    if "attribution" not in info:
        return None
    try:
        facts = Facts.from_dict(info["attribution"])
        names = [entry["input"] for entry in info["front_ends"]]
        templates = tuple(arrays[f"{name}.{ARRAY}"].astype(np.float16) for name in names)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"{folder}: the attribution section cannot be read ({type(error).__name__}: {error}); "
            "export the bundle again"
        ) from error
    counts = {len(facts.families), len(facts.scales), len(facts.baselines), len(facts.limits)}
    counts |= {len(template) for template in templates}
    if len(counts) != 1:
        raise BundleError(
            f"{folder}: expected as many templates, scales, baselines and limits as families, "
            f"got {sorted(counts)}; export the bundle again"
        )
    return Attribution(facts, templates)
