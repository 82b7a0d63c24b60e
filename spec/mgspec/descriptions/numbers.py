"""What the built-in descriptions draw arrays from: whole numbers, which shrink to 0."""

from __future__ import annotations

import math
from functools import cache

import hypothesis.strategies as st
import numpy as np
from numpy.typing import NDArray

MOST = 16  # magnitude of a whole number drawn
TOGETHER = 4  # numbers that are drawn as one
# A logit is a whole number times one of these: up to 4, mostly, and up to 1e4 now and then.
FACTORS = (0.25, 0.25, 0.25, 3.0, 625.0)


@cache
def _groups(size: int, base: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, base**TOGETHER - 1), min_size=size, max_size=size)


factors = st.sampled_from(FACTORS)


def steps(draw: st.DrawFn, *shape: int, most: int = MOST) -> NDArray[np.float32]:
    """Whole numbers from -most to most in an array of this shape.

    Several are drawn as the digits of one: drawing takes most of the time of a search. The digits
    0, 1, 2, 3, 4 stand for 0, 1, -1, 2, -2, and so on, so that small ones are simple.
    """
    size, base = math.prod(shape), 2 * most + 1
    drawn = draw(_groups(-(-size // TOGETHER), base))
    digits = np.array(drawn, np.int64)[:, None] // base ** np.arange(TOGETHER) % base
    numbers = np.where(digits % 2, (digits + 1) // 2, -digits // 2)
    return numbers.ravel()[:size].astype(np.float32).reshape(shape)


def logits(draw: st.DrawFn, *shape: int) -> NDArray[np.float32]:
    """Logits in an array of this shape; all of an image are drawn by one factor."""
    return steps(draw, *shape) * np.float32(draw(factors))
