"""Which wishes are compatible: the steps of the theorem, each from its hypotheses and no fewer.

Here a loss is not a formula but unknown: any function at all, of which only the hypotheses are
given. A step is proved if nothing fulfils the hypotheses without the conclusion; a hypothesis is
needed if something does as soon as it is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import sympy
import z3

from mgspec import NORMALIZATIONS
from mgspec.problem.normalizations import Arithmetic, Sums, batch, per_image, positives
from tests.meta.proofs.linearity import is_linear
from tests.meta.proofs.prover import Question, disagreement, satisfy
from tests.meta.proofs.symbols import EXACT, LOCATION, NO_CELLS_NO_SUM, NO_FRACTION, column

Conditions = Mapping[str, list[Any]]


def assert_follows(hypotheses: Conditions, conclusion: Any) -> None:
    """The conclusion follows from all hypotheses, and from no smaller set of them."""
    every = [condition for group in hypotheses.values() for condition in group]
    assert satisfy(*every) is not None, "nothing fulfils the hypotheses"
    assert satisfy(*every, z3.Not(conclusion)) is None
    for dropped in hypotheses:
        rest = [c for name, group in hypotheses.items() if name != dropped for c in group]
        assert satisfy(*rest, z3.Not(conclusion)) is not None, f"not needed: {dropped}"


# 1. Comparable means: a mean of per-image losses. Nothing is assumed of an image or of the loss.

IMAGE = z3.DeclareSort("Image")
IMAGES = z3.Consts("x1 x2 x3 x4 x5 x6 x7 x8", IMAGE)
LOSS = {b: z3.Function(f"L{b}", *[IMAGE] * b, z3.RealSort()) for b in range(1, 9)}


def mean_of_single_images(images: list[Any]) -> Any:
    return sum(LOSS[1](x) for x in images) / len(images)


def cut(images: list[Any], at: int) -> Any:
    """`partition` for these images, cut into the first `at` and the others."""
    x, y = images[:at], images[at:]
    parts = len(x) * LOSS[len(x)](*x) + len(y) * LOSS[len(y)](*y)
    return LOSS[len(images)](*images) == parts / len(images)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_a_comparable_loss_is_the_mean_of_its_values_on_single_images(size: int) -> None:
    images = IMAGES[:size]
    cuts = {f"{b} images": [cut(images[:b], b - 1)] for b in range(2, size + 1)}
    assert_follows(cuts, LOSS[size](*images) == mean_of_single_images(images))


@pytest.mark.parametrize("size", [2, 3, 4, 8])
def test_a_mean_of_per_image_losses_is_comparable(size: int) -> None:
    # However it is cut, each image enters once. Of a single image there is nothing to know.
    images = IMAGES[:size]
    for at in range(1, size):
        means = {
            f"mean over {name}": [LOSS[len(part)](*part) == mean_of_single_images(part)]
            for name, part in (("X", images[:at]), ("Y", images[at:]), ("X + Y", images))
            if len(part) > 1
        }
        assert_follows(means, cut(images, at))


# 2. Neutral to density and proportional to the losses of cells, too: `per_image`.

F = z3.Function("f", z3.RealSort(), z3.RealSort(), z3.RealSort(), z3.RealSort())  # S, n, cells
LOSS_OF_A_CELL, COUNT, CELLS, OTHER_CELLS = z3.Reals("loss count cells other_cells")
RAW = LOSS_OF_A_CELL * COUNT
SIZES_KNOWN = [LOSS_OF_A_CELL >= 0, COUNT >= 1, CELLS >= COUNT, OTHER_CELLS > CELLS]


def test_a_neutral_loss_of_an_image_is_a_function_of_its_mean_loss_per_positive_cell() -> None:
    # density_neutral against the image with one positive cell of the same loss.
    neutral = {"density_neutral": [F(RAW, COUNT, CELLS) == F(LOSS_OF_A_CELL, 1, CELLS)]}
    other = z3.Real("other count")
    twice = neutral | {
        "density_neutral again": [
            F(LOSS_OF_A_CELL * other, other, CELLS) == F(LOSS_OF_A_CELL, 1, CELLS)
        ]
    }
    assert_follows(twice, F(RAW, COUNT, CELLS) == F(LOSS_OF_A_CELL * other, other, CELLS))


def test_a_neutral_and_proportional_loss_of_an_image_is_that_of_per_image() -> None:
    factor = F(1, 1, OTHER_CELLS)  # of one grid; by `resolution`, of every grid
    hypotheses = {
        "sizes": SIZES_KNOWN,
        "density_neutral": [F(RAW, COUNT, CELLS) == F(LOSS_OF_A_CELL, 1, CELLS)],
        "proportional": [F(LOSS_OF_A_CELL, 1, CELLS) == LOSS_OF_A_CELL * F(1, 1, CELLS)],
        "resolution": [F(1, 1, OTHER_CELLS) == F(1, 1, CELLS)],
    }
    assert_follows(hypotheses, F(RAW, COUNT, CELLS) == factor * (RAW / COUNT))


def test_the_weight_of_an_image_must_be_a_constant_over_its_count() -> None:
    weight, n, loss, factor = sympy.symbols("w n loss a", positive=True)
    assert sympy.solve(sympy.Eq(weight * (loss * n), factor * loss), weight) == [factor / n]


def test_an_image_without_positive_cells_adds_nothing() -> None:
    # Twice no loss is no loss.
    nothing = z3.RealVal(0)
    proportional = {"proportional": [F(2 * nothing, 0, CELLS) == 2 * F(nothing, 0, CELLS)]}
    assert_follows(proportional, F(nothing, 0, CELLS) == 0)


def squared(q: Sums, of: Arithmetic) -> Any:
    return per_image(replace(q, raw=q.raw * q.raw, count=q.count * q.count), of)


def over_the_grid(q: Sums, of: Arithmetic) -> Any:
    return per_image(q, of) / q.cells


# What obeys all hypotheses but one, and so is not `per_image`: partition, density_neutral,
# proportional, resolution.
@pytest.mark.parametrize(
    ("formula", "lacks"),
    [
        (per_image, None),
        (positives, "partition"),
        (batch, "density_neutral"),
        (squared, "proportional"),
        (over_the_grid, "resolution"),
    ],
)
def test_no_hypothesis_of_the_theorem_can_be_dropped(
    formula: Callable[[Sums, Arithmetic], Any], lacks: str | None
) -> None:
    used = {NO_CELLS_NO_SUM, NO_FRACTION}
    for law, sizes in {"partition": (1, 2), "density_neutral": (2,), "resolution": (2,)}.items():
        assert disagreement(Question(law, formula, LOCATION, sizes), law != lacks, used) is None
    assert is_linear(formula, LOCATION, 2) is (lacks != "proportional")


# 3. Neutral to density excludes monotone in objects.


def test_no_normalization_is_both_neutral_and_monotone() -> None:
    for rule in NORMALIZATIONS.values():
        assert not (rule.obeys("density_neutral") and rule.obeys("object_monotone"))
        assert not (rule.obeys("density_neutral") and rule.obeys("density_monotone"))


def test_one_more_object_found_perfectly_halves_the_loss() -> None:
    def value(raw: int, count: int) -> Fraction:
        one, other = column([Fraction(raw)]), column([Fraction(count)])
        return per_image(Sums(one, other, other, 1, Fraction(4)), EXACT)

    assert value(raw=1, count=1) == 1
    assert value(raw=1, count=2) == Fraction(1, 2)


def test_a_neutral_and_monotone_loss_of_an_image_is_constant_wherever_there_is_loss() -> None:
    # x and y are within a factor of 2; steps of that size reach every positive number. The second
    # cell brings what is missing: 2y = x + its loss.
    x, y = z3.Reals("x y")
    for near, far in ((x, y), (y, x)):
        hypotheses = {
            "density_neutral": [F(2 * far, 2, CELLS) == F(far, 1, CELLS)],
            "object_monotone": [
                z3.Implies(2 * far - near >= 0, F(2 * far, 2, CELLS) >= F(near, 1, CELLS))
            ],
            "within a factor of 2": [near > 0, far > 0, 2 * far >= near, 2 * near >= far],
        }
        assert_follows(hypotheses, F(far, 1, CELLS) >= F(near, 1, CELLS))


def test_two_objects_cannot_both_keep_the_weight_that_each_has_alone() -> None:
    # For any weighted sum over cells, of sums per image or not. Alone, an object has the weight
    # `alone`; beside each other they have `first` and `second`.
    alone, first, second = z3.Reals("alone first second")
    neutral = first + second == alone
    monotone = [first >= alone, second >= alone]  # the loss of the other object may be 0
    assert_follows({"density_neutral": [neutral], "object_monotone": monotone}, alone <= 0)


def test_the_largest_loss_of_a_cell_is_neutral_and_monotone_but_no_sum() -> None:
    # So that the loss is a function of the raw sum, or a weighted sum over cells, is needed.
    losses = z3.Reals("l1 l2 l3")

    def largest(cells: list[Any]) -> Any:
        most = cells[0]
        for cell in cells[1:]:
            most = z3.If(cell > most, cell, most)
        return most

    for k in (1, 2):
        assert satisfy(largest(losses[: k + 1]) < largest(losses[:k])) is None
    assert satisfy(largest([losses[0]] * 3) != losses[0]) is None
    same_sum = losses[0] + losses[1] == 2 * losses[2]
    assert satisfy(same_sum, largest(losses[:2]) != largest([losses[2]] * 2)) is not None


# What is left when neutrality is given up: any weight for each count; a comparable `hybrid`, say.


def own_density(q: Sums, of: Arithmetic) -> Any:
    return batch(replace(q, raw=q.raw * (1 + q.count / q.cells)), of)


@pytest.mark.parametrize(
    ("law", "sizes", "obeyed"),
    [
        ("partition", (2, 2), True),
        ("locality", (2, 2), True),
        ("sharding", (4, 2), True),
        ("object_monotone", (2, 1), True),
        ("density_monotone", (1,), True),
        ("density_monotone", (2,), False),  # the raw sum may sit in the sparser image
        ("density_neutral", (1,), False),
        ("resolution", (1,), False),
    ],
)
def test_weighting_each_image_by_its_own_density_is_comparable(
    law: str, sizes: tuple[int, ...], obeyed: bool
) -> None:
    assert disagreement(Question(law, own_density, LOCATION, sizes), obeyed, ()) is None
