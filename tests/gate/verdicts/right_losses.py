"""Right losses in the styles that people write, each under every normalization that it may claim.

A style is a function of the claim's name. It returns what `mgloss check` judges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Divide = Callable[[Any, Any, int], Any]

# Of the raw sums of each image, the positives of each, and the cells of one image.
CLAIMS: Mapping[str, Divide] = {
    "batch": lambda raw, count, cells: raw.sum() / len(raw),
    "positives": lambda raw, count, cells: raw.sum() / count.sum().clip(1),
    "per_image": lambda raw, count, cells: (raw / count.clip(1)).mean(),
    "grid": lambda raw, count, cells: raw.mean() / cells,
    "sum": lambda raw, count, cells: raw.sum(),
}


def layout_in_numpy(claim: str) -> Any:
    """Return a factory that works on whole arrays, and masks the terms of objects."""
    divide = CLAIMS[claim]

    def loss(problem: Any) -> Any:
        def components(y_true: Any, y_pred: Any) -> dict[str, Any]:
            values = {"location": 0.0, "anchor": 0.0, "classification": 0.0}
            for true, pred, anchors in zip(y_true, y_pred, problem.anchors, strict=True):
                split, cells = 5 + len(anchors), true.shape[1] * true.shape[2]
                mask = (true[..., 4] > 0.5).astype(pred.dtype)
                count, active = mask.sum((1, 2)), np.full(len(true), cells)
                box = np.abs(true[..., :4] - pred[..., :4]).sum(-1)
                # As the encoder leaves them: zeros in cells without an object.
                chosen = _bce(true[..., 5:split], pred[..., 5:split]).sum(-1)
                classes = _bce(true[..., split:], pred[..., split:]).sum(-1)
                values["location"] += divide((mask * box).sum((1, 2)), count, cells)
                values["anchor"] += divide(chosen.sum((1, 2)), active, cells)
                values["classification"] += divide((mask * classes).sum((1, 2)), count, cells)
            return values

        return components

    return loss


def _bce(target: Any, logit: Any) -> Any:
    return np.maximum(logit, 0) - logit * target + np.log1p(np.exp(-np.abs(logit)))


def layout_in_torch(claim: str) -> Any:
    """Return a factory that gathers the cells with an object, image by image."""
    import torch
    import torch.nn.functional

    functional = torch.nn.functional

    divide = CLAIMS[claim]

    def loss(problem: Any) -> Any:
        def of_image(true: Any, pred: Any, split: int) -> tuple[Any, ...]:
            positive = true[..., 4] > 0.5
            t, p = true[positive], pred[positive]
            logits = functional.binary_cross_entropy_with_logits
            return (
                functional.smooth_l1_loss(p[:, :4], t[:, :4], reduction="sum"),
                logits(pred[..., 5:split], true[..., 5:split], reduction="sum"),
                logits(p[:, split:], t[:, split:], reduction="sum"),
                positive.sum(),
            )

        def components(y_true: Any, y_pred: Any) -> dict[str, Any]:
            names = ("location", "anchor", "classification")
            values = dict.fromkeys(names, 0.0)
            for true, pred, anchors in zip(y_true, y_pred, problem.anchors, strict=True):
                cells = true.shape[1] * true.shape[2]
                of_images = [
                    of_image(t, p, 5 + len(anchors)) for t, p in zip(true, pred, strict=True)
                ]
                *raw, count = map(torch.stack, zip(*of_images, strict=True))
                counts = (count, torch.full_like(count, cells), count)
                for name, of_name, number in zip(names, raw, counts, strict=True):
                    values[name] = values[name] + divide(of_name, number, cells)
            return values

        return components

    return loss


def layout_in_tensorflow(claim: str) -> Any:
    """Return a factory whose shapes are those of the running graph."""
    import tensorflow as tf

    def divide(raw: Any, count: Any, cells: Any) -> Any:
        images = tf.cast(tf.shape(raw)[0], raw.dtype)
        return {
            "batch": lambda: tf.reduce_sum(raw) / images,
            "positives": lambda: tf.reduce_sum(raw) / tf.maximum(1.0, tf.reduce_sum(count)),
            "per_image": lambda: tf.reduce_mean(raw / tf.maximum(1.0, count)),
            "grid": lambda: tf.reduce_sum(raw) / (images * cells),
            "sum": lambda: tf.reduce_sum(raw),
        }[claim]()

    def loss(problem: Any) -> Any:
        def components(y_true: Any, y_pred: Any) -> dict[str, Any]:
            values = {"location": 0.0, "anchor": 0.0, "classification": 0.0}
            for true, pred, anchors in zip(y_true, y_pred, problem.anchors, strict=True):
                split = 5 + len(anchors)
                cells = tf.cast(tf.shape(pred)[1] * tf.shape(pred)[2], pred.dtype)
                mask = tf.cast(true[..., 4] > 0.5, pred.dtype)
                count = tf.reduce_sum(mask, [1, 2])
                entropy = tf.nn.sigmoid_cross_entropy_with_logits(true[..., 5:], pred[..., 5:])
                box = tf.reduce_sum(tf.square(true[..., :4] - pred[..., :4]), -1)
                chosen = tf.reduce_sum(entropy[..., : split - 5], [1, 2, 3])
                classes = tf.reduce_sum(entropy[..., split - 5 :], -1)
                everywhere = cells * tf.ones_like(count)
                values["location"] += divide(tf.reduce_sum(mask * box, [1, 2]), count, cells)
                values["anchor"] += divide(chosen, everywhere, cells)
                values["classification"] += divide(
                    tf.reduce_sum(mask * classes, [1, 2]), count, cells
                )
            return values

        return components

    return loss


def anchors_in_torch(claim: str) -> Any:
    """Return a loss of `anchors` that goes through the images one by one, as RetinaNet's does."""
    import torch
    import torch.nn.functional

    functional = torch.nn.functional

    divide = CLAIMS[claim]

    def loss(predictions: Any, targets: Any) -> dict[str, Any]:
        classification, regression, counts = [], [], []
        for logits, boxes, labels, wanted in zip(
            predictions["cls_logits"],
            predictions["bbox_regression"],
            targets["labels"],
            targets["bbox_targets"],
            strict=True,
        ):
            positive = labels >= 0
            one_hot = torch.zeros_like(logits)
            one_hot[positive, labels[positive]] = 1
            classification.append(
                functional.binary_cross_entropy_with_logits(logits, one_hot, reduction="sum")
            )
            regression.append((boxes[positive] - wanted[positive]).abs().sum())
            counts.append(positive.sum())
        cells = len(predictions["cls_logits"][0])
        count = torch.stack(counts)
        # Under `positives` the background's share is divided by the anchors, which are no objects.
        anchors = torch.full_like(count, cells) if claim == "positives" else count
        return {
            "classification": divide(torch.stack(classification), anchors, cells),
            "bbox_regression": divide(torch.stack(regression), count, cells),
        }

    return loss


def anchors_in_numpy(claim: str) -> Any:
    """Return a loss of `anchors` that holds a regression alone, over whole arrays."""
    divide = CLAIMS[claim]

    def loss(predictions: Any, targets: Any) -> dict[str, Any]:
        mask = targets["labels"] >= 0
        distance = np.abs(predictions["bbox_regression"] - targets["bbox_targets"]).sum(-1)
        return {"bbox_regression": divide((mask * distance).sum(1), mask.sum(1), mask.shape[1])}

    return loss


STYLES: Mapping[str, tuple[Callable[[str], Any], str | None]] = {
    "layout_in_numpy": (layout_in_numpy, None),
    "layout_in_torch": (layout_in_torch, None),
    "layout_in_tensorflow": (layout_in_tensorflow, None),
    "anchors_in_torch": (anchors_in_torch, "anchors"),
    "anchors_in_numpy": (anchors_in_numpy, "anchors"),
}
