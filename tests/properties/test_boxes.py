"""The overlap losses where geometry tells what they must be, whatever formula computes them.

One object and the prediction of its cell: w x h against a box with other sides or another centre.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from mgloss.gate.losses.reference import reference
from mgspec import Batch, Options, Problem
from mgspec.drawing.scenery import raw_centre
from mgspec.drawing.variety import FULL
from mgspec.laws.cases import one_clear_batch
from mgspec.laws.law import Case

CELL = 32  # pixels
OVERLAPS = ("giou", "diou", "ciou")
SIDES = st.sampled_from((12.0, 16.0, 30.0, 48.0))  # pixels
FACTORS = st.floats(1.0625, 4, width=16)
EXACT = 2e-5  # a centre is predicted to 1e-6 of a cell, which is 1e-5 of the smallest side


def pair(
    kind: str,
    box: tuple[float, float],
    factors: tuple[float, float] = (1, 1),
    shift: tuple[float, float] = (0, 0),
) -> tuple[Problem, Batch]:
    """An object, and a prediction of `factors` times its sides, `shift` pixels from it."""
    problem = Problem(((box,),), 1, (CELL, CELL), Options(location=kind, ignore_thresh=1.0))
    target = np.zeros((1, 1, 1, 7), np.float32)
    target[..., :] = (0.5, 0.5, 0, 0, 1, 1, 1)
    prediction = np.zeros_like(target)
    prediction[..., 0:2] = raw_centre(0.5 + np.array(shift) / CELL)
    prediction[..., 2:4] = np.log(factors)
    return problem, Batch((target,), (prediction,))


def location(*boxes: Any, **more: Any) -> float:
    """The location loss of such a pair."""
    return reference("batch").run(*pair(*boxes, **more), False).components["location"]


@pytest.mark.parametrize("kind", OVERLAPS)
@given(SIDES, SIDES, FACTORS)
def test_a_box_of_the_same_shape_around_it_costs_the_area_that_it_has_too_much(
    kind: str, width: float, height: float, factor: float
) -> None:
    got = location(kind, (width, height), (factor, factor))
    assert got == pytest.approx(1 - 1 / factor**2, abs=EXACT)
    assert location(kind, (width, height), (1 / factor, 1 / factor)) == pytest.approx(
        got, abs=EXACT
    )


@pytest.mark.parametrize("kind", ["giou", "diou"])
@given(SIDES, SIDES, FACTORS, st.booleans())
def test_a_wider_or_higher_box_costs_the_area_that_it_has_too_much(
    kind: str, width: float, height: float, factor: float, wider: bool
) -> None:
    factors = (factor, 1.0) if wider else (1.0, factor)
    got = location(kind, (width, height), factors)
    assert got == pytest.approx(1 - 1 / factor, abs=EXACT)


@given(SIDES, SIDES, FACTORS)
def test_boxes_that_cross_leave_the_corners_around_them_empty(
    width: float, height: float, factor: float
) -> None:
    # In units of what they share, w x h / k: two bars of k, and k x k around them.
    cross = 2 * factor - 1
    got = location("giou", (width, height), (factor, 1 / factor))
    assert got == pytest.approx((1 - 1 / cross) + (1 - cross / factor**2), abs=EXACT)


@pytest.mark.parametrize("axis", [0, 1])
@given(SIDES, SIDES, st.floats(0.0625, 1.875, width=16))
def test_a_shifted_box_costs_what_it_does_not_share_and_the_gap(
    axis: int, width: float, height: float, share: float
) -> None:
    side, other = (width, height) if axis == 0 else (height, width)
    share = min(share, 1.4 * CELL / side)  # a centre is decoded into (-1, 2) cells
    shift = (share * side, 0.0) if axis == 0 else (0.0, share * side)
    iou = max(0.0, 1 - share) / (1 + min(1.0, share))
    gap = max(0.0, share - 1) / (1 + share)  # part of the box around both
    distance = (share * side) ** 2 / (((1 + share) * side) ** 2 + other**2)

    assert location("giou", (width, height), shift=shift) == pytest.approx(1 - iou + gap, abs=EXACT)
    for kind in ("diou", "ciou"):
        got = location(kind, (width, height), shift=shift)
        assert got == pytest.approx(1 - iou + distance, abs=EXACT)


@pytest.mark.parametrize("kind", OVERLAPS)
@given(SIDES, SIDES, FACTORS, FACTORS, st.floats(0, 40, width=16), st.floats(0, 40, width=16))
def test_which_box_is_the_object_does_not_matter(
    kind: str, width: float, height: float, wide: float, high: float, right: float, down: float
) -> None:
    one = location(kind, (width, height), (wide, 1 / high), (right, down))
    other = location(kind, (width * wide, height / high), (1 / wide, high), (-right, -down))
    assert one == pytest.approx(other, abs=EXACT)


@given(SIDES, SIDES, FACTORS)
def test_shape_costs_more_the_more_it_differs_up_to_a_half(
    width: float, height: float, factor: float
) -> None:
    def extra(factors: tuple[float, float]) -> float:
        box = (width, height)
        return location("ciou", box, factors) - location("diou", box, factors)

    wider, much_wider = extra((factor, 1.0)), extra((2 * factor, 1.0))
    assert 0 < wider < much_wider < 0.5
    # v is the square of the angle between the diagonals, in right angles; the IoU is 1 / factor.
    angle = math.atan(factor * width / height) - math.atan(width / height)
    v = (angle / (math.pi / 2)) ** 2
    assert wider == pytest.approx(v**2 / (1 - 1 / factor + v), abs=EXACT)
    # A line across a line: IoU 0, and the angles are a right angle apart, so v = 1.
    thin = (math.exp(-12.0), math.exp(12.0))
    lines = location("ciou", (math.exp(8.0), math.exp(-4.0)), thin)
    assert lines == pytest.approx(1 + 1 / 2, abs=1e-4)


@pytest.mark.parametrize("kind", ["mse", *OVERLAPS])
@given(SIDES, SIDES)
def test_a_right_box_is_at_rest(kind: str, width: float, height: float) -> None:
    gradients = reference("batch").run(*pair(kind, (width, height)), True).gradients
    assert np.abs(gradients["location"][0]).max() <= 1e-6


@pytest.mark.parametrize("times", [0.5, 4])
@given(one_clear_batch(replace(FULL, options=None)))
def test_pixels_may_be_of_any_size(times: float, case: Case) -> None:
    problem, batch = case.problem, case.batches["X"]
    anchors = tuple(
        tuple((times * w, times * h) for w, h in anchors) for anchors in problem.anchors
    )
    size = tuple(int(times * side) for side in problem.input_shape)
    other = Problem(anchors, problem.num_classes, size, problem.options)
    run = reference("batch").run
    assert run(other, batch, False).components == pytest.approx(
        run(problem, batch, False).components, rel=1e-5, abs=1e-5
    )
