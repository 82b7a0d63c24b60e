"""For each law that a snippet can show a loss that breaks it, named as the law; NumPy only.

Each is the error of the objects, added up for each image and divided by something.
"""

from __future__ import annotations

import numpy as np

_CALLS = [0]


def _of_images(y_true, y_pred):
    """[B]: the squared errors of all positive cells."""
    total = np.zeros(len(y_true[0]))
    for true, pred in zip(y_true, y_pred, strict=True):
        error = np.square(true[..., :4] - pred[..., :4]).sum(-1)
        total += np.where(true[..., 4] > 0.5, error, 0).sum((1, 2))
    return total


def _positives(y_true):
    return sum(float((true[..., 4] > 0.5).sum()) for true in y_true)


def right(y_true, y_pred):
    return {"location": _of_images(y_true, y_pred).mean()}


def neutral(y_true, y_pred):
    return {"location": _of_images(y_true, y_pred).sum() / max(1.0, _positives(y_true))}


def finite(y_true, y_pred):
    with np.errstate(invalid="ignore"):
        return {"location": np.float64(_of_images(y_true, y_pred).sum()) / _positives(y_true)}


def empty(y_true, y_pred):
    return {"location": _of_images(y_true, y_pred).mean() + 1}


def nonnegative(y_true, y_pred):
    return {"location": -_of_images(y_true, y_pred).mean()}


def pure(y_true, y_pred):
    _CALLS[0] += 1
    return {"location": _of_images(y_true, y_pred).mean() + _CALLS[0]}


def writes(y_true, y_pred):
    value = right(y_true, y_pred)
    for pred in y_pred:
        pred += 1
    return value


def permutation(y_true, y_pred):
    values = _of_images(y_true, y_pred)
    return {"location": (values * np.arange(1, len(values) + 1)).mean()}


def replication(y_true, y_pred):
    return {"location": _of_images(y_true, y_pred).sum()}


partition = sharding = object_monotone = density_monotone = neutral
density_neutral = right


def resolution(y_true, y_pred):
    cells = sum(true[..., 0].size for true in y_true)
    return {"location": _of_images(y_true, y_pred).sum() / cells}


def raises(y_true, y_pred):
    if _positives(y_true) == 1:
        raise ZeroDivisionError("one object")
    return right(y_true, y_pred)


def of_one_scale(true, pred):
    return np.sum(np.square(true[..., 4] - pred[..., 4]))


def made(problem):
    height, width = problem.input_shape
    strides = [anchor[0] for scale in problem.anchors for anchor in scale]

    def loss(y_true, y_pred):
        per_pixel = _of_images(y_true, y_pred).sum() / (height * width * len(y_true[0]))
        return {
            "location": per_pixel * problem.num_classes * problem.options.coord_scale / strides[0]
        }

    return loss
