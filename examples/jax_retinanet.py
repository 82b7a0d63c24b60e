"""A RetinaNet-like loss in JAX: focal loss of the classes, L1 of the boxes, on labelled anchors.

    mgloss check examples/jax_retinanet.py --problem anchors

Divided by the number of images. The paper divides by the labelled anchors of the batch, at least
one: see `by_anchors`. Held to the laws of `positives` that one breaks `replication`, on a batch
without objects: twice the images are twice the loss there, for the guard does not grow.
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


def sums(predictions, targets):
    """The summed losses of classes and boxes, and the number of labelled anchors."""
    labels = targets["labels"]
    wanted = jax.nn.one_hot(labels, predictions["cls_logits"].shape[-1])  # all 0 for background
    is_object = labels >= 0
    off = jnp.abs(predictions["bbox_regression"] - targets["bbox_targets"]).sum(-1)
    classes = focal(predictions["cls_logits"], wanted).sum()
    return classes, jnp.where(is_object, off, 0).sum(), is_object.sum()


def loss(predictions, targets):
    classes, boxes, _ = sums(predictions, targets)
    images = len(targets["labels"])
    return {"classification": classes / images, "boxes": boxes / images}


def by_anchors(predictions, targets):
    classes, boxes, anchors = sums(predictions, targets)
    count = jnp.maximum(1, anchors)
    return {"classification": classes / count, "boxes": boxes / count}
