# SPDX-License-Identifier: MIT
"""Controlled questions to one instrument CNN: partials, attacks, vibrato, company.

Each function renders its sounds, asks the network and returns plain numbers with intervals; see
`unsung.training.instrument_relevance` for what relevance is compared with. Logits are those of the
trained network. Relevance is EpsilonPlusFlat's unless said, as in the guitar study.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unsung.detectors.instrument_cnn import INSTRUMENTS
from unsung.synthesis.instruments import PRESETS, draw_clip, make_clip, program
from unsung.training.instrument_channels import channels
from unsung.training.instrument_relevance import (
    PITCHES,
    STRUCK,
    SUSTAINED,
    edges,
    lift,
    share,
    summary,
)
from unsung.training.instrument_truth import Mask, Studio, mask_of

if TYPE_CHECKING:
    from unsung.training.instrument_relevance import Walker

__all__ = ["questions"]

METHOD = "epsilon_plus_flat"
PITCH = 64
SWAPS_S = (0.04, 0.08, 0.16, 0.32)
CENTS = (0.0, 25.0, 50.0, 100.0)
SIMILAR = (
    ("violin", "string ensemble 1"), ("trumpet", "soprano sax"),
    ("acoustic grand piano", "celesta"), ("acoustic guitar (nylon)", "acoustic bass"),
    ("square lead", "drawbar organ"),
)  # fmt: skip
DIFFERENT = (
    ("violin", "acoustic grand piano"), ("trumpet", "acoustic guitar (nylon)"),
    ("string ensemble 1", "celesta"), ("soprano sax", "acoustic bass"), ("square lead", "piccolo"),
)  # fmt: skip
CLIPS = 6
SEED = 4711


def questions(walker: Walker, studio: Studio) -> dict[str, Any]:
    """Return the answers to all questions."""
    return {
        "partials": partials(walker, studio),
        "absent": absent(walker, studio),
        "swaps": swaps(walker, studio),
        "vibrato": vibrato(walker, studio),
        "counts": {str(n): company(walker, studio, n) for n in (1, 2, 3, 4)},
        "similar": pairs(walker, studio, SIMILAR),
        "different": pairs(walker, studio, DIFFERENT),
        "channels": channels(walker, studio),
    }


def partials(walker: Walker, studio: Studio) -> dict[str, Any]:
    """Take partial 1, 2, 3 or 5 out of played notes: how far the logit falls, what lies there."""
    found: dict[str, Any] = {}
    whole = {p.name: p for p in studio.single(INSTRUMENTS, (PITCH,))}
    maps = {
        name: walker.relevance(p.image, INSTRUMENTS.index(name), METHOD)
        for name, p in whole.items()
    }
    for number in (1, 2, 3, 5):
        falls, before, energy, still = [], [], [], []
        for index, name in enumerate(INSTRUMENTS):
            probe, cut = whole[name], studio.without(name, PITCH, number)
            logits = walker.logits([probe.image, cut.image])
            falls.append(float(logits[0, index] - logits[1, index]))
            still.append(float(logits[1].argmax() == index))
            line = probe.lines[number - 1]
            before.append(share(maps[name], line, probe.low))
            energy.append(share(edges(probe.image), line, probe.low))
        found[str(number)] = {
            "fall": summary(falls), "named_still": summary(still),
            "relevance": summary(before), "edges": summary(energy),
        }  # fmt: skip
    return found


def absent(walker: Walker, studio: Studio) -> dict[str, Any]:
    """Relevance at a fundamental that is not in the sound, over its share of the area."""
    lifts = []
    for pitch in PITCHES:
        image, line = studio.absent(440.0 * 2 ** ((pitch - 69) / 12))
        target = int(walker.logits([image])[0].argmax())
        region = np.outer(studio.rows_hz <= 4000.0, line.any(0))
        heat = walker.relevance(image, target, METHOD)
        lifts.append(lift(share(heat, line, region), float(line.sum() / region.sum())))
    return summary(lifts)


def swaps(walker: Walker, studio: Studio) -> dict[str, Any]:
    """Join the attack of one instrument to the sustain of another, both ways."""
    ways = [
        *itertools.product(STRUCK, SUSTAINED[:4]),
        *((b, a) for a, b in itertools.product(STRUCK, SUSTAINED[:4])),
    ]
    found: dict[str, Any] = {}
    for swap_s in SWAPS_S:
        rows = [_swap(walker, studio, first, second, swap_s) for first, second in ways]
        half = len(ways) // 2
        found[f"{swap_s:g}"] = {
            "all": _swap_numbers(rows), "struck first": _swap_numbers(rows[:half]),
            "sustained first": _swap_numbers(rows[half:]),
        }  # fmt: skip
    return found


def _swap(walker: Walker, studio: Studio, first: str, second: str, swap_s: float) -> dict[str, Any]:
    probe = studio.swapped(first, second, PITCH, swap_s)
    a, b = INSTRUMENTS.index(first), INSTRUMENTS.index(second)
    logits = walker.logits([probe.image])[0]
    row: dict[str, Any] = {"attack": bool(logits[a] > logits[b]), "a": logits[a] >= 0,
                           "b": logits[b] >= 0}  # fmt: skip
    if swap_s == 0.08:
        area = share(np.ones_like(probe.image), probe.attack, probe.note)
        for key, target in (("of_a", a), ("of_b", b)):
            heat = walker.relevance(probe.image, target, METHOD)
            row[key] = lift(share(heat, probe.attack, probe.note), area)
        row["edges"] = lift(share(edges(probe.image), probe.attack, probe.note), area)
    return row


def _swap_numbers(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = {"attack": "attack_decides", "a": "attack_named", "b": "sustain_named",
             "of_a": "relevance_of_attack", "of_b": "relevance_of_sustain",
             "edges": "edges"}  # fmt: skip
    return {
        new: summary([float(row[old]) for row in rows]) for old, new in names.items()
        if old in rows[0]
    }  # fmt: skip


def vibrato(walker: Walker, studio: Studio) -> dict[str, Any]:
    """Bend played notes: what vibrato does to each logit, and whether relevance follows it."""
    change: dict[str, Any] = {}
    plain = walker.logits([studio.vibrated(n, PITCH, 0.0).image for n in INSTRUMENTS])
    for cents in CENTS[1:]:
        bent = walker.logits([studio.vibrated(n, PITCH, cents).image for n in INSTRUMENTS])
        moved = bent - plain
        own = np.diag(moved)
        change[f"{cents:g}"] = {
            "own": summary([float(v) for v in own]),
            "named_still": summary((bent.argmax(1) == np.arange(len(bent))).astype(float)),
            "by_output": {
                name: float(np.delete(moved[:, i], i).mean())
                for i, name in enumerate(INSTRUMENTS)
            },
        }  # fmt: skip
    follows: dict[str, Any] = {}
    for cents in CENTS:
        rows = []
        for pitch in PITCHES:
            image, cells = studio.additive(440.0 * 2 ** ((pitch - 69) / 12), cents)
            target = int(walker.logits([image])[0].argmax())
            region = np.outer(studio.rows_hz <= 4000.0, cells.any(0))
            area = float((cells & region).sum() / region.sum())
            heat = walker.relevance(image, target, METHOD)
            rows.append((lift(share(heat, cells, region), area),
                         lift(share(edges(image), cells, region), area)))  # fmt: skip
        follows[f"{cents:g}"] = {
            "relevance": summary([r[0] for r in rows]), "edges": summary([r[1] for r in rows]),
        }  # fmt: skip
    return {"change": change, "follows": follows}


def company(walker: Walker, studio: Studio, count: int) -> dict[str, Any]:
    """Return how well relevance keeps to an instrument's own notes among others."""
    spec = replace(PRESETS["wimu"], counts=(count,), seed=SEED + count, sample_rate_hz=22050)
    return _mixed(walker, studio, [(spec, index) for index in range(2 * CLIPS)])


def pairs(walker: Walker, studio: Studio, wanted: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The same for given pairs of instruments."""
    clips = []
    for names in wanted:
        programs = tuple(program(name).number for name in names)
        spec = replace(
            PRESETS["wimu"], counts=(2,), seed=SEED, sample_rate_hz=22050, programs=programs
        )
        clips += [(spec, index) for index in range(CLIPS // 2)]
    return _mixed(walker, studio, clips)


def _mixed(walker: Walker, studio: Studio, clips: Sequence[tuple[Any, int]]) -> dict[str, Any]:
    own: list[float] = []
    sobel: list[float] = []
    hits: list[float] = []
    false: list[float] = []
    for spec, index in clips:
        sound, plan, _ = make_clip(spec, draw_clip(spec, index), studio.soundfont)
        image = studio.image(sound[0], (0.0,))
        logits = walker.logits([image])[0]
        masks = _own_masks(studio, plan.parts)
        for name in INSTRUMENTS:
            said = bool(logits[INSTRUMENTS.index(name)] >= 0)
            (hits if name in masks else false).append(float(said))
        for name, mask in masks.items():
            others = np.any([m for other, m in masks.items() if other != name], axis=0)
            if not np.any(others):
                continue
            mine, theirs = mask & ~others, others & ~mask
            both = mine | theirs
            if not mine.any() or not theirs.any():
                continue
            area = float(mine.sum() / both.sum())
            heat = walker.relevance(image, INSTRUMENTS.index(name), METHOD)
            own.append(lift(share(heat, mine, both), area))
            sobel.append(lift(share(edges(image), mine, both), area))
    return {
        "clips": len(clips), "recall": summary(hits), "false": summary(false),
        "own": summary(own), "own_edges": summary(sobel),
    }  # fmt: skip


def _own_masks(studio: Studio, parts: Sequence[Any]) -> dict[str, Mask]:
    return {
        program(part.program).name: mask_of(
            studio, [(note.start_s, note.end_s, note.pitch) for note in part.notes]
        )
        for part in parts
    }
