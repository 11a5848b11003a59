# SPDX-License-Identifier: MIT
from __future__ import annotations

import random

from unsung.scanning.keys import KeyIndex


def test_it_answers_like_a_dict():
    rng = random.Random(0)
    twin, index = {}, KeyIndex()
    for number in range(30_000):
        key = rng.randrange(20_000) * (2**64 // 20_000)
        twin[key] = number
        index.put(key, number)
    assert len(index) == len(twin)
    assert all(index.get(key) == value for key, value in twin.items())
    assert index.get(1) is None and 1 not in index
    assert index.keys().tolist() == sorted(twin)


def test_the_ends_of_the_range():
    index = KeyIndex()
    assert index.get(5) is None and len(index) == 0
    for key in (0, 2**64 - 1):
        index.put(key, 0)
    assert len(index) == 2 and index.get(2**64 - 1) == 0 and 0 in index
