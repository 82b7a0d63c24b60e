"""Draw the arrays of the built-in descriptions: whole numbers, which shrink to 0."""

from __future__ import annotations

import math
from functools import cache

import hypothesis.strategies as st
import numpy as np
from numpy.typing import NDArray

MOST = 16  # largest magnitude of a drawn whole number
# A logit is a whole number times one of these: mostly up to 4, sometimes up to 1e4.
FACTORS = (0.25, 0.25, 0.25, 3.0, 625.0)


@cache
def _digits(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


factors = st.sampled_from(FACTORS)


def steps(draw: st.DrawFn, *shape: int, most: int = MOST) -> NDArray[np.float32]:
    """Draw an array of this shape with whole numbers from -most to most.

    Draw all numbers at once as the bytes of a string, because drawing takes most of the time of a
    search. The bytes 0, 1, 2, 3, 4 mean 0, 1, -1, 2, -2 and so on, so that small bytes are simple
    numbers. Bytes above 2 * most repeat the same numbers.
    """
    drawn = np.frombuffer(draw(_digits(math.prod(shape))), np.uint8).astype(np.int64)
    digits = drawn % (2 * most + 1)
    numbers = np.where(digits % 2, (digits + 1) // 2, -digits // 2)
    return numbers.astype(np.float32).reshape(shape)


def logits(draw: st.DrawFn, *shape: int) -> NDArray[np.float32]:
    """Draw a float32 array of this shape: small whole numbers, all times one drawn factor."""
    return steps(draw, *shape) * np.float32(draw(factors))
