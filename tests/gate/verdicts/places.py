"""Losses that put boxes into the image, rightly and wrongly. NumPy, made for a problem."""

import numpy as np


def _corners(boxes, anchors, stride, exchanged):
    """Return the corners [B, H, W, 2] of boxes in pixels of the image, in float32."""
    _, height, width, _ = boxes.shape
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    cells = np.stack([rows, columns] if exchanged else [columns, rows], -1).astype(np.float32)
    centre = (boxes[..., :2] + cells) * stride
    half = np.exp(np.clip(boxes[..., 2:4], -20, 20)) * anchors / 2
    return centre - half, centre + half


def _overlap(low, high, other_low, other_high):
    shared = np.maximum(0, np.minimum(high, other_high) - np.maximum(low, other_low)).prod(-1)
    areas = (high - low).prod(-1) + (other_high - other_low).prod(-1)
    return shared / np.maximum(areas - shared, 1e-12)


def _made(
    problem, *, as_fractions=False, cut=False, exchanged=False, ignores=False, from_one=False
):
    def of_scale(anchors, true, pred):
        size = np.float32([problem.input_shape[1], problem.input_shape[0]])
        stride = size / np.float32([true.shape[2], true.shape[1]])
        anchors = np.float32(anchors)[0]
        centre = 1 / (1 + np.exp(-np.clip(pred[..., :2], -50, 50)))
        predicted = np.concatenate([centre, pred[..., 2:4]], -1).astype(np.float32)
        low, high = _corners(predicted, anchors, stride, exchanged)
        true_low, true_high = _corners(true, anchors, stride, False)
        corners = [low, high, true_low, true_high]
        if as_fractions:
            corners = [corner / size for corner in corners]
        if cut:
            corners = [np.clip(corner, 0, size) for corner in corners]
        mask = true[..., 4] > 0.5
        if from_one:
            mask = mask & (np.arange(true.shape[1]) > 0)[:, None]
        location = np.where(mask, 1 - _overlap(*corners), 0).sum() / len(true)
        objectness = 0.0
        for image, is_object in enumerate(true[..., 4] > 0.5):
            low, high, true_low, true_high = (corner[image] for corner in corners)
            best = np.zeros(is_object.shape)
            for place in np.argwhere(is_object):
                found = _overlap(low, high, true_low[tuple(place)], true_high[tuple(place)])
                best = np.maximum(best, found)
            kept = is_object | (best <= 0.5) if ignores else np.ones_like(is_object)
            logit = pred[image, ..., 4]
            entropy = np.maximum(logit, 0) - logit * is_object + np.log1p(np.exp(-np.abs(logit)))
            objectness += (entropy * kept).sum() / len(true)
        return np.float32(location), np.float32(objectness)

    def loss(y_true, y_pred):
        scales = [of_scale(*s) for s in zip(problem.anchors, y_true, y_pred, strict=True)]
        location, objectness = map(sum, zip(*scales, strict=True))
        return {"location": location, "objectness": objectness}

    return loss


def in_pixels(problem):
    return _made(problem)


def in_fractions_ignoring(problem):
    return _made(problem, as_fractions=True, ignores=True)


def cut_at_the_border(problem):
    return _made(problem, cut=True, ignores=True)


def rows_for_columns(problem):
    return _made(problem, exchanged=True)


def without_the_first_row(problem):
    return _made(problem, from_one=True)
