"""What the built-in descriptions draw arrays from: lists of whole numbers, which shrink to 0."""

from __future__ import annotations

from functools import cache

import hypothesis.strategies as st
import numpy as np
from numpy.typing import NDArray

MOST = 16  # magnitude of a whole number drawn
# A logit is a whole number times one of these: up to 4, mostly, and up to 1e4 now and then.
FACTORS = (0.25, 0.25, 0.25, 3.0, 625.0)


@cache
def whole_numbers(size: int, most: int = MOST) -> st.SearchStrategy[list[int]]:
    """Lists of so many whole numbers from -most to most."""
    return st.lists(st.integers(-most, most), min_size=size, max_size=size)


factors = st.sampled_from(FACTORS)


def steps(draw: st.DrawFn, *shape: int, most: int = MOST) -> NDArray[np.float32]:
    """Whole numbers from -most to most in an array of this shape."""
    return np.array(draw(whole_numbers(int(np.prod(shape)), most)), np.float32).reshape(shape)


def logits(draw: st.DrawFn, *shape: int) -> NDArray[np.float32]:
    """Logits in an array of this shape; all of an image are drawn by one factor."""
    return steps(draw, *shape) * np.float32(draw(factors))
