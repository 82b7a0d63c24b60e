"""Losses that rely on an encoder's zeros in background cells, and one that masks wrongly."""

import numpy as np


def _cross_entropy(label, logit):
    return np.maximum(logit, 0) - label * logit + np.log1p(np.exp(-np.abs(logit)))


def _divided(problem, y_true, y_pred, masked):
    """Classes of the cells that `masked` keeps, anchors of every cell, divided by the images."""
    parts = {"anchor": 0.0, "classification": 0.0}
    for anchors, true, pred in zip(problem.anchors, y_true, y_pred, strict=True):
        split = 5 + len(anchors)
        each = _cross_entropy(true[..., 5:], pred[..., 5:])
        parts["anchor"] += each[..., : len(anchors)].sum() / len(true)
        parts["classification"] += masked(true, each[..., split - 5 :]).sum() / len(true)
    return parts


def anchors_as_encoded(problem):
    """Right: a background cell's anchors are labelled 0, as the encoder left them."""

    def of_objects(true, each):
        return np.where(true[..., 4:5] > 0.5, each, 0)

    return lambda y_true, y_pred: _divided(problem, y_true, y_pred, of_objects)


def masked_by_rows(problem):
    """Wrong: one object in a row of cells, and the whole row counts."""

    def of_rows(true, each):
        return np.where((true[..., 4:5] > 0.5).any(2, keepdims=True), each, 0)

    return lambda y_true, y_pred: _divided(problem, y_true, y_pred, of_rows)
