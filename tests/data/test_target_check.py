"""Whether what targets decode to is compared with the boxes, and what is wrong is seen."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from mgloss.data.annotations import Annotated
from mgloss.data.detector import Detector
from mgloss.data.target_check import NOBODY, CheckedImage, check, compare
from mgloss.data.targets import encode
from mgspec.problem.layout import OBJECTNESS

SMALL = Detector((96, 128), (32, 16), (((32.0, 24.0), (48.0, 64.0)), ((12.0, 16.0), (8.0, 8.0))))
SIZE = (128, 96)

near = st.integers(0, 250).map(lambda n: n / 2)
side = st.sampled_from((0.5, 4.0, 8.0, 12.5, 16.0, 32.0, 48.0, 90.0))
box = st.tuples(near, near, side, side, st.integers(0, 2)).map(
    lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3], b[4]]
)


def annotated(boxes: Any) -> Annotated:
    return Annotated("a.jpg", None, SIZE, np.array(boxes, np.float64).reshape(-1, 5))


@given(st.lists(box, max_size=8))
def test_every_cell_of_real_targets_has_its_box(boxes: Any) -> None:
    found = check(annotated(boxes), SMALL)
    assert (found.owner != NOBODY).all()
    for number in np.flatnonzero(~found.has_cell):
        # A box without a cell is one of several whose cells others have, or lies outside.
        x1, y1, x2, y2, _ = boxes[number]
        inside = 0 <= (x1 + x2) / 2 < SIZE[0] and 0 <= (y1 + y2) / 2 < SIZE[1]
        assert len(boxes) > 1 or not inside


def with_targets(change: Any) -> CheckedImage:
    image = annotated([[40.0, 40, 72, 64, 0], [4, 4, 16, 20, 1]])
    targets = encode([image.boxes], SMALL.anchors, 2, SMALL.input_size, SMALL.grids)
    for target in targets:
        change(target, target[..., OBJECTNESS] > 0.5)
    return compare(image, image.boxes, targets, SMALL)


def test_right_targets_are_right() -> None:
    found = with_targets(lambda target, positive: None)
    assert found.is_consistent
    assert sorted(found.owner) == [0] * 9 + [1] * 4


def moved(target: Any, positive: Any) -> None:
    target[..., 0] += 0.01 * positive


def larger(target: Any, positive: Any) -> None:
    target[..., 3] += 0.01 * positive


def other_class(target: Any, positive: Any) -> None:
    target[..., -2:] = target[..., -2:][..., ::-1]


@pytest.mark.parametrize("change", [moved, larger, other_class])
def test_cells_that_decode_to_something_else_are_nobodys(change: Any) -> None:
    found = with_targets(change)
    assert (found.owner == NOBODY).all()
    assert not found.has_cell.any()
    assert not found.is_consistent


def test_one_cell_that_is_wrong_is_the_only_one() -> None:
    def one(target: Any, positive: Any) -> None:
        cells = np.argwhere(positive)
        if target.shape[1] == 3:
            target[(*cells[4], 1)] += 0.25

    found = with_targets(one)
    assert (found.owner == NOBODY).sum() == 1
    assert found.has_cell.all()


def test_a_box_without_cells_is_not_has_cell() -> None:
    def emptied(target: Any, positive: Any) -> None:
        if target.shape[1] == 3:
            target[...] = 0

    found = with_targets(emptied)
    assert found.has_cell.tolist() == [False, True]
    assert not found.is_consistent


def test_an_image_without_boxes_is_consistent() -> None:
    assert check(annotated([]), SMALL).is_consistent
