"""Decode boxes, measure their overlap, and derive the location losses from it, with gradients.

Plain NumPy float64. Values are computed from the corners of the decoded boxes in pixels, as on
paper. Gradients come from a formula for two intervals on an axis, of half-lengths a and b and with
centres d apart. They share max(0, a + b - r) and span a + b + r, where r = max(|d|, |a - b|).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mgspec.problem.layout import WH, XY

Float = NDArray[np.float64]

# The log-size of a box relative to its anchor is clipped to this magnitude (e^16 is 9 million), so
# that no finite prediction overflows.
LARGEST_LOG_SIZE = 16.0


def sigmoid(z: Float) -> Float:
    """Return 1 / (1 + e^-z), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * z))


def phi(z: Float) -> Float:
    """Decode x or y: return tanh(0.15 z) + sigmoid(0.15 z), in cells, in (-1, 2)."""
    return np.tanh(0.15 * z) + sigmoid(0.15 * z)


def phi_slope(z: Float) -> Float:
    """Return the derivative of `phi` at z."""
    s = sigmoid(0.15 * z)
    return 0.15 * (1 / np.cosh(np.minimum(np.abs(0.15 * z), 350)) ** 2 + s * (1 - s))


def sizes(logs: Float, anchors: Float) -> Float:
    """Return width and height `[..., 2]` in pixels: anchor * e^log, with log clipped to ±16.

    logs, anchors: `[..., 2]`, log-sizes and the anchors' width and height in pixels.
    """
    return anchors * np.exp(np.clip(logs, -LARGEST_LOG_SIZE, LARGEST_LOG_SIZE))


def to_image_pixels(centres: Float, stride: tuple[float, float]) -> Float:
    """Return centres `[B, H, W, 2]` in pixels from the top-left corner of the image.

    centres: `[B, H, W, 2]`, x and y in cells from the top-left corner of each cell.
    stride: width and height of a cell in pixels.
    """
    height, width = centres.shape[1:3]
    cells = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1)  # (column, row)
    pixels: Float = (cells + centres) * np.array(stride)
    return pixels


def corners(centres: Float, size: Float) -> tuple[Float, Float]:
    """Return the top-left and bottom-right corners (x, y) of boxes, `[..., 2]` each, in pixels."""
    return centres - size / 2, centres + size / 2


def iou(a: tuple[Float, Float], b: tuple[Float, Float]) -> Float:
    """Return the intersection over union `[...]` of boxes given by their corners, `[..., 2]`."""
    shared: Float = np.prod(np.maximum(0, np.minimum(a[1], b[1]) - np.maximum(a[0], b[0])), -1)
    union: Float = np.prod(a[1] - a[0], -1) + np.prod(b[1] - b[0], -1) - shared
    return shared / union


@dataclass(frozen=True)
class Boxes:
    """The predicted and the target box of every cell, both decoded with the target's anchor.

    target, prediction: corners `[B, H, W, 2]` in pixels from the cell's top-left corner, so that
        the overlap of two boxes does not depend on where in the image they are.
    apart: `[B, H, W, 2]`, predicted minus target centre in pixels.
    half, half_target: `[B, H, W, 2]`, half the predicted and target width and height in pixels.
    slopes: `[B, H, W, 4]`, derivatives of `apart` and `half` by the predictions x, y, w, h.
    """

    target: tuple[Float, Float]
    prediction: tuple[Float, Float]
    apart: Float
    half: Float
    half_target: Float
    slopes: Float

    @staticmethod
    def of(target: Float, prediction: Float, anchors: Float, stride: tuple[float, float]) -> Boxes:
        """Decode the boxes of a target and a prediction, `[B, H, W, 5 + A + C]` each.

        anchors: `[B, H, W, 2]`, the anchor of each cell's target in pixels.
        stride: width and height of a cell in pixels.
        """
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
    """Shared and spanned lengths `[..., 2]` on both axes, with slopes by `apart` and `half`."""

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
    """Return the slope `[..., 2]` of width * height by width and by height."""
    return slopes * sides[..., ::-1]


def _iou_slope(boxes: Boxes, axes: _Axes) -> tuple[Float, Float]:
    """Return the IoU `[...]` and its slope `[..., 4]` by `apart` x, y and `half` w, h."""
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
    """Return 1 - xIoU `[B, H, W]` of each pair of boxes, and its gradient `[B, H, W, 4]`.

    The gradient is with respect to the predictions x, y, w, h.

    kind: which xIoU.
        giou: IoU - (span box - union) / span box (Rezatofighi et al. 2019, arXiv:1902.09630).
        diou: IoU - distance^2 / diagonal^2 (Zheng et al. 2020, arXiv:1911.08287).
        ciou: diou - a v, with v = 4/pi^2 (difference of atan(w / h))^2 and a = v / (1 - IoU + v).
            The gradient includes that of a.
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
    """Return the share of the spanning box that neither box covers, and its slope."""
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
    """Return (distance of centres / diagonal of the spanning box)^2, and its slope."""
    distance, diagonal = (boxes.apart**2).sum(-1), (axes.span**2).sum(-1)
    value = distance / diagonal
    distance_slope = np.concatenate([2 * boxes.apart, np.zeros_like(boxes.half)], -1)
    diagonal_slope = np.concatenate(
        [2 * axes.span * axes.span_by_apart, 2 * axes.span * axes.span_by_half], -1
    )
    return value, (distance_slope - value[..., None] * diagonal_slope) / diagonal[..., None]


def _aspect_part(boxes: Boxes, missed: Float, missed_slope: Float) -> tuple[Float, Float]:
    """Return v^2 / (missed + v) with missed = 1 - IoU, and its slope; 0 where v and missed are."""
    w, h = boxes.half[..., 0], boxes.half[..., 1]
    angle = np.arctan(w / h) - np.arctan(boxes.half_target[..., 0] / boxes.half_target[..., 1])
    v = 4 / np.pi**2 * angle**2
    turn = 8 / np.pi**2 * angle / (w**2 + h**2)
    v_slope = np.stack([np.zeros_like(w), np.zeros_like(w), turn * h, -turn * w], -1)
    below = missed + v
    part = np.divide(v, below, out=np.zeros_like(v), where=below > 0)[..., None]
    # d(v part) = part (2 - part) dv - part^2 d(missed)
    return v * part[..., 0], part * (2 - part) * v_slope - part**2 * missed_slope
