# SPDX-License-Identifier: MIT
"""Which generators leave alike traces: a tree of fingerprints.

Distance is 1 minus the correlation of two differences from human music, over the bins that both
hold up to 8 kHz; groups are joined by average linkage. Two systems with one decoder stand side by
side, whatever music they make. When not to use: as a family tree of models; what the leaves share
may be a page's encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from unsung.errors import UsageError
from unsung.fingerprints.compare import Fingerprint
from unsung.fingerprints.spectra import AXIS_HZ
from unsung.types import Record

__all__ = ["Join", "Tree", "correlations", "similarity_tree"]

TOP_HZ = 8000.0


@dataclass(frozen=True)
class Join(Record):
    """Where two branches meet: the places of both along the leaves, and the three distances."""

    first: float
    second: float
    first_distance: float
    second_distance: float
    distance: float


@dataclass(frozen=True)
class Tree(Record):
    """Leaves in the order in which they are drawn, and the joins; leaf k stands at place k."""

    leaves: tuple[str, ...]
    joins: tuple[Join, ...]


def correlations(differences: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
    """Return the correlation of every pair over the bins both hold. Shape: ``[n, n]``."""
    low = AXIS_HZ <= TOP_HZ
    rows = np.stack([np.asarray(d, np.float64)[low] for d in differences])
    held = np.isfinite(rows).astype(np.float64)
    rows = np.where(held > 0, rows, 0.0)
    count = held @ held.T
    sums, squares = rows @ held.T, np.square(rows) @ held.T
    mean = sums / np.maximum(count, 1)
    covariance = rows @ rows.T / np.maximum(count, 1) - mean * mean.T
    variance = squares / np.maximum(count, 1) - np.square(mean)
    scale = np.sqrt(np.maximum(variance * variance.T, 1e-24))
    found = np.asarray(np.clip(covariance / scale, -1, 1))
    np.fill_diagonal(found, 1.0)
    return found


def similarity_tree(fingerprints: Sequence[Fingerprint]) -> Tree:
    """Return the tree of at least two fingerprints.

    Raises:
        UsageError: fewer than two.
    """
    if len(fingerprints) < 2:
        raise UsageError(f"expected at least two generators for a tree, got {len(fingerprints)}")
    apart = 1 - correlations([one.difference_db for one in fingerprints])
    np.fill_diagonal(apart, 0.0)
    close = squareform((apart + apart.T) / 2, checks=False)
    linked = hierarchy.linkage(close, "average", optimal_ordering=True)
    drawn = hierarchy.dendrogram(linked, no_plot=True)
    order = [int(index) for index in hierarchy.leaves_list(linked)]
    joins = tuple(
        Join((x[0] - 5) / 10, (x[2] - 5) / 10, y[0], y[3], y[1])
        for x, y in zip(drawn["icoord"], drawn["dcoord"], strict=True)
    )
    return Tree(tuple(fingerprints[index].name for index in order), joins)
