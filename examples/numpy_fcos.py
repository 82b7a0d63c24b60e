"""An FCOS-like loss in NumPy, as somebody writes it to check another: cells of a dense grid.

    mgloss check examples/numpy_fcos.py --problem grids

Divided by the number of images. NumPy has no gradients, so the laws about them are skipped.
"""

import numpy as np


def binary_cross_entropy(logits, target):
    return np.maximum(logits, 0) - logits * target + np.log1p(np.exp(-np.abs(logits)))


def loss(predictions, targets):
    labels, logits = targets["labels"], predictions["class_logits"]
    images = len(labels)
    wanted = labels[..., None] == np.arange(logits.shape[-1])
    off = np.abs(predictions["boxes"] - targets["boxes"]).sum(-1)
    return {
        "classification": binary_cross_entropy(logits, wanted).sum() / np.float32(images),
        "boxes": off[labels >= 0].sum() / np.float32(images),
    }
