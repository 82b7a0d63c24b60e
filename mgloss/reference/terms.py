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

from mgloss.reference.boxes import Encoded, Pairs, box_mse, ciou_loss, decoded, diou_loss, giou_loss
from mgloss.reference.cells import grouped_sums, look, weighted
from mgloss.reference.ignoring import Grid, Objects, ignored
from mgspec.problem.layout import FIRST_ANCHOR, OBJECTNESS
from mgspec.problem.options import BACKGROUNDS, CLASSIFICATIONS, LOCATIONS

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

    arrays: predictions and targets of all N = B * H * W cells, `[N, 5 + A + C]`.
    head: `[N, 5 + A]`, predictions of all cells but for their classes.
    rows, targets: `[P, 5 + A + C]`, predictions and targets of the positive cells.
    objects: where these are, and their boxes. mask: `[N]`, 1 in positive cells.
    first_class: 5 + A.
    """

    arrays: tuple[tf.Tensor, tf.Tensor]
    head: tf.Tensor
    rows: tf.Tensor
    targets: tf.Tensor
    objects: Objects
    mask: tf.Tensor
    grid: Grid
    first_class: Any

    @staticmethod
    def of(
        target: tf.Tensor, prediction: tf.Tensor, anchors: tf.Tensor, input_size: tf.Tensor
    ) -> Scale:
        """Of `[B, H, W, 5 + A + C]` arrays of one dtype; arguments as of `components`."""
        images, height, width, channels = tf.unstack(tf.shape(prediction))
        dtype = prediction.dtype
        first_class = FIRST_ANCHOR + tf.shape(anchors)[0]
        stride = tf.cast(input_size[::-1], dtype) / tf.cast(tf.stack([width, height]), dtype)
        grid = Grid(images, height, width, tf.cast(anchors, dtype), stride)

        cells, true = (tf.reshape(array, [-1, channels]) for array in (prediction, target))
        positive = true[:, OBJECTNESS] > 0.5
        places = tf.cast(tf.where(positive)[:, 0], tf.int32)
        head, rows = look(cells, places, first_class)
        targets = tf.gather(true, places)
        chosen = tf.argmax(targets[:, FIRST_ANCHOR:first_class], -1)
        own = tf.gather(grid.anchors, chosen)
        boxes = [targets[:, :OBJECTNESS], own, tf.broadcast_to(stride, tf.shape(own))]
        objects = Objects(places, tf.concat(boxes, 1))
        mask = tf.cast(positive, dtype)
        return Scale((cells, true), head, rows, targets, objects, mask, grid, first_class)

    @property
    def anchors(self) -> slice:
        """Where a cell's anchor channels are."""
        return slice(FIRST_ANCHOR, self.first_class)

    @property
    def boxes(self) -> tf.Tensor:
        """Of the positive cells `[P, 13]`: what is predicted, and of each object what is true.

        Predicted x, y, w, h and objectness; the target's x, y, w, h; its anchor's width and height
        and a cell's, in pixels.
        """
        return tf.concat([self.rows[:, :FIRST_ANCHOR], self.objects.boxes], 1)

    @property
    def classes(self) -> tf.Tensor:
        """Of the positive cells `[2, P, C]`: predictions, targets."""
        return tf.stack([rows[:, self.first_class :] for rows in (self.rows, self.targets)])

    def per_image(self, of_cells: tf.Tensor) -> tf.Tensor:
        """`[N]` summed over each image's cells: `[B]`."""
        return tf.reduce_sum(tf.reshape(of_cells, [self.grid.images, self.grid.cells]), 1)


@dataclass(frozen=True)
class Positives:
    """The positive cells of S scales, P in all, as one list: what they cost is computed once.

    target, prediction: their boxes. objectness: `[P]` logits.
    classes, target_classes: `[P, C]`. anchors: `[P, 2]`, the targets', in pixels.
    stride: `[P, 2]`, a cell's width and height in pixels.
    image: `[P]`, the image that holds a positive cell, those of one scale after another's.
    images: S * B.
    """

    target: Encoded
    prediction: Encoded
    objectness: tf.Tensor
    classes: tf.Tensor
    target_classes: tf.Tensor
    anchors: tf.Tensor
    stride: tf.Tensor
    image: tf.Tensor
    images: Any

    @staticmethod
    def of(scales: Sequence[Scale]) -> Positives:
        """Of the scales of one batch.

        Arrays that a formula brings together are parts of one, so that a trace knows them to be of
        one length: their gradients need not ask, as it runs, which was broadcast to the other.
        """
        images = scales[0].grid.images
        numbers = [scale.objects.index // scale.grid.cells for scale in scales]
        xy, wh, logit, *true = tf.split(
            tf.concat([scale.boxes for scale in scales], 0), [2, 2, 1, 2, 2, 2, 2], 1
        )
        classes, true_classes = tf.unstack(tf.concat([scale.classes for scale in scales], 1), num=2)
        # They share an array with predictions, and would get gradients too.
        *target, anchors, stride = map(tf.stop_gradient, true)
        return Positives(
            Encoded(*target),
            Encoded(xy, wh),
            logit[:, 0],
            classes,
            tf.stop_gradient(true_classes),
            anchors,
            stride,
            tf.concat([s * images + image for s, image in enumerate(numbers)], 0),
            len(scales) * images,
        )

    @cached_property
    def boxes(self) -> Pairs:
        """The predicted boxes and their objects'."""
        return decoded(self.target, self.prediction, self.anchors, self.stride)

    def over_images(self, of_rows: tf.Tensor) -> tf.Tensor:
        """`[P]` summed over each image's positive cells, each scale apart: `[S * B]`."""
        return grouped_sums(of_rows, self.image, self.images)


def location(found: Positives, options: Any) -> tf.Tensor:
    """Box loss of each positive cell, `[P]`."""
    boxes = found.boxes
    return choose(
        options.location,
        LOCATIONS,
        (
            lambda: box_mse(found.target, found.prediction),
            lambda: giou_loss(boxes),
            lambda: diou_loss(boxes),
            lambda: ciou_loss(boxes),
        ),
    )


def bce(target: tf.Tensor, logit: tf.Tensor) -> tf.Tensor:
    """Binary cross-entropy in nats of each logit; no gradient passes to the target.

    Of the slope, sigmoid - target, both parts are weighted, so that nothing cancels.
    """

    @tf.custom_gradient
    def of(logit: tf.Tensor) -> Any:
        other = 1 - target
        slope = other * tf.sigmoid(logit) - target * tf.sigmoid(-logit)
        value = other * tf.nn.softplus(logit) + target * tf.nn.softplus(-logit)
        return value, lambda upstream: upstream * slope

    loss: tf.Tensor = of(logit)
    return loss


def classification(found: Positives, options: Any) -> tf.Tensor:
    """Class loss of each positive cell, `[P]`."""
    logit, target = found.classes, found.target_classes
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
        each = weighted(tf.cast(options.class_weights, each.dtype), each)
    return tf.reduce_sum(each, 1)


def focal(target: tf.Tensor, logit: tf.Tensor, options: Any) -> tf.Tensor:
    """Focal loss of each class (Lin et al. 2017, arXiv:1708.02002), `[P, C]`."""
    alpha = options.focal_alpha
    other = 1 - target
    missed = [weighted(target, tf.sigmoid(-logit)), weighted(other, tf.sigmoid(logit))]
    balance = alpha * target + (1 - alpha) * other
    return weighted(balance, _power(tf.add_n(missed), options.focal_gamma) * bce(target, logit))


def softmax_focal(target: tf.Tensor, logit: tf.Tensor, options: Any) -> tf.Tensor:
    """Focal loss of a softmax over the classes, each class's part, `[P, C]`."""
    log_p = tf.nn.log_softmax(logit)
    missed = _power(-tf.math.expm1(log_p), options.focal_gamma)
    return weighted(-options.focal_alpha * target, missed * log_p)


def _power(base: tf.Tensor, exponent: Any) -> tf.Tensor:
    return tf.pow(tf.maximum(base, SMALLEST_BASE), exponent)


def anchor_of_positives(scale: Scale) -> tf.Tensor:
    """Anchor loss of each positive cell of a scale, `[P]`."""
    return tf.reduce_sum(bce(scale.targets[:, scale.anchors], scale.rows[:, scale.anchors]), 1)


def objectness_of_positives(found: Positives, options: Any) -> tf.Tensor:
    """Objectness loss of each positive cell, `[P]`; its target may know how well the box fits."""
    ratio = options.iou_aware_ratio
    logit = found.objectness
    if isinstance(ratio, float) and ratio == 0:
        return bce(tf.ones_like(logit), logit)
    seen = tf.pow(found.boxes.iou, options.iou_aware_power)  # has no slope to keep finite
    return bce(1 - ratio + ratio * seen, logit)


def background_weights(scales: Sequence[Scale], options: Any) -> list[tf.Tensor]:
    """w of background cells, 0 in positive ones: `[N]` of each scale."""
    weights = [options.no_object_scale * (1 - scale.mask) for scale in scales]
    if isinstance(options.ignore_thresh, float) and options.ignore_thresh >= 1:
        return weights  # no IoU exceeds 1
    excused = ignored(
        [scale.head[:, :OBJECTNESS] for scale in scales],
        [scale.objects for scale in scales],
        [scale.grid for scale in scales],
        options.ignore_thresh,
    )
    return [
        tf.where(of_scale, options.ignored_weight * weight, weight)
        for of_scale, weight in zip(excused, weights, strict=True)
    ]


def raw_sums(scales: Sequence[Scale], options: Any) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
    """Raw sum and count of each term, `[S * B]` both: the images of one scale after another's."""
    found = Positives.of(scales)
    positives = found.over_images(tf.ones_like(found.objectness))
    weights = background_weights(scales, options)

    def background(of_cells: Callable[[Scale, tf.Tensor], tf.Tensor]) -> tf.Tensor:
        parts = map(of_cells, scales, weights)
        return tf.concat(list(map(Scale.per_image, scales, parts)), 0)

    active = options.object_scale * positives + background(lambda scale, weight: weight)
    anchors = found.over_images(tf.concat([anchor_of_positives(scale) for scale in scales], 0))

    # In a background cell every target is 0, and BCE(0, z) = softplus(z).
    def anchor_everywhere() -> tf.Tensor:
        others = background(
            lambda scale, weight: weighted(
                weight, tf.reduce_sum(tf.nn.softplus(scale.head[:, scale.anchors]), 1)
            )
        )
        return tf.add_n([options.object_scale * anchors, others])

    def objectness() -> tf.Tensor:
        objects = found.over_images(objectness_of_positives(found, options))
        others = background(
            lambda scale, weight: weighted(weight, tf.nn.softplus(scale.head[:, OBJECTNESS]))
        )
        return tf.add_n([options.object_scale * objects, others])

    def by(of_anchor: Callable[[], tf.Tensor], of_objectness: Callable[[], tf.Tensor]) -> tf.Tensor:
        return choose(options.background, BACKGROUNDS, (of_anchor, of_objectness))

    return {
        "location": (found.over_images(location(found, options)), positives),
        "anchor": (
            by(anchor_everywhere, lambda: anchors),
            by(lambda: active, lambda: positives),
        ),
        "classification": (found.over_images(classification(found, options)), positives),
        "objectness": (by(lambda: tf.zeros_like(positives), objectness), active),
    }
