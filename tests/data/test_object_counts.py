"""Counts of objects and positive cells, against the encoder of the specification."""

from __future__ import annotations

from collections import Counter
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from mgloss.data.annotations import Annotated, letterbox
from mgloss.data.detector import Detector
from mgloss.data.object_counts import IMAGES_AT_ONCE, Distribution, count
from mgspec import Problem
from mgspec.loss import targets as slow
from mgspec.problem.layout import OBJECTNESS

SMALL = Detector((96, 128), (32, 16), (((32.0, 24.0), (48.0, 64.0)), ((12.0, 16.0), (8.0, 8.0))))
CLASSES = 3

near = st.integers(-40, 300).map(lambda n: n / 2)
side = st.sampled_from((0.5, 4.0, 8.0, 12.5, 16.0, 32.0, 48.0, 90.0))
box = st.tuples(near, near, side, side, st.integers(0, CLASSES - 1)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3], b[4])
)
sizes = st.sampled_from(((128, 96), (64, 64), (300, 100)))
image = st.builds(
    lambda size, boxes: Annotated("a.jpg", None, size, np.array(boxes, float).reshape(-1, 5)),
    sizes,
    st.lists(box, max_size=6),
)


@given(st.lists(image, min_size=1, max_size=5))
def test_counts_are_those_of_the_specifications_targets(images: list[Annotated]) -> None:
    found = count(images, SMALL)
    problem = Problem(SMALL.anchors, CLASSES, SMALL.input_size)
    boxes = [letterbox(image, SMALL.input_size).tolist() for image in images]
    targets = slow.encode(problem, SMALL.grids, [[tuple(b) for b in of] for of in boxes])
    of_scale = [(target[..., OBJECTNESS] > 0.5).sum((1, 2)) for target in targets]
    assert found.images == len(images)
    assert found.boxes == sum(map(len, boxes))
    assert [cells.frequencies for cells in found.cells_by_scale] == [
        Counter(n.tolist()) for n in of_scale
    ]
    assert found.cells.frequencies == Counter(sum(of_scale).tolist())
    assert found.objects.frequencies == Counter(len({tuple(b[:4]) for b in of}) for of in boxes)
    assert found.objects_by_anchor.total() == found.objects.total
    assert found.expected(7) == pytest.approx(7 * sum(map(sum, of_scale)) / len(images))


def test_images_beyond_the_first_that_are_assigned_together_count() -> None:
    one = Annotated("a.jpg", None, (128, 96), np.array([[40.0, 40, 72, 64, 0]]))
    none = Annotated("b.jpg", None, (128, 96), np.zeros((0, 5)))
    found = count([one] * IMAGES_AT_ONCE + [none, one], SMALL)
    assert found.objects.frequencies == {1: IMAGES_AT_ONCE + 1, 0: 1}
    assert found.cells.frequencies == {9: IMAGES_AT_ONCE + 1, 0: 1}
    assert found.objects_by_anchor == {(0, 0): IMAGES_AT_ONCE + 1}
    assert found.unplaced == 0


def test_boxes_without_a_place_are_told() -> None:
    boxes = [[40.0, 40, 72, 64, 0], [40, 40, 72, 64, 1], [-900, -900, -868, -876, 0]]
    found = count([Annotated("a.jpg", None, (128, 96), np.array(boxes))], SMALL)
    assert (found.boxes, found.objects.total, found.unplaced) == (3, 2, 1)


@given(st.lists(st.integers(0, 30), min_size=1))
def test_a_distribution_is_that_of_its_numbers(numbers: list[int]) -> None:
    found = Distribution(Counter(numbers))
    assert found.mean == pytest.approx(np.mean(numbers))
    assert found.median == np.median(numbers)
    assert found.largest == max(numbers)
    assert found.total == sum(numbers)


def test_a_distribution_of_nothing_is_zero() -> None:
    nothing: Any = Distribution()
    assert (nothing.mean, nothing.median, nothing.largest, nothing.total) == (0, 0, 0, 0)
