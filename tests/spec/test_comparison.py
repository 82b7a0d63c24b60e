"""How far apart two numbers may be, worked out by hand, and what a comparison says."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from mgspec import Batch, Evaluation, Options, Problem
from mgspec.laws.comparison import (
    ABOVE,
    AT_LEAST,
    EQUAL,
    FINITE,
    UNIT_ROUNDOFF,
    Comparison,
    Rounding,
    channel_name,
    worst_element,
)

PLAIN = Options(background="objectness")
SINGLE = Evaluation({"total": 1.0}, dtype="float32")


def a_problem(options: Options = PLAIN, classes: int = 5) -> Problem:
    """Two scales of cells 32 pixels wide, and 16 or 8 high."""
    anchors = (((64.0, 128.0), (256.0, 96.0)), ((20.0, 40.0),))
    return Problem(anchors, classes, (32, 64), options)


def a_batch(problem: Problem, images: int = 1, objects: int = 0, log_size: float = 0.0) -> Batch:
    """Images of 2 x 2 and 4 x 2 cells; the objects are in the first column of the second scale."""
    grids = ((2, 2), (4, 2))
    targets = tuple(
        np.zeros((images, *grid, problem.channels(s)), np.float32) for s, grid in enumerate(grids)
    )
    targets[1][0, :objects, 0, 4] = 1
    if objects:
        targets[1][0, 0, 0, 3] = log_size
    return Batch(targets, tuple(np.zeros_like(target) for target in targets))


def floor(options: Options, **objects: float) -> float:
    problem = a_problem(options)
    return Rounding.of(problem, [a_batch(problem, **objects)], SINGLE).floor


def test_a_rounding_error_is_half_the_distance_of_numbers_next_to_one() -> None:
    for dtype in ("float16", "float32", "float64"):
        assert UNIT_ROUNDOFF[dtype] == np.finfo(dtype).eps / 2
    # bfloat16 keeps 8 binary digits, the first of which is not written.
    assert UNIT_ROUNDOFF["bfloat16"] == 2.0**-8


def test_the_tolerance_grows_with_terms_and_value_and_not_below_the_floor() -> None:
    rounding = Rounding(unit=2.0**-20, terms=100, floor=64)
    assert rounding.tolerance(0.0) == 64 * 2.0**-20
    for value in (8.0, -8.0):
        assert rounding.tolerance(value) == (8 * 208 + 64) * 2.0**-20
    stored = replace(rounding, stored=2.0**-8)
    assert stored.tolerance(8.0) - rounding.tolerance(8.0) == 2 * 8 * 2.0**-8
    assert rounding.tolerance(np.array([0.0, -8.0])).tolist() == [
        rounding.tolerance(0.0),
        rounding.tolerance(8.0),
    ]


def test_all_numbers_of_the_largest_batch_and_the_widest_component_are_summed() -> None:
    problem = a_problem(classes=5)  # 2 anchors and 5 classes
    batches = [a_batch(problem, images) for images in (3, 2)]
    assert Rounding.of(problem, batches, SINGLE).terms == 3 * 12 * 7
    # A box has 4 numbers, more than there are anchors and classes here.
    few = Problem((((64.0, 64.0),),), 1, (32, 64), PLAIN)
    array = np.zeros((1, 2, 2, 7), np.float32)
    assert Rounding.of(few, [Batch((array,), (array,))], SINGLE).terms == 4 * 4


def test_the_coarsest_dtype_counts() -> None:
    problem = a_problem()
    half = replace(SINGLE, dtype="float16")
    for evaluations in ([SINGLE, half], [half, SINGLE]):
        assert Rounding.of(problem, [a_batch(problem)], *evaluations).unit == 2.0**-11


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("role", ["targets", "predictions"])
def test_the_largest_number_of_all_batches_makes_the_floor(role: str, sign: int) -> None:
    problem = a_problem()
    small, large = a_batch(problem), a_batch(problem)
    getattr(small, role)[0][0, 0, 0, 0] = sign / 2
    assert Rounding.of(problem, [small], SINGLE).floor == 64 + 8
    getattr(large, role)[1][0, 0, 0, 0] = 3 * sign
    for batches in ([large, small], [small, large]):
        assert Rounding.of(problem, batches, SINGLE).floor == 64 + 8 * 3


def test_overlaps_count_where_boxes_are_compared_and_in_each_positive_cell() -> None:
    assert floor(PLAIN, objects=3) == 64 + 8
    aware = replace(PLAIN, iou_aware_ratio=0.5)
    for options in (aware, *(replace(PLAIN, location=name) for name in ("giou", "diou", "ciou"))):
        assert floor(options) == 64 + 8
        # A cell is 32 pixels wide and 8 high, the smallest anchor 20: C = 1.6.
        assert floor(options, objects=1) == pytest.approx(64 + 8 * (1 + 1.6))
        assert floor(options, objects=3) == pytest.approx(64 + 8 * (1 + 3 * 1.6))
        smaller = float(np.log(0.25))  # and below 1 otherwise; a smaller number than M
        assert floor(options, objects=2, log_size=smaller) == pytest.approx(
            64 + 8 * -smaller * (1 + 2 * 6.4)
        )
        larger = float(np.log(2))
        assert floor(options, objects=1, log_size=larger) == pytest.approx(64 + 8 * (1 + 1.6))


def test_of_several_batches_the_one_with_the_hardest_overlaps_counts() -> None:
    problem = a_problem(replace(PLAIN, location="giou"))
    batches = [a_batch(problem, objects=objects) for objects in (1, 4, 2)]
    hardest = Rounding.of(problem, batches, SINGLE)
    assert hardest.floor == Rounding.of(problem, batches[1:2], SINGLE).floor


def test_no_object_is_longer_than_a_cell_as_far_as_overlaps_are_concerned() -> None:
    problem = a_problem(replace(PLAIN, location="giou"))
    batch = a_batch(problem)
    batch.targets[0][0, 0, 0, 4] = 1  # the smallest side of an anchor of scale 0 has two cells
    assert Rounding.of(problem, [batch], SINGLE).floor == 64 + 8 * (1 + 1)


def test_an_object_is_taken_to_be_no_larger_than_the_smallest_side_of_its_scales_anchors() -> None:
    anchors = (((64.0, 128.0),), ((80.0, 100.0), (20.0, 40.0), (60.0, 30.0)))
    problem = Problem(anchors, 5, (32, 64), replace(PLAIN, location="giou"))
    batch = a_batch(problem, objects=1)
    batch.targets[1][0, 0, 0, 2:4] = np.log(2)  # what is predicted may be smaller
    assert Rounding.of(problem, [batch], SINGLE).floor == pytest.approx(64 + 8 * (1 + 1.6))


@pytest.mark.parametrize(
    ("factors", "largest"),
    [
        ({}, 1),
        ({"coord_scale": 0.5, "anchor_scale": 0.5, "class_scale": 0.5}, 1),
        ({"object_scale": 0.5, "no_object_scale": 0.5, "anchor_scale": 1.5}, 1.5),
        ({"coord_scale": 5.0}, 5),
        ({"class_scale": 3.0}, 3),
        ({"class_scale": 3.0, "class_weights": (0.5, 2.0, 1.0, 1.0, 1.0)}, 6),
        ({"object_scale": 7.0}, 7),
        ({"no_object_scale": 7.0}, 7),
        ({"no_object_scale": 7.0, "anchor_scale": 0.5}, 7),
        ({"no_object_scale": 7.0, "object_scale": 4.0, "anchor_scale": 2.0}, 14),
    ],
)
def test_the_largest_factor_of_a_term_multiplies_the_floor(factors: dict, largest: float) -> None:
    assert floor(replace(PLAIN, **factors)) == largest * (64 + 8)


NUMBERS = (-1.0, 0.0, 0.5, 1.0)
NOT_FINITE = (float("inf"), -float("inf"), float("nan"))


@pytest.mark.parametrize("relation", [EQUAL, AT_LEAST, ABOVE, FINITE])
def test_what_is_not_finite_satisfies_no_relation(relation: str) -> None:
    for wrong in NOT_FINITE:
        for pair in ((wrong, 0.0), (0.0, wrong), (wrong, wrong)):
            comparison = Comparison("total", "L(X)", pair[0], relation, pair[1], 1e9)
            assert not comparison.is_finite
            assert not comparison.holds


@pytest.mark.parametrize("tolerance", [0.0, 0.5])
def test_a_relation_holds_up_to_the_tolerance(tolerance: float) -> None:
    held = {
        EQUAL: lambda off: -tolerance <= off <= tolerance,
        AT_LEAST: lambda off: off >= -tolerance,
        ABOVE: lambda off: off > tolerance,
        FINITE: lambda off: True,
    }
    for actual in NUMBERS:
        for expected in NUMBERS:
            for relation, holds in held.items():
                comparison = Comparison("total", "L(X)", actual, relation, expected, tolerance)
                assert comparison.holds == holds(actual - expected)
    assert Comparison("total", "L(X)", 1.0, EQUAL, 1.0).tolerance == 0


def test_a_comparison_says_what_came_what_was_expected_and_what_is_known() -> None:
    said = {
        EQUAL: "location: L(X) = 2, expected 3",
        AT_LEAST: "location: L(X) = 2, expected at least 3",
        ABOVE: "location: L(X) = 2, expected more than 3",
        FINITE: "location: L(X) = 2, expected a finite number",
    }
    for relation, text in said.items():
        comparison = Comparison("location", "L(X)", 2.0, relation, 3.0)
        assert str(comparison) == text
        known = replace(comparison, terms={"B_X": 1.0, "L(Y)": 0.25})
        assert str(known) == f"{text} (B_X = 1, L(Y) = 0.25)"


def test_what_was_compared_stays_as_it_was() -> None:
    compared = Comparison("total", "L(X)", 1.0, EQUAL, 1.0)
    for thing, name in ((compared, "tolerance"), (Rounding(1.0, 1, 1.0), "unit")):
        with pytest.raises(FrozenInstanceError):
            setattr(thing, name, 2.0)


def test_channels_have_the_names_of_the_layout() -> None:
    names = ["x", "y", "w", "h", "objectness"]
    classes = [f"class {number}" for number in range(5)]
    for scale, anchors in enumerate((["anchor 0", "anchor 1"], ["anchor 0"])):
        problem = a_problem(classes=5)
        found = [channel_name(problem, scale, c) for c in range(problem.channels(scale))]
        assert found == [*names, *anchors, *classes]


def gradients() -> list[np.ndarray]:
    problem = a_problem()
    batch = a_batch(problem, images=3)
    return [np.full(target.shape, 2.0, np.float32) for target in batch.targets]


@pytest.mark.parametrize("off", [3.0, -3.0, -7.0, float("nan"), float("inf")])
def test_the_number_that_is_furthest_off_is_named_in_each_scale(off: float) -> None:
    actual, expected = gradients(), gradients()
    actual[0][2, 1, 0, 8] = off
    actual[0][0, 0, 0, 0] = 2.5  # off, but by less
    rounding = Rounding(2.0**-24, 10, 1.0)
    first, second = worst_element(a_problem(), "anchor", "L(X)", actual, expected, rounding)
    assert first.what == "d(L(X))/d(class 1) in image 2, scale 0, row 1, column 0"
    assert (first.component, first.relation, first.expected) == ("anchor", EQUAL, 2.0)
    np.testing.assert_equal(first.actual, off)
    assert not first.holds
    if np.isfinite(off):
        assert first.tolerance == rounding.tolerance(max(abs(off), 2.0))
    assert (second.actual, second.expected) == (2.0, 2.0)
    assert "scale 1" in second.what
    assert second.holds


def test_what_is_off_by_more_than_its_own_rounding_is_the_furthest_off() -> None:
    actual, expected = gradients(), gradients()
    for number in (-1e6, 1e6):
        expected[1][0, 0, 0, 0] = number
        actual[1][0, 0, 0, 0] = number + 1  # as far as rounding may take a number of this size
        actual[1][0, 1, 0, 0] = 2.5
        rounding = Rounding(2.0**-24, 100, 1.0)
        _, found = worst_element(a_problem(), "anchor", "L(X)", actual, expected, rounding)
        assert (found.actual, found.expected) == (2.5, 2.0)
        _, found = worst_element(a_problem(), "anchor", "L(X)", expected, actual, rounding)
        assert (found.actual, found.expected) == (2.0, 2.5)


def test_without_rounding_gradients_must_be_equal() -> None:
    actual, expected = gradients(), gradients()
    assert all(c.holds for c in worst_element(a_problem(), "total", "L", actual, expected, None))
    actual[1][1, 3, 1, 4] += 2.0**-22
    first, second = worst_element(a_problem(), "total", "L", actual, expected, None)
    assert first.holds
    assert not second.holds
    assert second.tolerance == 0


def test_gradients_of_other_scales_are_no_pairs() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        list(worst_element(a_problem(), "total", "L", gradients(), gradients()[:1], None))
