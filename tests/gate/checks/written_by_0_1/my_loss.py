"""A loss divided by the positive cells of the batch, and the same divided by images."""

import numpy as np


def _squares(y_true, y_pred):
    return sum(
        np.where(true[..., 4] > 0.5, np.square(true[..., :4] - pred[..., :4]).sum(-1), 0).sum()
        for true, pred in zip(y_true, y_pred, strict=True)
    )


def by_positives(y_true, y_pred):
    positives = sum((true[..., 4] > 0.5).sum() for true in y_true)
    return {"location": _squares(y_true, y_pred) / max(1, positives)}


def by_batch(y_true, y_pred):
    return {"location": _squares(y_true, y_pred) / len(y_true[0])}
