# SPDX-License-Identifier: MIT
"""No split leaks, whatever the relations; shares and labels come as near as blocks allow."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unsung.data.check import KEYS, leaks
from unsung.data.split import blocks, fold_parts, parse_parts, split, split_counts
from unsung.errors import ManifestError, UnknownName, UsageError
from unsung.types import Manifest

from .music import track

few = st.sampled_from(["", "a", "b", "c", "d", "e", "f", "g"])
relations = st.lists(
    st.tuples(few, few, few, st.sampled_from(["human", "ai", "resynth"]), few), max_size=40
)


def manifest_of(rows):
    return Manifest(
        "m",
        "1",
        tuple(
            track(str(i), label, group=g, recording=r, pair_id=p, generator=system)
            for i, (g, r, p, label, system) in enumerate(rows)
        ),
    )


@settings(max_examples=200, deadline=None)
@given(relations, st.integers(2, 5), st.integers(0, 3))
def test_no_relation_crosses_a_split(rows, folds, seed):
    made = split(manifest_of(rows), fold_parts(folds), seed=seed)
    assert leaks(made.tracks) == []
    for key in KEYS:  # a twin of `leaks` that looks at every pair
        for a in made:
            for b in made:
                if getattr(a, key) and getattr(a, key) == getattr(b, key):
                    assert a.split == b.split
    assert {t.split for t in made} <= {str(fold) for fold in range(folds)}
    assert made == split(manifest_of(rows), fold_parts(folds), seed=seed)


@settings(max_examples=100, deadline=None)
@given(relations.filter(lambda rows: any(row[4] == "a" for row in rows)), st.integers(0, 3))
def test_an_unseen_generator_is_only_in_test(rows, seed):
    made = split(manifest_of(rows), {"train": 0.7, "test": 0.3}, seed=seed, unseen=["a"])
    assert {t.split for t in made if t.generator == "a"} == {"test"}
    assert leaks(made.tracks) == []


def test_blocks_are_the_connected_parts():
    rows = [("a", "", ""), ("a", "r", ""), ("", "r", "p"), ("", "", "p"), ("b", "", ""), ("",) * 3]
    numbers = blocks(manifest_of([(*row, "ai", "") for row in rows]).tracks)
    assert len({*numbers[:4]}) == 1 and len({*numbers}) == 3


def test_shares_and_labels():
    rows = [(f"g{i // 3}", "", "", "ai" if i % 4 else "human", "") for i in range(600)]
    counts = split_counts(split(manifest_of(rows), parse_parts("train=0.8,valid=0.1,test=0.1")))
    assert {part: sum(c.values()) for part, c in counts.items()} == {
        "train": 480,
        "valid": 60,
        "test": 60,
    }
    for part in counts.values():
        assert part["human"] / sum(part.values()) == pytest.approx(0.25, abs=0.03)


def test_seeds_differ():
    rows = [(f"g{i}", "", "", "ai", "") for i in range(50)]
    assert split(manifest_of(rows), fold_parts(2)) != split(
        manifest_of(rows), fold_parts(2), seed=1
    )


def test_given_splits_are_kept_and_pull_their_relatives():
    rows = (track("a", split="test", group="g"), track("b", group="g"), track("c"))
    made = split(Manifest("m", "1", rows), {"train": 1.0})
    assert [t.split for t in made] == ["test", "test", "train"]
    made = split(Manifest("m", "1", rows), {"train": 1.0}, keep=False)
    assert Counter(t.split for t in made) == {"train": 3}
    torn = (track("a", split="test", group="g"), track("b", split="train", group="g"))
    with pytest.raises(ManifestError, match="the given splits leak; drop them with --resplit"):
        split(Manifest("m", "1", torn), {"train": 1.0})
    unseen = (track("a", "ai", split="train", generator="Suno"), track("b"))
    with pytest.raises(ManifestError, match="unseen generator 'Suno' is in split 'train'"):
        split(Manifest("m", "1", unseen), {"train": 1, "test": 1}, unseen=["Suno"])


def test_the_same_sound_can_be_held_together():
    rows = tuple(track(str(i)) for i in range(8))
    made = split(Manifest("m", "1", rows), fold_parts(2), together=[["0", "5", "7"]])
    assert len({made.tracks[i].split for i in (0, 5, 7)}) == 1


def test_wrong_wishes():
    manifest = Manifest("m", "1", (track("a", "ai", generator="Suno"),))
    with pytest.raises(UsageError, match="at least 2 folds"):
        fold_parts(1)
    with pytest.raises(UsageError, match="parts like train"):
        parse_parts("train:0.8")
    with pytest.raises(UsageError, match="shares above 0"):
        split(manifest, {"train": 0.0})
    with pytest.raises(UnknownName, match="did you mean 'group'"):
        split(manifest, fold_parts(2), by=["grop"])
    with pytest.raises(UnknownName, match="did you mean 'Suno'"):
        split(manifest, fold_parts(2), unseen=["Sumo"])
    with pytest.raises(UsageError, match="a part beside 'test'"):
        split(manifest, {"test": 1.0}, unseen=["Suno"])
