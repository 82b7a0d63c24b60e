"""The terms of the loss in TensorFlow: raw sums and counts of each image, before normalization.

Pure functions of tensors; nothing depends on Python values that change with the data, so one trace
serves every batch size, grid, number of anchors and classes. Formulas: spec/README.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import tensorflow as tf

from mgloss.boxes import Pairs, box_mse, ciou_loss, decoded, diou_loss, giou_loss
from mgloss.cells import look, summed
from mgloss.ignoring import Grid, Objects, ignored
from mgspec.layout import FIRST_ANCHOR, OBJECTNESS, WH, XY
from mgspec.options import BACKGROUNDS, CLASSIFICATIONS, LOCATIONS

SMALLEST_BASE = 1e-30  # of a power whose slope would not be finite at 0


def choose(kind: Any, kinds: Sequence[str], alternatives: Sequence[Callable[[], Any]]) -> Any:
    """The alternative that is named; where the name is a tensor, its position in `kinds`.

    Alternatives give tensors of one shape. All are computed to choose among them by a tensor.
    """
    if isinstance(kind, str):
        return alternatives[kinds.index(kind)]()
    return tf.gather(tf.stack([alternative() for alternative in alternatives]), kind)


@dataclass(frozen=True)
class Scale:
    """One scale of a batch: its positive cells whole, of the others what is read.

    head: `[N, 5 + A]`, predictions of all N = B * H * W cells but for their classes.
    rows, targets: `[P, 5 + A + C]`, predictions and targets of the positive cells.
    objects: where these are, and their boxes. mask: `[N]`, 1 in positive cells.
    first_class: 5 + A. options: `mgspec.Options`, or an object like it that holds tensors.
    """

    head: tf.Tensor
    rows: tf.Tensor
    targets: tf.Tensor
    objects: Objects
    mask: tf.Tensor
    grid: Grid
    first_class: Any
    options: Any

    @staticmethod
    def of(
        target: tf.Tensor,
        prediction: tf.Tensor,
        anchors: tf.Tensor,
        input_size: tf.Tensor,
        options: Any,
    ) -> Scale:
        """Of `[B, H, W, 5 + A + C]` arrays of one dtype; arguments as of `components`."""
        images, height, width, channels = tf.unstack(tf.shape(prediction))
        dtype = prediction.dtype
        first_class = FIRST_ANCHOR + tf.shape(anchors)[0]
        size = tf.cast(input_size, dtype)
        stride = tf.stack([size[1] / tf.cast(width, dtype), size[0] / tf.cast(height, dtype)])
        grid = Grid(images, height, width, tf.cast(anchors, dtype), stride)

        positive = tf.reshape(target[..., OBJECTNESS] > 0.5, [-1])
        places = tf.cast(tf.where(positive)[:, 0], tf.int32)
        head, rows = look(tf.reshape(prediction, [-1, channels]), places, first_class)
        targets = tf.gather(tf.reshape(target, [-1, channels]), places)
        chosen = tf.argmax(targets[:, FIRST_ANCHOR:first_class], -1)
        objects = Objects(places, targets[:, XY], targets[:, WH], tf.gather(grid.anchors, chosen))
        mask = tf.cast(positive, dtype)
        return Scale(head, rows, targets, objects, mask, grid, first_class, options)

    @cached_property
    def boxes(self) -> Pairs:
        """The positive cells' predicted boxes and their objects'."""
        return decoded(self.targets, self.rows, self.objects.anchors, self.grid.stride)

    def per_image(self, of_cells: tf.Tensor) -> tf.Tensor:
        """`[N]` summed over each image's cells: `[B]`.

        Rows and columns are summed one after the other, so that no chain of additions is longer
        than an axis.
        """
        grid = self.grid
        of_grid = tf.reshape(of_cells, tf.stack([grid.images, grid.height, grid.width]))
        return summed(summed(of_grid))

    def over_positives(self, of_rows: tf.Tensor) -> tf.Tensor:
        """`[P]` summed over each image's positive cells: `[B]`."""
        return tf.linalg.matvec(self.holds, of_rows)

    @cached_property
    def holds(self) -> tf.Tensor:
        """1 where an image holds a positive cell: `[B, P]`."""
        image = self.objects.index // self.grid.cells
        return tf.one_hot(image, self.grid.images, axis=0, dtype=self.mask.dtype)

    def background_weight(self) -> tf.Tensor:
        """w of background cells, 0 in positive ones: `[N]`."""
        options = self.options
        weight = options.no_object_scale * (1 - self.mask)
        if isinstance(options.ignore_thresh, float) and options.ignore_thresh >= 1:
            return weight  # no IoU exceeds 1
        excused = ignored(self.head[:, :OBJECTNESS], self.objects, self.grid, options.ignore_thresh)
        return tf.where(excused, options.ignored_weight * weight, weight)


def location(scale: Scale) -> tf.Tensor:
    """Box loss of each positive cell, `[P]`."""
    boxes = scale.boxes
    return choose(
        scale.options.location,
        LOCATIONS,
        (
            lambda: box_mse(scale.targets, scale.rows),
            lambda: giou_loss(boxes),
            lambda: diou_loss(boxes),
            lambda: ciou_loss(boxes),
        ),
    )


def bce(target: tf.Tensor, logit: tf.Tensor) -> tf.Tensor:
    """Binary cross-entropy in nats of each logit."""
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=logit)


def classification(scale: Scale) -> tf.Tensor:
    """Class loss of each positive cell, `[P]`."""
    options = scale.options
    logit, target = scale.rows[:, scale.first_class :], scale.targets[:, scale.first_class :]
    smooth = options.label_smoothing
    halved = target * (1 - smooth) + smooth / 2
    each = choose(
        options.classification,
        CLASSIFICATIONS,
        (
            lambda: bce(halved, logit),
            lambda: focal(halved, logit, options),
            lambda: softmax_focal(
                target * (1 - smooth) + smooth / tf.cast(tf.shape(target)[1], target.dtype),
                logit,
                options,
            ),
        ),
    )
    if options.class_weights is not None:
        each *= tf.cast(options.class_weights, each.dtype)
    return summed(each)


def focal(target: tf.Tensor, logit: tf.Tensor, options: Any) -> tf.Tensor:
    """Focal loss of each class (Lin et al. 2017, arXiv:1708.02002), `[P, C]`."""
    alpha = options.focal_alpha
    missed = target * tf.sigmoid(-logit) + (1 - target) * tf.sigmoid(logit)
    balance = alpha * target + (1 - alpha) * (1 - target)
    return balance * _power(missed, options.focal_gamma) * bce(target, logit)


def softmax_focal(target: tf.Tensor, logit: tf.Tensor, options: Any) -> tf.Tensor:
    """Focal loss of a softmax over the classes, each class's part, `[P, C]`."""
    log_p = tf.nn.log_softmax(logit)
    missed = _power(-tf.math.expm1(log_p), options.focal_gamma)
    return -options.focal_alpha * target * missed * log_p


def _power(base: tf.Tensor, exponent: Any) -> tf.Tensor:
    return tf.pow(tf.maximum(base, SMALLEST_BASE), exponent)


def anchor_of_positives(scale: Scale) -> tf.Tensor:
    """Anchor loss of each positive cell, `[P]`."""
    channels = slice(FIRST_ANCHOR, scale.first_class)
    return summed(bce(scale.targets[:, channels], scale.rows[:, channels]))


def objectness_of_positives(scale: Scale) -> tf.Tensor:
    """Objectness loss of each positive cell, `[P]`; its target may know how well the box fits."""
    ratio = scale.options.iou_aware_ratio
    logit = scale.rows[:, OBJECTNESS]
    if isinstance(ratio, float) and ratio == 0:
        return bce(tf.ones_like(logit), logit)
    seen = tf.pow(scale.boxes.iou, scale.options.iou_aware_power)  # has no slope to keep finite
    return bce(tf.stop_gradient(1 - ratio + ratio * seen), logit)


def raw_sums(scale: Scale) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
    """Raw sum and count of each term, `[B]` both."""
    options = scale.options
    positives = scale.over_positives(tf.ones_like(scale.objects.index, scale.mask.dtype))
    weight = scale.background_weight()
    active = options.object_scale * positives + scale.per_image(weight)
    anchors = scale.over_positives(anchor_of_positives(scale))

    # In a background cell every target is 0, and BCE(0, z) = softplus(z).
    def anchor_everywhere() -> tf.Tensor:
        logits = scale.head[:, FIRST_ANCHOR : scale.first_class]
        background = scale.per_image(weight * summed(tf.nn.softplus(logits)))
        return options.object_scale * anchors + background

    def objectness() -> tf.Tensor:
        objects = scale.over_positives(objectness_of_positives(scale))
        background = scale.per_image(weight * tf.nn.softplus(scale.head[:, OBJECTNESS]))
        return options.object_scale * objects + background

    def by(of_anchor: Callable[[], tf.Tensor], of_objectness: Callable[[], tf.Tensor]) -> tf.Tensor:
        return choose(options.background, BACKGROUNDS, (of_anchor, of_objectness))

    return {
        "location": (scale.over_positives(location(scale)), positives),
        "anchor": (
            by(anchor_everywhere, lambda: anchors),
            by(lambda: active, lambda: positives),
        ),
        "classification": (scale.over_positives(classification(scale)), positives),
        "objectness": (by(lambda: tf.zeros_like(positives), objectness), active),
    }
