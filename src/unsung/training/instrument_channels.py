# SPDX-License-Identifier: MIT
"""What single channels of an instrument CNN's last convolution pass: attack, harmonics, vibrato.

CRP's promise is that a channel is a concept. Here a concept is known beforehand, and each channel
is asked how much more of its relevance lies there than chance would put; with 128 channels some
look selective by luck, so the best is shown beside the median, and vibrato beside what signs at
random give. When not to use: to name a channel; it shows where relevance lies, not what it means.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unsung.detectors.instrument_cnn import INSTRUMENTS
from unsung.relevance import channel_relevance
from unsung.training.instrument_relevance import SUSTAINED, lift, share, summary
from unsung.training.instrument_truth import Mask, Probe, Studio
from unsung.types import FloatArray

if TYPE_CHECKING:
    from unsung.training.instrument_relevance import Walker

__all__ = ["channels"]

METHOD = "epsilon_plus_flat"


def channels(walker: Walker, studio: Studio) -> dict[str, Any]:
    """Ask what single channels of the last convolution pass: attack, harmonics, vibrato.

    A channel's own map (relevance of EpsilonPlus at its layer) is laid over the picture; the best
    channel is then asked again in the picture itself, with relevance passing it alone.
    """
    layer = f"conv{walker.network.layers}"
    probes = list(studio.single(INSTRUMENTS, (60, 67)))
    maps = [_layer_maps(walker, probe, layer) for probe in probes]
    weight = np.stack([m.sum((1, 2)) for m in maps])  # [note, channel]
    found: dict[str, Any] = {"layer": layer, "channels": int(weight.shape[1])}
    for key in ("attack", "harmonics"):
        true = np.array([_lifts(m, p, key) for m, p in zip(maps, probes, strict=True)])
        every = np.array([_whole(m, p, key) for m, p in zip(maps, probes, strict=True)])
        strong = weight.sum(0) > np.quantile(weight.sum(0), 0.5)
        mean = (true * weight).sum(0) / np.maximum(weight.sum(0), 1e-12)
        best = int(np.argmax(np.where(strong, mean, -1)))
        found[key] = {
            "layer": summary([float(v) for v in every]),
            "median": float(np.median(mean[strong])),
            "best": best, "best_lift": float(mean[best]),
            "above_twice": float((mean[strong] >= 2).mean()),
            "of_best": _conditional(walker, probes, layer, best, key),
        }  # fmt: skip
    found["vibrato"] = _vibrato_channels(walker, studio, layer)
    return found


def _layer_maps(walker: Walker, probe: Probe, layer: str) -> FloatArray:
    """Return a layer's positive relevance. Shape: ``[channel, row, column]``."""
    target = INSTRUMENTS.index(probe.name)
    walk = walker.walk(probe.image, target, "epsilon_plus", record=[layer])
    found: FloatArray = walk.relevances[f"network.{layer}"][0].clamp(min=0).numpy()
    return found


def _masks(probe: Probe, key: str, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Return the share of truth in each cell of a coarser map, and of the region around it."""
    inner, outer = (probe.attack, probe.note) if key == "attack" else (probe.harmonics, probe.low)
    rows = np.arange(shape[0] + 1) * len(inner) // shape[0]
    columns = np.arange(shape[1] + 1) * len(inner) // shape[1]

    def coarse(mask: Mask) -> FloatArray:
        sums = np.add.reduceat(mask.astype(np.float32), rows[:-1], axis=0)
        sums = np.add.reduceat(sums, columns[:-1], axis=1)
        means: FloatArray = sums / (np.diff(rows)[:, None] * np.diff(columns)[None])
        return means

    return coarse(inner & outer), coarse(outer)


def _lifts(maps: FloatArray, probe: Probe, key: str) -> list[float]:
    inner, outer = _masks(probe, key, maps.shape[1:])
    chance = float(inner.sum() / outer.sum())
    total = (maps * outer).sum((1, 2))
    return [
        float(v) for v in (maps * inner).sum((1, 2)) / np.maximum(total, 1e-12) / chance
    ]  # fmt: skip


def _whole(maps: FloatArray, probe: Probe, key: str) -> float:
    return _lifts(maps.sum(0, keepdims=True), probe, key)[0]


def _conditional(
    walker: Walker, probes: Sequence[Probe], layer: str, channel: int, key: str
) -> dict[str, float]:
    """Lift in the picture itself when relevance may pass that channel only (CRP's condition)."""
    found = []
    for probe in probes:
        target = INSTRUMENTS.index(probe.name)
        walk = walker.walk(probe.image, target, METHOD, conditions=[{layer: [channel]}])
        heat = walk.heatmap[0].sum(0).numpy()
        inner, outer = (
            (probe.attack, probe.note) if key == "attack" else (probe.harmonics, probe.low)
        )
        chance = share(np.ones_like(heat), inner, outer)
        if np.maximum(heat, 0)[outer].sum() > 0:
            found.append(lift(share(heat, inner, outer), chance))
    return summary(found)


def _vibrato_channels(walker: Walker, studio: Studio, layer: str) -> dict[str, Any]:
    """Share of a channel in the relevance, with 50 cents of vibrato over without."""
    shares: dict[float, list[FloatArray]] = {0.0: [], 50.0: []}
    for cents, rows in shares.items():
        for name, pitch in itertools.product(SUSTAINED, (60, 67)):
            probe = studio.vibrated(name, pitch, cents)
            target = INSTRUMENTS.index(name)
            walk = walker.walk(probe.image, target, "epsilon_plus", record=[layer])
            found = channel_relevance(walk.relevances[f"network.{layer}"], shares=True)
            rows.append(found[0].numpy())
    moved = np.stack(shares[50.0]) - np.stack(shares[0.0])  # [note, channel]
    mean, error = moved.mean(0), moved.std(0, ddof=1) / np.sqrt(len(moved))
    z = np.abs(mean) / np.maximum(error, 1e-12)
    # Signs at random give the largest |z| that as many channels show without any effect.
    rng = np.random.default_rng(0)
    signs = rng.choice([-1.0, 1.0], (500, len(moved), 1))
    flipped = signs * moved
    null = np.abs(flipped.mean(1)) / np.maximum(flipped.std(1, ddof=1) / np.sqrt(len(moved)), 1e-12)
    limit = float(np.quantile(null.max(1), 0.95))
    return {
        "notes": len(moved), "largest_z": float(z.max()), "limit_z": limit,
        "channels_above": int((z > limit).sum()), "moved": float(np.abs(moved).sum(1).mean()),
    }  # fmt: skip
