"""Measure a detector without its loss: match its boxes at an IoU of 0.5."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgspec.loss.boxes import phi, sigmoid, sizes
from mgspec.problem.layout import FIRST_ANCHOR, OBJECTNESS, WH, XY

MATCH_IOU = 0.5
THRESHOLD = 0.5  # objectness of a detection
Array = NDArray[Any]


def detections(prediction: Array, anchors: Array, input_size: tuple[int, int]) -> Array:
    """Return boxes `[n, 4]`, in pixels, of one image's prediction `[H, W, 5 + A + C]`.

    Order them by descending objectness. Of boxes with an IoU above 0.5, keep the first.
    anchors: (width, height) in pixels, `[A, 2]`. input_size: (height, width) in pixels.
    """
    rows, columns = np.nonzero(sigmoid(prediction[..., OBJECTNESS].astype(np.float64)) > THRESHOLD)
    cells = prediction[rows, columns].astype(np.float64)
    order = np.argsort(-cells[:, OBJECTNESS], kind="stable")
    cells, rows, columns = cells[order], rows[order], columns[order]
    stride = input_size[1] / prediction.shape[1], input_size[0] / prediction.shape[0]
    centre = (phi(cells[:, XY]) + np.stack([columns, rows], -1)) * stride
    anchor = cells[:, FIRST_ANCHOR : FIRST_ANCHOR + len(anchors)].argmax(-1)
    half = sizes(cells[:, WH], anchors[anchor]) / 2
    boxes = np.concatenate([centre - half, centre + half], -1)
    overlap = iou(boxes, boxes)
    kept: list[int] = []
    for box in range(len(boxes)):
        if not (overlap[box, kept] > MATCH_IOU).any():
            kept.append(box)
    return boxes[kept]


def iou(some: Array, others: Array) -> Array:
    """Return the IoU of each pair of boxes `[n, 4]` and `[m, 4]`, `[n, m]`."""
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum(some[:, None, 2:4], others[None, :, 2:4])
    shared = np.clip(high - low, 0, None).prod(-1)
    areas = [(b[:, 2:4] - b[:, :2]).prod(-1) for b in (some, others)]
    return shared / np.maximum(areas[0][:, None] + areas[1] - shared, np.finfo(float).tiny)  # type: ignore[no-any-return]


def matches(detected: Array, boxes: Array) -> int:
    """Count the boxes that have a detection of their own with an IoU of 0.5 or more.

    Each detection, in order, takes the free box with the largest IoU.
    """
    overlap = iou(detected, boxes)
    number = 0
    for one in range(len(detected)):
        if len(boxes) and overlap[one].max() >= MATCH_IOU:
            overlap[:, overlap[one].argmax()] = -1
            number += 1
    return number


def f1(predictions: Array, boxes: list[Array], anchors: Array, size: tuple[int, int]) -> float:
    """Return 2 * matches / (detections + boxes) over images; 1 without detections and boxes.

    predictions: `[N, H, W, 5 + A + C]`. boxes: `[n, 4 or more]` for each image, in pixels.
    """
    hits = total = 0
    for prediction, own in zip(predictions, boxes, strict=True):
        detected = detections(prediction, anchors, size)
        hits += matches(detected, own)
        total += len(detected) + len(own)
    return 2 * hits / total if total else 1.0
