"""What the built-in descriptions draw arrays from: whole numbers, which shrink to 0."""

from __future__ import annotations

import math
from functools import cache

import hypothesis.strategies as st
import numpy as np
from numpy.typing import NDArray

MOST = 16  # magnitude of a whole number drawn
# A logit is a whole number times one of these: up to 4, mostly, and up to 1e4 now and then.
FACTORS = (0.25, 0.25, 0.25, 3.0, 625.0)


@cache
def _digits(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


factors = st.sampled_from(FACTORS)


def steps(draw: st.DrawFn, *shape: int, most: int = MOST) -> NDArray[np.float32]:
    """Whole numbers from -most to most in an array of this shape.

    All are drawn at once, as the bytes of a string: drawing takes most of the time of a search. The
    bytes 0, 1, 2, 3, 4 stand for 0, 1, -1, 2, -2, and so on, so that small ones are simple; after
    2 * most they stand for the same again.
    """
    drawn = np.frombuffer(draw(_digits(math.prod(shape))), np.uint8).astype(np.int64)
    digits = drawn % (2 * most + 1)
    numbers = np.where(digits % 2, (digits + 1) // 2, -digits // 2)
    return numbers.astype(np.float32).reshape(shape)


def logits(draw: st.DrawFn, *shape: int) -> NDArray[np.float32]:
    """Logits in an array of this shape; all of an image are drawn by one factor."""
    return steps(draw, *shape) * np.float32(draw(factors))
