"""Boxes: decoding, overlap, and the location losses that are made of it, with their slopes.

Plain NumPy float64. Values come from the corners of the decoded boxes in pixels, as on paper.
Slopes come from a formula for two intervals on an axis: half-lengths a and b and centres d apart,
they share a + b - r and span a + b + r, where r = max(|d|, |a - b|); shared is never below 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mgspec.problem.layout import WH, XY

Float = NDArray[np.float64]

# ln of the most that a box may be larger or smaller than its anchor: e^16 is 9 million. Beyond it
# the size stays as it is, so that no finite prediction overflows.
LARGEST_LOG_SIZE = 16.0


def sigmoid(z: Float) -> Float:
    """1 / (1 + e^-z), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * z))


def phi(z: Float) -> Float:
    """Decoded x or y in cells, in (-1, 2): tanh(0.15 z) + sigmoid(0.15 z)."""
    return np.tanh(0.15 * z) + sigmoid(0.15 * z)


def phi_slope(z: Float) -> Float:
    """d phi / d z."""
    s = sigmoid(0.15 * z)
    return 0.15 * (1 / np.cosh(np.minimum(np.abs(0.15 * z), 350)) ** 2 + s * (1 - s))


def sizes(logs: Float, anchors: Float) -> Float:
    """Width and height in pixels: anchor * e^log, the log within 16 of 0."""
    return anchors * np.exp(np.clip(logs, -LARGEST_LOG_SIZE, LARGEST_LOG_SIZE))


def from_the_image(centres: Float, stride: tuple[float, float]) -> Float:
    """Centres told in cells from each cell's top-left corner, in pixels from the image's.

    centres: `[B, H, W, 2]`, x and y. stride: a cell's width and height in pixels.
    """
    height, width = centres.shape[1:3]
    cells = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1)  # (column, row)
    middle: Float = (cells + centres) * np.array(stride)
    return middle


def corners(centres: Float, size: Float) -> tuple[Float, Float]:
    """Top-left and bottom-right corners (x, y) of boxes, `[..., 2]`; all in pixels."""
    return centres - size / 2, centres + size / 2


def iou(a: tuple[Float, Float], b: tuple[Float, Float]) -> Float:
    """Intersection over union of boxes given by their corners, `[..., 2]` each."""
    shared: Float = np.prod(np.maximum(0, np.minimum(a[1], b[1]) - np.maximum(a[0], b[0])), -1)
    union: Float = np.prod(a[1] - a[0], -1) + np.prod(b[1] - b[0], -1) - shared
    return shared / union


@dataclass(frozen=True)
class Boxes:
    """Every cell's predicted box beside its target's, both of the target's anchor.

    target, prediction: corners in pixels, `[B, H, W, 2]` each, from the cell's top-left corner: how
        well two boxes fit is then the same number wherever in the image they are.
    apart: `[B, H, W, 2]`, predicted minus target centre in pixels.
    half, half_target: `[B, H, W, 2]`, half the predicted and the target's width and height.
    slopes: `[B, H, W, 4]`, how `apart` and `half` change with the predictions x, y, w, h.
    """

    target: tuple[Float, Float]
    prediction: tuple[Float, Float]
    apart: Float
    half: Float
    half_target: Float
    slopes: Float

    @staticmethod
    def of(target: Float, prediction: Float, anchors: Float, stride: tuple[float, float]) -> Boxes:
        """Of arrays `[B, H, W, 5 + A + C]`; anchors: `[B, H, W, 2]`, the target's, in pixels."""
        raw, logs = prediction[..., XY], prediction[..., WH]
        cell = np.array(stride)
        size, size_target = sizes(logs, anchors), sizes(target[..., WH], anchors)
        return Boxes(
            corners(target[..., XY] * cell, size_target),
            corners(phi(raw) * cell, size),
            (phi(raw) - target[..., XY]) * cell,
            size / 2,
            size_target / 2,
            np.concatenate(
                [phi_slope(raw) * cell, size / 2 * (np.abs(logs) <= LARGEST_LOG_SIZE)], -1
            ),
        )


@dataclass(frozen=True)
class _Axes:
    """Shared and spanned lengths `[..., 2]` on both axes, and their slopes by `apart`, `half`."""

    shared: Float
    span: Float
    shared_by_apart: Float
    shared_by_half: Float
    span_by_apart: Float
    span_by_half: Float


def _axes(boxes: Boxes) -> _Axes:
    a, b, d = boxes.half, boxes.half_target, boxes.apart
    by_centre = np.abs(d) >= np.abs(a - b)
    reach = np.where(by_centre, np.abs(d), np.abs(a - b))
    reach_by_apart = np.where(by_centre, np.sign(d), 0)
    reach_by_half = np.where(by_centre, 0, np.sign(a - b))
    touch = a + b > reach
    return _Axes(
        np.where(touch, a + b - reach, 0),
        a + b + reach,
        -reach_by_apart * touch,
        (1 - reach_by_half) * touch,
        reach_by_apart,
        1 + reach_by_half,
    )


def _product_slope(sides: Float, slopes: Float) -> Float:
    """How width * height changes with each of the two: `[..., 2]`."""
    return slopes * sides[..., ::-1]


def _iou_slope(boxes: Boxes, axes: _Axes) -> tuple[Float, Float]:
    """IoU `[...]`, and its slope `[..., 4]` by apart x, y and half w, h."""
    shared = axes.shared.prod(-1)
    union = 4 * boxes.half.prod(-1) + 4 * boxes.half_target.prod(-1) - shared
    shared_slope = np.concatenate(
        [
            _product_slope(axes.shared, axes.shared_by_apart),
            _product_slope(axes.shared, axes.shared_by_half),
        ],
        -1,
    )
    area_slope = np.concatenate([np.zeros_like(boxes.half), 4 * boxes.half[..., ::-1]], -1)
    union_slope = area_slope - shared_slope
    value = shared / union
    return value, (shared_slope - value[..., None] * union_slope) / union[..., None]


def iou_loss(kind: str, boxes: Boxes) -> tuple[Float, Float]:
    """1 - xIoU `[B, H, W]` of each pair of boxes, and its gradient by x, y, w, h `[B, H, W, 4]`.

    giou: IoU - (span box - union) / span box (Rezatofighi et al. 2019, arXiv:1902.09630).
    diou: IoU - distance^2 / diagonal^2 (Zheng et al. 2020, arXiv:1911.08287).
    ciou: diou - a v, v = 4/pi^2 (difference of atan(w / h))^2, a = v / (1 - IoU + v); a has a
        slope like the rest.
    """
    axes = _axes(boxes)
    overlap = iou(boxes.target, boxes.prediction)
    _, slope = _iou_slope(boxes, axes)
    value, gradient = 1 - overlap, -slope
    if kind == "giou":
        extra, extra_slope = _empty_part(boxes, axes)
    else:
        extra, extra_slope = _distance_part(boxes, axes)
    value, gradient = value + extra, gradient + extra_slope
    if kind == "ciou":
        extra, extra_slope = _aspect_part(boxes, 1 - overlap, -slope)
        value, gradient = value + extra, gradient + extra_slope
    return value, gradient * boxes.slopes


def _empty_part(boxes: Boxes, axes: _Axes) -> tuple[Float, Float]:
    """The part of the spanning box that neither box covers, and its slope."""
    shared, hull = axes.shared.prod(-1), axes.span.prod(-1)
    union = 4 * boxes.half.prod(-1) + 4 * boxes.half_target.prod(-1) - shared
    union_slope = np.concatenate(
        [
            -_product_slope(axes.shared, axes.shared_by_apart),
            4 * boxes.half[..., ::-1] - _product_slope(axes.shared, axes.shared_by_half),
        ],
        -1,
    )
    hull_slope = np.concatenate(
        [
            _product_slope(axes.span, axes.span_by_apart),
            _product_slope(axes.span, axes.span_by_half),
        ],
        -1,
    )
    covered = (union / hull)[..., None]
    return 1 - union / hull, (covered * hull_slope - union_slope) / hull[..., None]


def _distance_part(boxes: Boxes, axes: _Axes) -> tuple[Float, Float]:
    """Squared distance of the centres over squared diagonal of the spanning box, and its slope."""
    distance, diagonal = (boxes.apart**2).sum(-1), (axes.span**2).sum(-1)
    value = distance / diagonal
    distance_slope = np.concatenate([2 * boxes.apart, np.zeros_like(boxes.half)], -1)
    diagonal_slope = np.concatenate(
        [2 * axes.span * axes.span_by_apart, 2 * axes.span * axes.span_by_half], -1
    )
    return value, (distance_slope - value[..., None] * diagonal_slope) / diagonal[..., None]


def _aspect_part(boxes: Boxes, missed: Float, missed_slope: Float) -> tuple[Float, Float]:
    """v^2 / (missed + v), missed = 1 - IoU, and its slope; 0 where both are 0."""
    w, h = boxes.half[..., 0], boxes.half[..., 1]
    angle = np.arctan(w / h) - np.arctan(boxes.half_target[..., 0] / boxes.half_target[..., 1])
    v = 4 / np.pi**2 * angle**2
    turn = 8 / np.pi**2 * angle / (w**2 + h**2)
    v_slope = np.stack([np.zeros_like(w), np.zeros_like(w), turn * h, -turn * w], -1)
    below = missed + v
    part = np.divide(v, below, out=np.zeros_like(v), where=below > 0)[..., None]
    # d(v part) = part (2 - part) dv - part^2 d(missed)
    return v * part[..., 0], part * (2 - part) * v_slope - part**2 * missed_slope
