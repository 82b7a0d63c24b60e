"""The encoder in TensorFlow is the one in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given

from mgloss.data import targets
from mgloss.data.tensorflow_targets import encode
from tests.data.test_targets import ANCHORS, CLASSES, GRIDS, SIZE, batches

Boxes = list[list[Any]]


@tf.function(
    input_signature=[tf.RaggedTensorSpec([None, None, 5], tf.float64, ragged_rank=1)],
    autograph=False,
)
def ragged(boxes: Any) -> Any:
    return encode(boxes, ANCHORS, CLASSES, SIZE, GRIDS)


@tf.function(input_signature=[tf.TensorSpec([None, None, 5], tf.float64)], autograph=False)
def dense(boxes: Any) -> Any:
    return encode(boxes, ANCHORS, CLASSES, SIZE, GRIDS)


def as_ragged(images: Boxes) -> tf.RaggedTensor:
    rows = np.array([box for image in images for box in image], np.float64).reshape(-1, 5)
    return tf.RaggedTensor.from_row_lengths(rows, [len(image) for image in images])


def as_dense(images: Boxes) -> Any:
    rows = np.zeros((len(images), max(map(len, images)) + 1, 5))
    for image, boxes in zip(rows, images, strict=True):
        image[: len(boxes)] = np.reshape(boxes, (-1, 5))
    return rows


def same(found: Any, images: Boxes) -> None:
    for fast, plain in zip(
        found, targets.encode(images, ANCHORS, CLASSES, SIZE, GRIDS), strict=True
    ):
        assert fast.dtype == tf.float32
        assert np.array_equal(np.delete(fast, [2, 3], -1), np.delete(plain, [2, 3], -1))
        assert np.allclose(fast[..., 2:4], plain[..., 2:4], rtol=1e-6, atol=1e-7)


@given(batches)
def test_ragged_boxes_become_the_same_targets(images: Boxes) -> None:
    same(ragged(as_ragged(images)), images)


@given(batches)
def test_padded_boxes_become_the_same_targets(images: Boxes) -> None:
    same(dense(as_dense(images)), images)


def test_it_runs_eagerly() -> None:
    images: Boxes = [[(40.0, 40, 72, 64, 0), (44.0, 40, 76, 64, 1)], []]
    same(encode(as_ragged(images), ANCHORS, CLASSES, SIZE, GRIDS), images)


def test_there_may_be_no_images_and_no_boxes() -> None:
    for found, grid in zip(dense(np.zeros((0, 3, 5))), GRIDS, strict=True):
        assert found.shape == (0, *grid, 5 + 2 + CLASSES)
    for found in dense(np.zeros((2, 0, 5))):
        assert found.shape[0] == 2
        assert not np.any(found)


def test_a_data_set_is_mapped() -> None:
    random = np.random.default_rng(0)
    images = []
    for objects in (3, 0, 40, 7, 12, 1, 25):
        corners = random.uniform(0, 90, (objects, 2))
        sides = random.uniform(1, 60, (objects, 2))
        kinds = random.integers(0, CLASSES, (objects, 1))
        images.append(np.concatenate([corners, corners + sides, kinds], 1))
    data = tf.data.Dataset.from_generator(
        lambda: iter(images), output_signature=tf.TensorSpec([None, 5], tf.float64)
    )
    found = data.padded_batch(4).map(
        lambda boxes: encode(boxes, ANCHORS, CLASSES, SIZE, GRIDS), num_parallel_calls=2
    )
    parts = list(found)
    assert [len(part[0]) for part in parts] == [4, 3]
    same([tf.concat(scale, 0) for scale in zip(*parts, strict=True)], images)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("boxes", "said"),
    [
        (np.zeros((2, 5)), r"expected \[B, N, 5\]"),
        (np.zeros((2, 3, 4)), r"expected \[B, N, 5\]"),
        (tf.ragged.constant([[1.0], []]), r"expected \[B, N, 5\]"),
    ],
)
def test_boxes_of_another_shape_are_refused(boxes: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        encode(boxes, ANCHORS, CLASSES, SIZE, GRIDS)


def test_a_wrong_problem_is_refused() -> None:
    with pytest.raises(ValueError, match="grids: expected"):
        encode(np.zeros((1, 1, 5)), ANCHORS, CLASSES, SIZE, GRIDS[:1])
