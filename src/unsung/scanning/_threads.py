# SPDX-License-Identifier: MIT
"""A loop over items in several threads, with the results in the items' order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

__all__ = ["in_order"]

_T = TypeVar("_T")
_R = TypeVar("_R")


def in_order(call: Callable[[_T], _R], items: Sequence[_T], jobs: int) -> Iterator[_R]:
    """Yield results in order; threads suffice, since DSP and graph release the interpreter."""
    if jobs == 1:
        yield from map(call, items)
        return
    with ThreadPoolExecutor(jobs) as crew:
        rest = iter(items)
        running = [crew.submit(call, item) for item in islice(rest, 2 * jobs)]
        try:
            while running:
                yield running.pop(0).result()
                running += [crew.submit(call, item) for item in islice(rest, 1)]
        finally:
            crew.shutdown(wait=True, cancel_futures=True)
