"""No loop over cells: einsum over flattened images, in float32, the last cells first."""

from __future__ import annotations

import numpy as np


def make(normalization):
    return lambda problem: lambda y_true, y_pred: loss(problem, normalization, y_true, y_pred)


def loss(problem, normalization, y_true, y_pred):
    location = anchor = classification = np.float32(0)
    for anchors, target, prediction in zip(problem.anchors, y_true, y_pred, strict=True):
        b, h, w, d = target.shape
        t = target.reshape(b, h * w, d)[:, ::-1]
        p = prediction.reshape(b, h * w, d)[:, ::-1]
        first_class = 5 + len(anchors)
        mask = (t[..., 4] > 0.5).astype(np.float32)

        z = np.float32(0.15) * p[..., :2]
        centre = np.tanh(z) + 0.5 * (np.float32(1) + np.tanh(0.5 * z))
        off = np.concatenate([centre, p[..., 2:4]], -1) - t[..., :4]
        boxes = np.einsum("bnd,bnd,bn->b", off, off, mask)

        named = mask[..., None] * t[..., 5:first_class]
        chosen = np.einsum("bnk->b", bce(named, p[..., 5:first_class]))
        classes = np.einsum("bnk,bn->b", bce(t[..., first_class:], p[..., first_class:]), mask)

        count = mask.sum(1)
        everywhere = np.full(b, h * w, np.float32)
        location += np.dot(boxes, weights(normalization, count, count, h * w))
        anchor += np.dot(chosen, weights(normalization, everywhere, count, h * w))
        classification += np.dot(classes, weights(normalization, count, count, h * w))
    return {
        "location": location,
        "anchor": anchor,
        "classification": classification,
        "total": classification + anchor + location,
    }


def bce(t, z):
    return np.log1p(np.exp(-np.abs(z))) + np.where(z > 0, (1 - t) * z, -t * z)


def weights(normalization, count, positive, cells):
    """What each image's sum is multiplied by, `[B]`."""
    images = np.float32(len(count))
    one = np.ones_like(count)
    return {
        "batch": lambda: one / images,
        "positives": lambda: one / np.maximum(1, count.sum()),
        "hybrid": lambda: one / images * (1 + positive.sum() / (images * np.float32(cells))),
        "per_image": lambda: one / np.maximum(1, count) / images,
        "grid": lambda: one / (images * np.float32(cells)),
        "sum": lambda: one,
    }[normalization]()
