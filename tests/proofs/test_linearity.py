"""Every formula is a weighted sum of the raw sums, and the weights are its gradient.

By sympy, which can differentiate. What the guard max(1, n) gives plays no part: it is a function of
the counts alone. So what is proved of weights, as `locality` is, holds of gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy

from mgspec import NORMALIZATIONS
from mgspec.normalizations import Arithmetic, Sums
from tests.proofs.symbols import COUNTINGS, Numbers, World

SYMPY = Arithmetic(
    total=np.sum, at_least_one=np.frompyfunc(lambda count: sympy.Max(1, count), 1, 1)
)
NUMBERS = Numbers(lambda name: sympy.Symbol(name, positive=True), sympy.Integer)


def value_and_weights(
    formula: Callable[[Sums, Arithmetic], Any], counting: str, images: int
) -> tuple[Sums, Any, list[Any]]:
    world = World(NUMBERS, counting)
    x = world.batch("X", images)
    return x, formula(x, SYMPY), world.weights(lambda q: formula(q, SYMPY), x)


def is_linear(formula: Callable[[Sums, Arithmetic], Any], counting: str, images: int) -> bool:
    x, value, weights = value_and_weights(formula, counting, images)
    weighted = sum(w * s for w, s in zip(weights, x.raw, strict=True))
    return sympy.simplify(value - weighted) == 0 and not any(
        w.has(s) for w in weights for s in x.raw
    )


@pytest.mark.parametrize("images", range(1, 5))
@pytest.mark.parametrize("counting", COUNTINGS)
@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_a_formula_is_linear_in_the_raw_sums(name: str, counting: str, images: int) -> None:
    assert is_linear(NORMALIZATIONS[name].formula, counting, images)


@pytest.mark.parametrize("images", range(1, 5))
@pytest.mark.parametrize("counting", COUNTINGS)
@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_the_weight_of_an_image_is_the_derivative_by_its_raw_sum(
    name: str, counting: str, images: int
) -> None:
    x, value, weights = value_and_weights(NORMALIZATIONS[name].formula, counting, images)
    for s, weight in zip(x.raw, weights, strict=True):
        assert sympy.simplify(sympy.diff(value, s) - weight) == 0


def test_a_formula_that_is_not_linear_is_told_apart() -> None:
    batch = NORMALIZATIONS["batch"].formula
    for images in range(1, 5):
        assert not is_linear(lambda q, of: batch(q, of) ** 2, "location", images)
        assert not is_linear(lambda q, of: batch(q, of) + 1, "location", images)
        assert not is_linear(lambda q, of: batch(replace(q, raw=q.raw**2), of), "location", images)
