"""Every formula is a weighted sum of the raw sums, and the weights are its gradient.

So what is proved of weights, as `locality` is, holds of gradients.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy

from mgspec import NORMALIZATIONS
from tests.meta.proofs.linearity import is_linear, value_and_weights
from tests.meta.proofs.symbols import COUNTINGS


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
