"""One scale of a batch, read once: every cell in part, and the cells with an object whole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import tensorflow as tf

from mgloss.reference.boxes import Pairs, decoded
from mgspec.problem.layout import FIRST_ANCHOR, OBJECTNESS


@dataclass(frozen=True)
class Grid:
    """B images of H x W cells.

    anchors: `[A, 2]`, width and height in pixels.
    stride: `[2]`, width and height of a cell in pixels.
    """

    images: Any
    height: Any
    width: Any
    anchors: tf.Tensor
    stride: tf.Tensor


@dataclass(frozen=True)
class Objects:
    """The objects of one scale, one for each of the P cells that hold one.

    places: `[P, 3]`, image, row and column of the cell, in ascending order.
    boxes: `[P, 4]`, x and y in cells from the cell's corner, then the logarithms of width and
        height over the anchor's.
    anchors: `[P, 2]`, width and height of the object's own anchor in pixels.
    """

    places: tf.Tensor
    boxes: tf.Tensor
    anchors: tf.Tensor

    def take(self, which: tf.Tensor) -> Objects:
        """Return the objects at these positions of the list."""
        parts = (self.places, self.boxes, self.anchors)
        return Objects(*(tf.gather(part, which) for part in parts))


@dataclass(frozen=True)
class Scale:
    """One scale of a batch.

    grid: its size, anchors and stride.
    mask: `[B, H, W]`, 1 in cells with an object and 0 in the others.
    everywhere: `[B, H, W, 5 + A]`, predictions of every cell without the class logits.
    objects: the objects and the cells that hold them.
    target, prediction: `[P, 5 + A + C]`, all channels of those cells.
    """

    grid: Grid
    mask: tf.Tensor
    everywhere: tf.Tensor
    objects: Objects
    target: tf.Tensor
    prediction: tf.Tensor

    @cached_property
    def boxes(self) -> Pairs:
        """The predicted boxes of the P cells beside those of their objects."""
        return decoded(
            self.objects.boxes,
            self.prediction[:, :OBJECTNESS],
            self.objects.anchors,
            self.grid.stride,
        )

    @property
    def anchor_channels(self) -> slice:
        """The channels that hold anchors."""
        return slice(FIRST_ANCHOR, FIRST_ANCHOR + tf.shape(self.grid.anchors)[0])

    @property
    def class_channels(self) -> slice:
        """The channels that hold classes."""
        return slice(FIRST_ANCHOR + tf.shape(self.grid.anchors)[0], None)

    def sum_of_objects(self, costs: tf.Tensor) -> tf.Tensor:
        """Return the sum over each image's objects, `[P]` to `[B]`."""
        return tf.math.unsorted_segment_sum(costs, self.objects.places[:, 0], self.grid.images)


def read(
    target: tf.Tensor, prediction: tf.Tensor, anchors: tf.Tensor, input_shape: tf.Tensor
) -> Scale:
    """Read one scale.

    target, prediction: `[B, H, W, 5 + A + C]`, of one dtype.
    anchors: `[A, 2]`, width and height in pixels.
    input_shape: `[2]`, height and width of an input image in pixels.
    """
    dtype = prediction.dtype
    images, height, width, _ = tf.unstack(tf.shape(prediction))
    stride = tf.cast(input_shape[::-1], dtype) / tf.cast(tf.stack([width, height]), dtype)
    grid = Grid(images, height, width, tf.cast(anchors, dtype), stride)

    is_object = target[..., OBJECTNESS] > 0.5
    places = tf.cast(tf.where(is_object), tf.int32)
    first_class = FIRST_ANCHOR + tf.shape(anchors)[0]
    everywhere, predicted = _look(prediction, places, first_class)
    true = tf.gather_nd(target, places)
    own = tf.argmax(true[:, FIRST_ANCHOR:first_class], -1)
    objects = Objects(places, true[:, :OBJECTNESS], tf.gather(grid.anchors, own))
    return Scale(grid, tf.cast(is_object, dtype), everywhere, objects, true, predicted)


def _look(prediction: tf.Tensor, places: tf.Tensor, channels: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the first channels of every cell, and all channels of the cells at `places`.

    Most of a prediction is class logits of cells without an object, which no term reads. TensorFlow
    would write the gradients of both parts into an array of the prediction's size each, and add
    them up in a third. This writes one, which saves a training step its largest arrays.

    prediction: `[B, H, W, D]`. places: `[P, 3]`, each at most once.
    Returns `[B, H, W, channels]` and `[P, D]`.
    """

    @tf.custom_gradient
    def parts(prediction: tf.Tensor) -> Any:
        def gradient(of_first: tf.Tensor, of_whole: tf.Tensor) -> tf.Tensor:
            others = tf.shape(prediction)[-1] - channels
            padded = tf.pad(of_first, [[0, 0], [0, 0], [0, 0], [0, others]])
            return tf.tensor_scatter_nd_add(padded, places, of_whole)

        return (prediction[..., :channels], tf.gather_nd(prediction, places)), gradient

    first, whole = parts(prediction)
    return first, whole
