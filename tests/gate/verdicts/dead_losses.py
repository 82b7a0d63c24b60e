"""Losses that respond to no prediction, and right ones that seem not to. PyTorch and NumPy."""

import numpy as np
import torch


def _parts(y_true, y_pred, is_object):
    """Squared errors of boxes and of classes, in the cells that are objects, by images."""
    location = classification = 0.0
    for true, pred in zip(y_true, y_pred, strict=True):
        mask = is_object(true[..., 4])
        squares = (true - pred) ** 2
        location = location + (squares[..., :4].sum(-1) * mask).sum() / len(true)
        classification = classification + (squares[..., 5:].sum(-1) * mask).sum() / len(true)
    return {"location": location, "classification": classification}


def masked_by_what_is_never_there(y_true, y_pred):
    return _parts(y_true, y_pred, lambda objectness: objectness > 1.5)


def one_whatever_happens(y_true, y_pred):
    return 1.0


def counts_its_objects(y_true, y_pred):
    return {"location": np.float32(sum((true[..., 4] > 0.5).sum() for true in y_true))}


def classes_are_lost(y_true, y_pred):
    parts = _parts(y_true, y_pred, lambda objectness: objectness > 0.5)
    return {**parts, "classification": 0 * parts["classification"]}


def is_alive(y_true, y_pred):
    return _parts(y_true, y_pred, lambda objectness: objectness > 0.5)


def only_boxes_that_overlap(y_true, y_pred):
    """Right: flat where a box is more than 20 times as large as the other."""
    total = 0.0
    for true, pred in zip(y_true, y_pred, strict=True):
        mask = true[..., 4] > 0.5
        off = (true[..., 2:4] - pred[..., 2:4])[mask].abs().sum(-1)
        total = total + (1 - torch.exp(-off.clamp(max=3.0))).sum() / len(true)
    return {"location": total}


def with_a_margin(y_true, y_pred):
    """Right: a hinge, 0 for boxes that are nearly right."""
    total = 0.0
    for true, pred in zip(y_true, y_pred, strict=True):
        off = (true[..., :4] - pred[..., :4])[true[..., 4] > 0.5]
        total = total + torch.relu(off.abs() - 0.25).sum() / len(true)
    return {"location": total}


def only_the_worst_image(predictions, targets):
    """Dead in the problem `anchors`: no label is as large as that."""
    labelled = (targets["labels"] >= 90)[..., None]
    off = (predictions["bbox_regression"] - targets["bbox_targets"]).abs()
    return {"loss_bbox": torch.where(labelled, off, 0).sum() / len(labelled)}


def of_labelled_anchors(predictions, targets):
    labelled = (targets["labels"] >= 0)[..., None]
    off = (predictions["bbox_regression"] - targets["bbox_targets"]).abs()
    return {"loss_bbox": torch.where(labelled, off, 0).sum() / len(labelled)}
