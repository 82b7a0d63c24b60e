"""The terms of the loss in TensorFlow: what each costs on one scale, before normalization.

Every function is one of a `Scale` and the options. Formulas: spec/README.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from mgloss.reference.boxes import box_mse, ciou_loss, diou_loss, giou_loss
from mgloss.reference.cells import Scale
from mgloss.reference.ignoring import ignored
from mgspec.problem.layout import OBJECTNESS
from mgspec.problem.options import BACKGROUNDS, CLASSIFICATIONS, LOCATIONS

SMALLEST_BASE = 1e-30  # of a power whose slope would not be finite at 0


def choose(kind: Any, kinds: Sequence[str], alternatives: Sequence[Callable[[], Any]]) -> Any:
    """Return the alternative that `kind` names.

    The search traces the loss once for all options. There `kind` is a tensor that holds a position
    in `kinds`: all alternatives, tensors of one shape, are computed and one is taken.
    """
    if isinstance(kind, str):
        return alternatives[kinds.index(kind)]()
    return tf.gather(tf.stack([alternative() for alternative in alternatives]), kind)


def location(scale: Scale, options: Any) -> tf.Tensor:
    """Return the box loss of each object, `[P]`."""
    predicted = scale.prediction[:, :OBJECTNESS]
    return choose(
        options.location,
        LOCATIONS,
        (
            lambda: box_mse(scale.objects.boxes, predicted),
            lambda: giou_loss(scale.boxes),
            lambda: diou_loss(scale.boxes),
            lambda: ciou_loss(scale.boxes),
        ),
    )


def bce(target: tf.Tensor, logit: tf.Tensor) -> tf.Tensor:
    """Return the binary cross-entropy of each logit in nats: -t ln p - (1 - t) ln(1 - p).

    With p = sigmoid(z), -ln p is softplus(-z). The slope p - t is written as two parts that keep
    their digits where p is near t, and by hand, because TensorFlow would keep four more arrays of
    the size of all classes of all objects.

    No gradient passes to the target.
    """

    @tf.custom_gradient
    def of(logit: tf.Tensor) -> Any:
        other = 1 - target
        slope = other * tf.sigmoid(logit) - target * tf.sigmoid(-logit)
        value = other * tf.nn.softplus(logit) + target * tf.nn.softplus(-logit)
        return value, lambda upstream: upstream * slope

    loss: tf.Tensor = of(logit)
    return loss


def classification(scale: Scale, options: Any) -> tf.Tensor:
    """Return the class loss of each object, summed over the classes: `[P]`."""
    logit = scale.prediction[:, scale.class_channels]
    target = scale.target[:, scale.class_channels]
    smooth = options.label_smoothing
    classes = tf.cast(tf.shape(target)[1], target.dtype)
    halved = target * (1 - smooth) + smooth / 2
    shared = target * (1 - smooth) + smooth / classes
    each = choose(
        options.classification,
        CLASSIFICATIONS,
        (
            lambda: bce(halved, logit),
            lambda: focal(halved, logit, options),
            lambda: softmax_focal(shared, logit, options),
        ),
    )
    if options.class_weights is not None:
        each = each * tf.cast(options.class_weights, each.dtype)
    return tf.reduce_sum(each, 1)


def focal(target: tf.Tensor, logit: tf.Tensor, options: Any) -> tf.Tensor:
    """Return the focal loss of each class, `[P, C]` (Lin et al. 2017, arXiv:1708.02002).

    alpha_t |t - p|^gamma BCE, with alpha_t = alpha t + (1 - alpha)(1 - t).
    """
    alpha = options.focal_alpha
    balance = alpha * target + (1 - alpha) * (1 - target)
    missed = target * tf.sigmoid(-logit) + (1 - target) * tf.sigmoid(logit)
    return balance * _power(missed, options.focal_gamma) * bce(target, logit)


def softmax_focal(target: tf.Tensor, logit: tf.Tensor, options: Any) -> tf.Tensor:
    """Return the focal loss of a softmax over the classes, each class's part: `[P, C]`.

    -alpha t (1 - p)^gamma ln p, with p the softmax.
    """
    log_p = tf.nn.log_softmax(logit)
    missed = _power(-tf.math.expm1(log_p), options.focal_gamma)
    return -options.focal_alpha * target * missed * log_p


def _power(base: tf.Tensor, exponent: Any) -> tf.Tensor:
    return tf.pow(tf.maximum(base, SMALLEST_BASE), exponent)


def anchor(scale: Scale) -> tf.Tensor:
    """Return the anchor loss of each object, the sum of BCE over the anchors: `[P]`."""
    channels = scale.anchor_channels
    return tf.reduce_sum(bce(scale.target[:, channels], scale.prediction[:, channels]), 1)


def objectness(scale: Scale, options: Any) -> tf.Tensor:
    """Return the objectness loss of each object, BCE with 1 - ratio + ratio IoU^power: `[P]`.

    No gradient passes to the target.
    """
    logit = scale.prediction[:, OBJECTNESS]
    ratio = options.iou_aware_ratio
    if isinstance(ratio, float) and ratio == 0:  # the target needs no overlap
        return bce(tf.ones_like(logit), logit)
    iou = tf.stop_gradient(scale.boxes.iou)
    return bce(1 - ratio + ratio * tf.pow(iou, options.iou_aware_power), logit)


def background_weight(scale: Scale, options: Any) -> tf.Tensor:
    """Return the weight of each background cell, 0 in cells with an object: `[B, H, W]`."""
    weight = options.no_object_scale * (1 - scale.mask)
    if isinstance(options.ignore_thresh, float) and options.ignore_thresh >= 1:
        return weight  # no IoU exceeds 1
    predicted = scale.everywhere[..., :OBJECTNESS]
    excused = ignored(predicted, scale.objects, scale.grid, options.ignore_thresh)
    return tf.where(excused, options.ignored_weight * weight, weight)


def raw_sums(scale: Scale, options: Any) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
    """Return the raw sum and the count of each term in each image, both `[B]`.

    The background teaches one term, as the option `background` says: the anchors or the objectness.
    That term speaks of every cell, the others of cells with an object.
    """
    weight = background_weight(scale, options)
    objects = tf.reduce_sum(scale.mask, [1, 2])
    cells = options.object_scale * objects + tf.reduce_sum(weight, [1, 2])
    of_anchors = scale.sum_of_objects(anchor(scale))

    def everywhere(of_objects: tf.Tensor, channels: slice) -> tf.Tensor:
        # A background cell's targets are 0, and BCE(0, z) = softplus(z).
        costs = tf.reduce_sum(tf.nn.softplus(scale.everywhere[..., channels]), -1)
        return options.object_scale * of_objects + tf.reduce_sum(weight * costs, [1, 2])

    def anchors_everywhere() -> tf.Tensor:
        return everywhere(of_anchors, scale.anchor_channels)

    def objectness_everywhere() -> tf.Tensor:
        of_objects = scale.sum_of_objects(objectness(scale, options))
        return everywhere(of_objects, slice(OBJECTNESS, OBJECTNESS + 1))

    def by_background(anchors: Callable[[], Any], objectness: Callable[[], Any]) -> tf.Tensor:
        return choose(options.background, BACKGROUNDS, (anchors, objectness))

    return {
        "location": (scale.sum_of_objects(location(scale, options)), objects),
        "anchor": (
            by_background(anchors_everywhere, lambda: of_anchors),
            by_background(lambda: cells, lambda: objects),
        ),
        "classification": (scale.sum_of_objects(classification(scale, options)), objects),
        "objectness": (
            by_background(lambda: tf.zeros_like(objects), objectness_everywhere),
            cells,
        ),
    }
