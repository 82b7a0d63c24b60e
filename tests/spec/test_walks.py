"""The law `gradient`: right losses with kinks, jumps and rounding, and gradients that are off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest

from mgspec import LAWS, Candidate, Description, Evaluation, search
from mgspec.laws.walks import REACH, beside, unit
from mgspec.loss.roles import Roles
from mgspec.problem.description import images_of
from mgspec.search.verdicts import BROKEN, HOLDS, SKIPPED, Verdict

Array = np.ndarray
Function = Callable[[Array, Array], tuple[Array, Array]]  # to terms and slopes

SIZE = 12


@st.composite
def image(draw: st.DrawFn, objects: int, shared: Any) -> dict[str, Array]:
    numbers = st.lists(st.integers(-8, 8), min_size=SIZE, max_size=SIZE)
    return {name: np.array(draw(numbers), np.float32) / 4 for name in ("predicted", "wanted")}


NUMBERS = Description("numbers", image, predicted=("predicted",))


def candidate(function: Function, **said: Any) -> Candidate:
    """Return a loss that is the sum of terms, in float32."""

    def run(problem: Any, batch: Any, gradients: bool) -> Evaluation:
        predicted = np.stack([i["predicted"] for i in batch.arrays])
        wanted = np.stack([i["wanted"] for i in batch.arrays])
        terms, slopes = function(predicted, wanted)
        value = {"loss_x": float(terms.astype(np.float32).sum(dtype=np.float32))}
        return Evaluation(value, {"loss_x": (slopes.astype(np.float32),)} if gradients else None)

    return Candidate(
        "sums", run, ("loss_x",), has_gradients=True, description=NUMBERS, roles=Roles(**said)
    )


def verdict(function: Function, seed: int = 0, examples: int = 40, **said: Any) -> Verdict:
    judged = candidate(function, **said)
    law = LAWS["gradient"]
    (found,) = search(law, judged, max_examples=examples, seed=seed, shrink=False)
    return found


def square(p: Array, t: Array) -> tuple[Array, Array]:
    return (p - t) ** 2, 2 * (p - t)


def distance(p: Array, t: Array) -> tuple[Array, Array]:
    return abs(p - t), np.sign(p - t)


def hinge_less_another(p: Array, t: Array) -> tuple[Array, Array]:
    """Kinks that bend either way, with another slope in the kink than any average."""
    up, down = np.maximum(p - t, 0), np.maximum(p, 0)
    return up - down, 1.0 * (p > t) - 1.0 * (p >= 0)


def largest(p: Array, t: Array) -> tuple[Array, Array]:
    distance = abs(p - t)
    is_largest = np.arange(SIZE) == distance.argmax(-1)[:, None]
    return distance * is_largest, np.sign(p - t) * is_largest


def without_the_likely(p: Array, t: Array) -> tuple[Array, Array]:
    """Terms that a threshold leaves out: the value jumps where a prediction passes it."""
    kept = p < 0.26
    return (p - t) ** 2 * kept, 2 * (p - t) * kept


def beside_a_large_constant(p: Array, t: Array) -> tuple[Array, Array]:
    return (p - t) ** 2 + 500, 2 * (p - t)


def steep(p: Array, t: Array) -> tuple[Array, Array]:
    return np.exp(3 * (p - t) / 2), 1.5 * np.exp(3 * (p - t) / 2)


def rounded_on_the_way(p: Array, t: Array) -> tuple[Array, Array]:
    """A staircase: it rises nowhere, or all at once."""
    coarse = np.round(p * 32) / 32
    return (coarse - t) ** 2, 2 * (coarse - t)


def weight(p: Array) -> Array:
    return 1 + 0.1 / (1 + np.exp(-p))


def weighted(p: Array, t: Array) -> tuple[Array, Array]:
    slope = (weight(p) - 1) * (1 - 10 * (weight(p) - 1))
    return weight(p) * (p - t) ** 2, 2 * weight(p) * (p - t) + slope * (p - t) ** 2


RIGHT = (
    square,
    distance,
    hinge_less_another,
    largest,
    without_the_likely,
    beside_a_large_constant,
    steep,
    rounded_on_the_way,
    weighted,
)


@pytest.mark.parametrize("function", RIGHT)
@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(n, marks=pytest.mark.nightly) for n in range(2, 40))]
)
def test_a_gradient_that_is_the_derivative_is_not_accused(function: Function, seed: int) -> None:
    found = verdict(function, seed)
    assert found.status == HOLDS
    assert found.comparisons


def weight_held_constant(p: Array, t: Array) -> tuple[Array, Array]:
    return weight(p) * (p - t) ** 2, 2 * weight(p) * (p - t)


def beside_jumps(p: Array, t: Array) -> tuple[Array, Array]:
    kept = p < 0.26
    terms, slopes = weight_held_constant(p, t)
    return terms * kept, slopes * kept


def two_per_cent_too_steep(p: Array, t: Array) -> tuple[Array, Array]:
    return (p - t) ** 2, 2.04 * (p - t)


def clipped_gradient(p: Array, t: Array) -> tuple[Array, Array]:
    return (p - t) ** 2, np.clip(2 * (p - t), -1, 1)


def value_of_another_loss(p: Array, t: Array) -> tuple[Array, Array]:
    return abs(p - t), 2 * (p - t)


def none(p: Array, t: Array) -> tuple[Array, Array]:
    return (p - t) ** 2, 0 * p


WRONG = (
    weight_held_constant,
    beside_jumps,
    two_per_cent_too_steep,
    clipped_gradient,
    value_of_another_loss,
    none,
)


@pytest.mark.parametrize("function", WRONG)
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.nightly)])
def test_a_gradient_that_is_not_the_derivative_is_found(function: Function, seed: int) -> None:
    found = verdict(function, seed)
    assert found.status == BROKEN
    assert "--detached loss_x says so" in found.message


def test_a_component_that_holds_something_constant_by_design_is_left_out() -> None:
    found = verdict(weight_held_constant, detached=("loss_x",))
    assert (found.component, found.status) == (None, SKIPPED)
    assert "held constant by design" in found.message


def test_a_walk_starts_beside_round_numbers_and_stays_between_the_arrays_numbers() -> None:
    numbers = np.array([0.0625, 0.5, 0.5, 0.9375], np.float32)
    images = [
        {"predicted": numbers, "wanted": np.zeros(1)},
        {"predicted": numbers * 0, "wanted": np.zeros(1)},
    ]
    batch = images_of(NUMBERS, images, [0, 0])
    (start,) = beside(batch).predictions
    (before,) = batch.predictions
    away = abs(start - before)
    assert len(np.unique(start)) == start.size
    assert (away >= REACH * unit(before) * 0.999).all()
    assert (away <= 2.001 * REACH * unit(before)).all()
    assert start[0].min() > numbers.min()
    assert start[0].max() < numbers.max()
