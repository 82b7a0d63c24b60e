"""Boxes in TensorFlow: decoding, overlap, and the location losses made of it.

Two boxes are compared by how far their centres are apart and by their half sizes, in pixels, never
by corners: nothing is lost far from the origin. On one axis, two intervals of half-lengths a and b
with centres d apart share 2 min(a, b) and span 2 max(a, b) where one holds the other, that is where
|d| < |a - b|; and else they share a + b - |d|, at least 0, and span a + b + |d|.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import tensorflow as tf

from mgspec.loss.boxes import LARGEST_LOG_SIZE


def phi(z: tf.Tensor) -> tf.Tensor:
    """Decoded x or y in cells, in (-1, 2): tanh(0.15 z) + sigmoid(0.15 z)."""
    return tf.tanh(0.15 * z) + tf.sigmoid(0.15 * z)


def half_sizes(logs: tf.Tensor, anchors: tf.Tensor) -> tf.Tensor:
    """Half width and height in pixels, anchor * e^log / 2, the log held within 16 of 0.

    logs, anchors: `[..., 2]`, anchors in pixels.
    """
    return anchors * (0.5 * tf.exp(tf.clip_by_value(logs, -LARGEST_LOG_SIZE, LARGEST_LOG_SIZE)))


@dataclass(frozen=True)
class Encoded:
    """Boxes as a detector's channels hold them.

    centre: `[..., 2]`, x and y in cells from a cell's corner; of a prediction, before `phi`.
    logs: `[..., 2]`, logarithms of width and height over the anchor's.
    """

    centre: tf.Tensor
    logs: tf.Tensor


@dataclass(frozen=True)
class Pairs:
    """Pairs of boxes: `[..., 2]` arrays over x and y, in pixels. What they share is computed once.

    apart: predicted minus target centre. half, half_target: half widths and heights.
    """

    apart: tf.Tensor
    half: tf.Tensor
    half_target: tf.Tensor

    @cached_property
    def nested(self) -> tf.Tensor:
        """On which axes one box holds the other."""
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


def _area(sides: tf.Tensor) -> tf.Tensor:
    width, height = tf.unstack(sides, num=2, axis=-1)
    return width * height


def _squared(sides: tf.Tensor) -> tf.Tensor:
    width, height = tf.unstack(tf.square(sides), num=2, axis=-1)
    return width + height


def giou_loss(boxes: Pairs) -> tf.Tensor:
    """1 - GIoU, `[...]` (Rezatofighi et al. 2019, arXiv:1902.09630)."""
    _, union = boxes.intersection_and_union
    return (1 - boxes.iou) + (1 - union / _area(boxes.span))


def diou_loss(boxes: Pairs) -> tf.Tensor:
    """1 - DIoU, `[...]` (Zheng et al. 2020, arXiv:1911.08287)."""
    return (1 - boxes.iou) + _squared(boxes.apart) / _squared(boxes.span)


def ciou_loss(boxes: Pairs) -> tf.Tensor:
    """1 - CIoU, `[...]` (Zheng et al. 2020), v / (1 - IoU + v) differentiated with the rest."""
    v = 4 / math.pi**2 * tf.square(_angle(boxes.half) - _angle(boxes.half_target))
    missed = tf.nn.relu(1 - boxes.iou)
    return diou_loss(boxes) + v * tf.math.divide_no_nan(v, missed + v)


def _angle(half: tf.Tensor) -> tf.Tensor:
    width, height = tf.unstack(half, num=2, axis=-1)
    return tf.atan(width / height)


def box_mse(target: Encoded, prediction: Encoded) -> tf.Tensor:
    """|t_xy - phi(p_xy)|^2 + |t_wh - p_wh|^2, `[...]`."""
    offset = phi(prediction.centre) - target.centre
    return _squared(offset) + _squared(prediction.logs - target.logs)


def decoded(target: Encoded, prediction: Encoded, anchors: Any, stride: Any) -> Pairs:
    """The boxes that the same cells' targets and predictions hold.

    anchors: `[..., 2]` in pixels. stride: `[..., 2]`, a cell's width and height in pixels.
    """
    return Pairs(
        (phi(prediction.centre) - target.centre) * stride,
        half_sizes(prediction.logs, anchors),
        half_sizes(target.logs, anchors),
    )
