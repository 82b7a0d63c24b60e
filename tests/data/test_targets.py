"""Boxes to targets and back: the laws of the encoder, and what wrong boxes come to."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from mgloss.data.targets import decode, encode
from mgspec import Problem
from mgspec.loss import targets as slow
from mgspec.problem.layout import OBJECTNESS

ANCHORS = (((32.0, 24.0), (48.0, 64.0)), ((12.0, 16.0), (8.0, 8.0)))
SIZE = (96, 128)  # height, width
GRIDS = ((3, 4), (6, 8))
CLASSES = 3
PROBLEM = Problem(ANCHORS, CLASSES, SIZE)


def made(images: Any) -> list[np.ndarray]:
    return encode(images, ANCHORS, CLASSES, SIZE, GRIDS)


# Half pixels, of few values: borders of cells, equal distances and shared corners are common.
near = st.integers(-40, 300).map(lambda n: n / 2)
side = st.sampled_from((0.5, 4.0, 8.0, 12.5, 16.0, 32.0, 48.0, 90.0))
labels = st.integers(0, CLASSES - 1)
good = st.tuples(near, near, side, side, labels).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3], b[4])
)
strange = st.sampled_from((-5.0, 0.0, 3.0, 7.5, 1e8, 1e12, math.nan, math.inf, -math.inf))
bad = st.tuples(
    strange, strange, strange, strange, st.sampled_from((0, 1, 2, 3, -1, 0.5, math.nan))
)
crowd = st.lists(good, max_size=3).flatmap(
    lambda some: st.lists(good if not some else good | st.sampled_from(some), max_size=14)
)
anything = st.lists(good | bad, max_size=8)
batches = st.lists(crowd | anything, min_size=1, max_size=3)


@given(batches)
def test_it_is_the_specification_s(images: list[Any]) -> None:
    for fast, plain in zip(made(images), slow.encode(PROBLEM, GRIDS, images), strict=True):
        assert fast.dtype == np.float32
        assert np.array_equal(np.delete(fast, [2, 3], -1), np.delete(plain, [2, 3], -1))
        assert np.allclose(fast[..., 2:4], plain[..., 2:4], rtol=1e-6, atol=1e-7)


@given(crowd)
def test_every_positive_cell_tells_its_objects_box_and_classes(boxes: list[Any]) -> None:
    found = decode(made([boxes]), ANCHORS, SIZE)
    classes: dict[Any, set[int]] = {}
    for box in boxes:
        classes.setdefault(box[:4], set()).add(box[4])
    for told, hot in zip(found.boxes, found.classes, strict=True):
        near_ones = [c for c in classes if np.allclose(told, c, rtol=1e-5, atol=1e-3)]
        assert near_ones, told
        assert {int(k) for k in np.flatnonzero(hot)} in [classes[c] for c in near_ones]


@given(crowd)
def test_the_centre_and_the_size_are_what_a_network_can_predict(boxes: list[Any]) -> None:
    for target in made([boxes]):
        cells = target[target[..., OBJECTNESS] > 0.5]
        assert ((cells[:, :2] > -1) & (cells[:, :2] < 2)).all()
        assert not target[target[..., OBJECTNESS] <= 0.5].any()


@given(st.data(), crowd)
def test_the_order_of_the_boxes_does_not_matter(data: st.DataObject, boxes: list[Any]) -> None:
    other = data.draw(st.permutations(boxes))
    for a, b in zip(made([boxes]), made([other]), strict=True):
        assert np.array_equal(a, b)


@given(crowd, crowd)
def test_images_do_not_disturb_each_other(first: list[Any], second: list[Any]) -> None:
    both = made([first, second])
    for number, boxes in enumerate((first, second)):
        for whole, alone in zip(both, made([boxes]), strict=True):
            assert np.array_equal(whole[number], alone[0])


@given(crowd)
def test_no_object_vanishes_while_a_cell_of_its_is_free(boxes: list[Any]) -> None:
    targets = made([boxes])
    found = decode(targets, ANCHORS, SIZE)
    for one in slow.find_objects(PROBLEM, GRIDS, boxes):
        own = [
            number
            for number in range(len(found.image))
            if found.scale[number] == one.scale
            and (found.row[number], found.column[number]) in one.cells
        ]
        has_one = any(np.allclose(found.boxes[n], one.corners, rtol=1e-5, atol=1e-3) for n in own)
        assert has_one or len(own) == len(one.cells)


def test_an_object_amid_the_image_has_nine_cells_and_one_in_a_corner_four() -> None:
    middle = [
        (58, 42, 66, 50, 1)
    ]  # its centre (62, 46) lies in a cell of 16 pixels, off its borders
    corner = [(0, 0, 9, 9, 1)]
    for boxes, cells in ((middle, 9), (corner, 4)):
        assert len(decode(made([boxes]), ANCHORS, SIZE).image) == cells


def test_a_cell_from_which_the_centre_is_one_cell_away_is_left_out() -> None:
    on_a_border = [(60, 42, 68, 50, 1)]  # centre x = 64 = 4 cells: from column 5 that is -1
    found = decode(made([on_a_border]), ANCHORS, SIZE)
    assert sorted(set(found.column.tolist())) == [3, 4]


def test_the_anchor_is_the_one_that_covers_most_of_the_larger() -> None:
    found = decode(made([[(40, 30, 71, 53, 0)]]), ANCHORS, SIZE)
    assert set(found.scale.tolist()) == {0}
    assert set(found.anchor.tolist()) == {0}


@given(good, st.sampled_from(((32.0, 24.0), (12.0, 16.0), (8.0, 8.0))))
def test_iol_is_of_the_larger_area(box: Any, anchor: tuple[float, float]) -> None:
    size = (box[2] - box[0], box[3] - box[1])
    value = slow.iol(size, anchor)
    assert 0 < value <= 1
    assert value == slow.iol(anchor, size)
    assert (value == 1) == (size == anchor)


def test_one_box_twice_is_one_object_and_with_two_classes_it_has_both() -> None:
    once = made([[(20, 20, 30, 30, 2)]])
    twice = made([[(20, 20, 30, 30, 2)] * 2])
    both = decode(made([[(20, 20, 30, 30, 2), (20, 20, 30, 30, 0)]]), ANCHORS, SIZE)
    assert all(np.array_equal(a, b) for a, b in zip(once, twice, strict=True))
    assert both.classes.tolist() == [[1, 0, 1]] * 9


def test_a_small_object_before_a_large_one_keeps_its_own_cell() -> None:
    small, large = (60, 44, 68, 52, 0), (56, 40, 72, 56, 1)
    found = decode(made([[large, small]]), ANCHORS, SIZE)
    assert {tuple(map(round, box)) for box in found.boxes.tolist()} == {small[:4], large[:4]}


@pytest.mark.parametrize(
    "box",
    [
        (10, 10, 10, 20, 0),
        (20, 10, 10, 20, 0),
        (math.nan, 10, 20, 20, 0),
        (0, 0, math.inf, 20, 0),
        (10, 10, 20, 20, 3),
        (10, 10, 20, 20, -1),
        (10, 10, 20, 20, 0.5),
        (-90, 10, -60, 20, 0),
        (10, 10, 10 + 1e-7, 20, 0),
        (0, 0, 1e9, 1e9, 0),
        (1e300, 1e300, 2e300, 2e300, 0),
    ],
)
def test_what_is_no_object_here_leaves_no_trace(box: Any) -> None:
    assert not any(target.any() for target in made([[box]]))
    beside = (40, 40, 50, 50, 1)
    for a, b in zip(made([[box, beside]]), made([[beside]]), strict=True):
        assert np.array_equal(a, b)


def test_an_object_just_outside_is_taught_by_the_cells_at_the_border() -> None:
    found = decode(made([[(-12, 40, -2, 50, 1)]]), ANCHORS, SIZE)
    assert set(found.column.tolist()) == {0}
    assert np.allclose(found.boxes, [[-12, 40, -2, 50]], atol=1e-3)


@pytest.mark.parametrize("images", [[], [[]], [np.zeros((0, 5))], [[], [(1, 1, 9, 9, 0)]]])
def test_there_may_be_no_boxes_and_no_images(images: Any) -> None:
    targets = made(images)
    assert [t.shape for t in targets] == [(len(images), *g, 5 + 2 + 3) for g in GRIDS]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"boxes": [[(1, 2, 3, 4)]]}, r"image 0: expected \[N, 5\]"),
        ({"boxes": [[], [1, 2, 3, 4, 5]]}, r"image 1: expected \[N, 5\]"),
        ({"grids": GRIDS[:1]}, r"for each of 2 scale"),
        ({"grids": ((0, 4), (6, 8))}, "rows, columns"),
        ({"anchors": (((0.5, 0.4),), ((8, 8),))}, "fractions of the image"),
        ({"num_classes": 0}, "classes"),
        ({"input_shape": (0, 4)}, "input_shape"),
    ],
)
def test_a_wrong_request_is_refused(change: dict[str, Any], said: str) -> None:
    asked: dict[str, Any] = {
        "boxes": [[]],
        "anchors": ANCHORS,
        "num_classes": CLASSES,
        "input_shape": SIZE,
        "grids": GRIDS,
    }
    with pytest.raises(ValueError, match=said):
        encode(**{**asked, **change})


def test_targets_of_another_shape_are_not_decoded() -> None:
    with pytest.raises(ValueError, match="for each of 2 scale"):
        decode(made([[]])[:1], ANCHORS, SIZE)
    with pytest.raises(ValueError, match=r"scale 1: expected \[B, H, W, 5 \+ A \+ C\]"):
        decode([made([[]])[0], np.zeros((1, 6, 8))], ANCHORS, SIZE)
