"""An FCOS-like loss in NumPy, on the cells of a dense grid, such as one writes to check another.

    mgloss check examples/numpy_fcos.py --problem grids

It divides by the number of images. NumPy has no gradients, so the laws about them are skipped.
"""

import numpy as np


def binary_cross_entropy(logits, target):
    return np.maximum(logits, 0) - logits * target + np.log1p(np.exp(-np.abs(logits)))


def loss(predictions, targets):
    labels, logits = targets["labels"], predictions["class_logits"]
    images = len(labels)
    one_hot = labels[..., None] == np.arange(logits.shape[-1])
    error = np.abs(predictions["boxes"] - targets["boxes"]).sum(-1)
    return {
        "classification": binary_cross_entropy(logits, one_hot).sum() / np.float32(images),
        "boxes": error[labels >= 0].sum() / np.float32(images),
    }
