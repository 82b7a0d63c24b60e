"""Boxes in TensorFlow: decoding, overlap, and the location losses made of it.

Two boxes are compared by how far their centres are apart and by their half sizes, in pixels. No
corner is computed, so nothing is lost far from the origin. On one axis, take two intervals of
half-lengths a and b with centres d apart. Where one holds the other, that is where |d| < |a - b|,
they share 2 min(a, b) and span 2 max(a, b). Elsewhere they share a + b - |d|, at least 0, and span
a + b + |d|.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import tensorflow as tf

from mgspec.loss.boxes import LARGEST_LOG_SIZE
from mgspec.problem.layout import WH, XY


def phi(z: tf.Tensor) -> tf.Tensor:
    """Decode x or y to cells, in (-1, 2): tanh(0.15 z) + sigmoid(0.15 z)."""
    return tf.tanh(0.15 * z) + tf.sigmoid(0.15 * z)


def half_sizes(logs: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
    """Decode half width and height to pixels: anchor * e^log / 2, the log held within 16 of 0.

    logs, anchors: `[..., 2]`, anchors in pixels.
    """
    return anchors * (0.5 * tf.exp(tf.clip_by_value(logs, -LARGEST_LOG_SIZE, LARGEST_LOG_SIZE)))


@dataclass(frozen=True)
class Pairs:
    """Pairs of boxes: `[..., 2]` arrays over x and y, in pixels.

    apart: predicted minus target centre. half, half_target: half widths and heights.
    """

    apart: tf.Tensor
    half: tf.Tensor
    half_target: tf.Tensor

    @cached_property
    def nested(self) -> tf.Tensor:
        """The axes on which one box holds the other."""
        return tf.abs(self.apart) < tf.abs(self.half - self.half_target)

    @cached_property
    def shared(self) -> tf.Tensor:
        """Lengths that the boxes share on each axis."""
        beside = tf.nn.relu(self.half + self.half_target - tf.abs(self.apart))
        return tf.where(self.nested, 2 * tf.minimum(self.half, self.half_target), beside)

    @cached_property
    def span(self) -> tf.Tensor:
        """Lengths of the smallest box around both."""
        beside = self.half + self.half_target + tf.abs(self.apart)
        return tf.where(self.nested, 2 * tf.maximum(self.half, self.half_target), beside)

    @cached_property
    def intersection_and_union(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Areas in square pixels, `[...]`."""
        shared = _area(self.shared)
        return shared, 4 * _area(self.half) + 4 * _area(self.half_target) - shared

    @cached_property
    def iou(self) -> tf.Tensor:
        """Intersection over union, `[...]`."""
        shared, union = self.intersection_and_union
        return shared / union


def decoded(
    target: tf.Tensor, prediction: tf.Tensor, anchors: tf.Tensor, stride: tf.Tensor
) -> Pairs:
    """Decode the boxes that the same cells hold in the target and in the prediction.

    target, prediction: `[..., 4]`, x, y and logarithms of width and height over the anchor's.
    anchors, stride: `[..., 2]`, width and height of the anchor and of a cell in pixels.
    """
    return Pairs(
        (phi(prediction[..., XY]) - target[..., XY]) * stride,
        half_sizes(prediction[..., WH], anchors),
        half_sizes(target[..., WH], anchors),
    )


def box_mse(target: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
    """Return |t_xy - phi(p_xy)|^2 + |t_wh - p_wh|^2: `[..., 4]` to `[...]`.

    The squared error of encoded boxes, as in YOLOv3 (Redmon and Farhadi 2018, arXiv:1804.02767).
    """
    offset = phi(prediction[..., XY]) - target[..., XY]
    return _squared(offset) + _squared(prediction[..., WH] - target[..., WH])


def giou_loss(boxes: Pairs) -> tf.Tensor:
    """Return 1 - GIoU, `[...]` (Rezatofighi et al. 2019, arXiv:1902.09630)."""
    _, union = boxes.intersection_and_union
    return (1 - boxes.iou) + (1 - union / _area(boxes.span))


def diou_loss(boxes: Pairs) -> tf.Tensor:
    """Return 1 - DIoU, `[...]` (Zheng et al. 2020, arXiv:1911.08287)."""
    return (1 - boxes.iou) + _squared(boxes.apart) / _squared(boxes.span)


def ciou_loss(boxes: Pairs) -> tf.Tensor:
    """Return 1 - CIoU, `[...]` (Zheng et al. 2020, arXiv:1911.08287).

    The weight v / (1 - IoU + v) is differentiated with the rest.
    """
    v = 4 / math.pi**2 * tf.square(_angle(boxes.half) - _angle(boxes.half_target))
    missed = tf.nn.relu(1 - boxes.iou)
    return diou_loss(boxes) + v * tf.math.divide_no_nan(v, missed + v)


def _area(sides: tf.Tensor) -> tf.Tensor:
    width, height = tf.unstack(sides, num=2, axis=-1)
    return width * height


def _squared(sides: tf.Tensor) -> tf.Tensor:
    width, height = tf.unstack(tf.square(sides), num=2, axis=-1)
    return width + height


def _angle(half: tf.Tensor) -> tf.Tensor:
    width, height = tf.unstack(half, num=2, axis=-1)
    return tf.atan(width / height)
