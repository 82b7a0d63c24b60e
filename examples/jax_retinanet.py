"""A RetinaNet-like loss in JAX: focal loss of the classes, L1 of the boxes, on labelled anchors.

    mgloss check examples/jax_retinanet.py --problem anchors --claims positives

Both terms are divided by the labelled anchors of the batch, as in the paper, so it claims
`positives`; held to the laws of `batch` it is refused.
"""

import jax
import jax.numpy as jnp

ALPHA, GAMMA = 0.25, 2.0


def focal(logits, target):
    """Lin et al., Focal loss for dense object detection, 2017, equation 5; elementwise."""
    p = jax.nn.sigmoid(logits)
    entropy = jnp.logaddexp(0, logits) - logits * target
    missed = jnp.where(target > 0, 1 - p, p)
    return jnp.where(target > 0, ALPHA, 1 - ALPHA) * missed**GAMMA * entropy


def loss(predictions, targets):
    labels = targets["labels"]
    classes = predictions["cls_logits"].shape[-1]
    wanted = jax.nn.one_hot(labels, classes)  # all 0 for -1, the background
    is_object = labels >= 0
    objects = jnp.maximum(1, is_object.sum())
    off = jnp.abs(predictions["bbox_regression"] - targets["bbox_targets"]).sum(-1)
    return {
        "classification": focal(predictions["cls_logits"], wanted).sum() / objects,
        "boxes": jnp.where(is_object, off, 0).sum() / objects,
    }
