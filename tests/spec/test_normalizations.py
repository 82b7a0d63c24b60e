"""The formulas on small numbers worked out by hand, and the names."""

from __future__ import annotations

import numpy as np
import pytest

from mgspec import NORMALIZATIONS, normalization
from mgspec.problem.normalizations import NUMPY, Sums
from tests.golden.normalizations import GOLDEN


def sums(raw: tuple[float, float], count: tuple[float, float]) -> Sums:
    return Sums(np.array(raw), np.array(count), np.array(count), 2, 6, 2.0)


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_a_formula_gives_what_was_worked_out_by_hand(name: str) -> None:
    # Two images of 2 x 3 cells: raw sums 6 and 2, 3 and 1 positive cells; E = 2.
    formula = NORMALIZATIONS[name].formula
    assert formula(sums((6, 2), (3, 1)), NUMPY) == pytest.approx(GOLDEN[name].value, rel=1e-15)


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_no_count_of_objects_divides_by_zero(name: str) -> None:
    with np.errstate(all="raise"):
        value = NORMALIZATIONS[name].formula(sums((0, 0), (0, 0)), NUMPY)
    assert value == 0


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_a_formula_explains_itself(name: str) -> None:
    rule = normalization(name)
    assert "S" in rule.text
    assert rule.source


def test_an_unknown_normalization_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="unknown normalization 'per_imag'; did you mean 'per_im"):
        normalization("per_imag")
    with pytest.raises(ValueError, match=r"unknown normalization \['batch'\]"):
        normalization(["batch"])  # type: ignore[arg-type]
