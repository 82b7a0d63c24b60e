"""Scenes of digits, and how detections are matches with their boxes."""

from __future__ import annotations

import numpy as np
import pytest

from mgloss.experiment.matching import detections, f1, iou, matches
from mgloss.experiment.scenes import CLASSES, DETECTOR, MOST_OBJECTS, SIDE, draw
from mgspec.problem.layout import FIRST_ANCHOR, OBJECTNESS, WH, XY

ANCHORS = np.array(DETECTOR.anchors[0])


@pytest.mark.parametrize("density", [0.4, 1.0, 2.5])
def test_scenes_have_objects_where_their_boxes_are(density: float) -> None:
    scenes = draw(3, 40, density)
    assert scenes.images.shape == (40, SIDE, SIDE, 1)
    assert scenes.targets.shape == (40, 16, 16, 5 + 2 + CLASSES)
    assert ((scenes.objects >= 1) & (scenes.objects <= MOST_OBJECTS)).all()
    for image, boxes in zip(scenes.images[..., 0], scenes.boxes, strict=True):
        outside = np.ones_like(image, bool)
        for x1, y1, x2, y2, kind in boxes.astype(int):
            assert 0 <= x1 < x2 <= SIDE
            assert 0 <= y1 < y2 <= SIDE
            assert 0 <= kind < CLASSES
            assert image[y1:y2, x1:x2].max() > 0.7
            assert outside[y1:y2, x1:x2].all(), "boxes overlap"
            outside[y1:y2, x1:x2] = False
        assert image[outside].max() < 0.7


def test_density_makes_the_objects_fewer_and_more() -> None:
    fewer, same, more = (draw(3, 200, density).objects.mean() for density in (0.4, 1.0, 2.5))
    assert fewer < 0.7 * same
    assert more > 1.4 * same
    # Of COCO val2017 the mean is 7.3; what finds no room in a scene is left out.
    assert 5.5 < same < 7.4


def test_the_seed_decides() -> None:
    one, same, other = draw(3, 4), draw(3, 4), draw(4, 4)
    assert np.array_equal(one.images, same.images)
    assert not np.array_equal(one.images, other.images)


def test_iou_of_boxes() -> None:
    boxes = np.array([[0.0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]])
    assert iou(boxes, boxes) == pytest.approx(np.array([[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 1]]))


def test_a_box_is_matches_once() -> None:
    box = np.array([[0.0, 0, 10, 10, 3]])
    found = np.array([[0.0, 0, 10, 9], [0, 1, 10, 10], [50, 50, 60, 60]])
    assert matches(found, box) == 1
    assert matches(found, np.concatenate([box, [[50, 50, 60, 61, 3]]])) == 2
    assert matches(found[:0], box) == matches(found, box[:0]) == 0


def perfect(targets: np.ndarray) -> np.ndarray:
    """Predictions that decode to the targets."""
    made = targets.copy()
    steps = np.linspace(-60, 60, 20001)
    decoded = np.tanh(0.15 * steps) + 0.5 * (1 + np.tanh(0.075 * steps))
    made[..., XY] = np.interp(targets[..., XY], decoded, steps)
    made[..., OBJECTNESS] = np.where(targets[..., OBJECTNESS] > 0.5, 9, -9)
    return made


def test_perfect_predictions_find_every_box() -> None:
    scenes = draw(5, 20)
    found = f1(perfect(scenes.targets), scenes.boxes, ANCHORS, DETECTOR.input_size)
    assert found > 0.97  # beside each other, a digit may lose all its cells


def test_predictions_of_nothing_find_none() -> None:
    scenes = draw(5, 3)
    nothing = np.full_like(scenes.targets, -9)
    assert f1(nothing, scenes.boxes, ANCHORS, DETECTOR.input_size) == 0
    assert f1(nothing[:0], [], ANCHORS, DETECTOR.input_size) == 1


def test_of_detections_that_overlap_the_surest_is_kept() -> None:
    prediction = np.full((16, 16, 17), -9.0)
    for row, column, objectness in ((4, 4, 2.0), (4, 5, 3.0), (10, 10, 1.0)):
        prediction[row, column, OBJECTNESS] = objectness
        prediction[row, column, XY] = 0  # decodes to 0.5
        prediction[row, column, WH] = 0
        prediction[row, column, FIRST_ANCHOR + 1] = 9
    found = detections(prediction, ANCHORS, (64, 64))
    assert found == pytest.approx(np.array([[14, 10, 30, 26], [34, 34, 50, 50]]))
