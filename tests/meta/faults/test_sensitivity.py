"""A fault of 1 in 1,000 in one component of one image is caught, under any normalization."""

from __future__ import annotations

from itertools import product

import pytest

from mgspec import NORMALIZATIONS
from tests.meta.faults.sensitivity import COMPONENTS, IMAGES, KINDS, caught_by, off_in_one_image


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize(
    "claims",
    [
        pytest.param(name, marks=[] if name in ("batch", "positives") else pytest.mark.nightly)
        for name in NORMALIZATIONS
    ],
)
def test_one_in_a_thousand_in_one_image_is_caught(claims: str, component: str, budget) -> None:
    for image, kind in product(IMAGES, KINDS):
        wrong = off_in_one_image(claims, component, image, kind)
        assert caught_by(wrong, component, budget.to_find, budget.fixed_seed), (image, kind)
