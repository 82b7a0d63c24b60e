"""A RetinaNet-like loss in JAX: focal loss of classes and L1 loss of boxes, on labelled anchors.

    mgloss check examples/jax_retinanet.py --problem anchors

`loss` divides by the number of images. The paper divides by the labelled anchors of the batch, at
least 1: see `by_anchors`. That breaks the law `replication` on a batch without objects: twice the
images have twice the loss, because the guard of 1 does not grow.
"""

import jax
import jax.numpy as jnp

ALPHA, GAMMA = 0.25, 2.0


def focal(logits, target):
    """Return the focal loss of each logit (Lin et al. 2017, arXiv:1708.02002, equation 5)."""
    p = jax.nn.sigmoid(logits)
    entropy = jnp.logaddexp(0, logits) - logits * target
    missed = jnp.where(target > 0, 1 - p, p)
    return jnp.where(target > 0, ALPHA, 1 - ALPHA) * missed**GAMMA * entropy


def sums(predictions, targets):
    """Return the summed losses of classes and of boxes, and the number of labelled anchors."""
    labels = targets["labels"]
    one_hot = jax.nn.one_hot(labels, predictions["cls_logits"].shape[-1])  # all 0 for background
    is_object = labels >= 0
    error = jnp.abs(predictions["bbox_regression"] - targets["bbox_targets"]).sum(-1)
    classes = focal(predictions["cls_logits"], one_hot).sum()
    return classes, jnp.where(is_object, error, 0).sum(), is_object.sum()


def loss(predictions, targets):
    classes, boxes, _ = sums(predictions, targets)
    images = len(targets["labels"])
    return {"classification": classes / images, "boxes": boxes / images}


def by_anchors(predictions, targets):
    classes, boxes, anchors = sums(predictions, targets)
    count = jnp.maximum(1, anchors)
    return {"classification": classes / count, "boxes": boxes / count}
