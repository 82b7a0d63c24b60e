"""Strategies of whole numbers and choices, each made once.

Hypothesis takes long to inspect a new strategy, so equal arguments give the same strategy.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import hypothesis.strategies as st


@cache
def whole(low: int, high: int) -> st.SearchStrategy[int]:
    """Return the strategy of whole numbers from low to high, both included."""
    return st.integers(low, high)


@cache
def among(values: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    """Return the strategy of one of these values; the first is the simplest."""
    return st.sampled_from(values)


@cache
def some(count: int, least: int, most: int) -> st.SearchStrategy[list[int]]:
    """Return the strategy of `least` to `most` different whole numbers from 0 to count - 1."""
    return st.lists(whole(0, count - 1), min_size=least, max_size=most, unique=True)


@cache
def orders(count: int) -> st.SearchStrategy[list[int]]:
    """Return the strategy of permutations of the whole numbers from 0 to count - 1."""
    return st.permutations(range(count))


@cache
def mostly_large(low: int, high: int) -> st.SearchStrategy[int]:
    """Return the strategy of whole numbers from low to high, three of four near high.

    Hypothesis shrinks a number by lowering it, so the drawn number grows with the returned one.
    """
    steps = high - low
    near = high - steps // 4

    def stretch(drawn: int) -> int:
        if drawn <= steps:
            return low + drawn
        return near + (drawn - steps) * (high - near) // (3 * steps)

    return st.integers(0, 4 * steps).map(stretch)


SEEDS = whole(0, 2**16)
