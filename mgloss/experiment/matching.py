"""A measure of a detector that no loss has a part in: boxes matched at an IoU of 0.5."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgspec.loss.boxes import phi, sigmoid, sizes
from mgspec.problem.layout import FIRST_ANCHOR, OBJECTNESS, WH, XY

MATCHED = 0.5  # IoU
SURE = 0.5  # objectness
Array = NDArray[Any]


def detections(prediction: Array, anchors: Array, input_size: tuple[int, int]) -> Array:
    """Boxes `[n, 4]` of one image's prediction `[H, W, 5 + A + C]`, the surest first.

    Of boxes that overlap by more than an IoU of 0.5 the surest is kept.
    """
    rows, columns = np.nonzero(sigmoid(prediction[..., OBJECTNESS].astype(np.float64)) > SURE)
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
        if not (overlap[box, kept] > MATCHED).any():
            kept.append(box)
    return boxes[kept]


def iou(some: Array, others: Array) -> Array:
    """Of each pair of boxes `[n, 4]` and `[m, 4]`: `[n, m]`."""
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum(some[:, None, 2:4], others[None, :, 2:4])
    shared = np.clip(high - low, 0, None).prod(-1)
    areas = [(b[:, 2:4] - b[:, :2]).prod(-1) for b in (some, others)]
    return shared / np.maximum(areas[0][:, None] + areas[1] - shared, np.finfo(float).tiny)  # type: ignore[no-any-return]


def matched(found: Array, boxes: Array) -> int:
    """How many boxes have a detection of their own with an IoU of 0.5 or more, surest first."""
    overlap = iou(found, boxes)
    number = 0
    for one in range(len(found)):
        if len(boxes) and overlap[one].max() >= MATCHED:
            overlap[:, overlap[one].argmax()] = -1
            number += 1
    return number


def f1(predictions: Array, boxes: list[Array], anchors: Array, size: tuple[int, int]) -> float:
    """2 * matched / (detections + boxes) of images; 1 where there is neither."""
    hits = total = 0
    for prediction, own in zip(predictions, boxes, strict=True):
        found = detections(prediction, anchors, size)
        hits += matched(found, own)
        total += len(found) + len(own)
    return 2 * hits / total if total else 1.0
