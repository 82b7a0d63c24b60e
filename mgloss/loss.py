"""The reference loss in TensorFlow.

`components` is the loss as a pure function of tensors; nothing in it depends on Python values that
change with the data, so one trace serves every batch size, grid, number of anchors and classes.
`MultiGridLoss` holds the options, checks them and the arrays, and calls it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import tensorflow as tf

from mgspec.layout import FIRST_ANCHOR, OBJECTNESS, WH, XY, Problem
from mgspec.normalizations import Arithmetic, Sums, normalization

TENSORFLOW = Arithmetic(
    total=tf.reduce_sum, at_least_one=lambda count: tf.maximum(tf.ones_like(count), count)
)


def phi(z: tf.Tensor) -> tf.Tensor:
    """Decoded x or y in cells, in (-1, 2): tanh(0.15 z) + sigmoid(0.15 z)."""
    return tf.tanh(0.15 * z) + tf.sigmoid(0.15 * z)


def location_mse(target: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
    """|t_xy - phi(p_xy)|^2 + |t_wh - p_wh|^2 of every cell: `[B, H, W]`."""
    offset = phi(prediction[..., XY]) - target[..., XY]
    size = prediction[..., WH] - target[..., WH]
    return tf.reduce_sum(tf.square(offset), -1) + tf.reduce_sum(tf.square(size), -1)


def bce(target: tf.Tensor, logit: tf.Tensor) -> tf.Tensor:
    """Binary cross-entropy in nats, summed over channels: `[B, H, W]`."""
    each = tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=logit)
    return tf.reduce_sum(each, -1)


def components(
    targets: Sequence[tf.Tensor],
    predictions: Sequence[tf.Tensor],
    anchors: Sequence[tf.Tensor],
    name: str = "batch",
    expected: float | None = None,
) -> dict[str, tf.Tensor]:
    """Location, anchor and classification under the named normalization, and their total.

    targets, predictions: one `[B, H, W, 5 + A + C]` tensor a scale, of one dtype; a cell is
        positive where the target's channel 4 is above 0.5.
    anchors: one `[A, 2]` tensor a scale, width and height in pixels.
    expected: E, positive cells an image, for the normalizations that need it.

    Returns scalars of the predictions' dtype. Formulas: spec/mgspec/loss.py and
    spec/mgspec/normalizations.py. Arguments are not checked here; `MultiGridLoss` checks.
    """
    rule = normalization(name)
    values: dict[str, list[tf.Tensor]] = {"location": [], "anchor": [], "classification": []}
    for target, prediction, sizes in zip(targets, predictions, anchors, strict=True):
        dtype = prediction.dtype
        first_class = FIRST_ANCHOR + tf.shape(sizes)[0]
        positive = tf.cast(target[..., OBJECTNESS] > 0.5, dtype)
        chosen = positive[..., tf.newaxis] * target[..., FIRST_ANCHOR:first_class]
        cell_losses = {
            "location": positive * location_mse(target, prediction),
            "anchor": bce(chosen, prediction[..., FIRST_ANCHOR:first_class]),
            "classification": positive
            * bce(target[..., first_class:], prediction[..., first_class:]),
        }
        active = {"location": positive, "anchor": tf.ones_like(positive)}
        images, cells = tf.shape(positive)[0], tf.size(positive[0])
        for component, losses in cell_losses.items():
            sums = Sums(
                raw=tf.reduce_sum(losses, (1, 2)),
                count=tf.reduce_sum(active.get(component, positive), (1, 2)),
                positive=tf.reduce_sum(positive, (1, 2)),
                images=tf.cast(images, dtype),
                cells=tf.cast(cells, dtype),
                expected=expected,
            )
            values[component].append(rule.formula(sums, TENSORFLOW))
    of_scales = {component: tf.add_n(parts) for component, parts in values.items()}
    return {**of_scales, "total": tf.add_n(list(of_scales.values()))}


@dataclass(frozen=True)
class MultiGridLoss:
    """The loss of a MultiGrid detector.

        loss = MultiGridLoss(anchors=[[(32, 48), (64, 64)]], classes=20, input_size=(416, 416))
        loss(y_true, y_pred)               # scalar
        loss.components(y_true, y_pred)    # location, anchor, classification, total

    anchors: for each scale the anchors' (width, height) in pixels.
    classes: number of classes C.
    input_size: (height, width) of an input image in pixels.
    normalization: what each component's raw sum is divided by: `positives`, `batch`, `fixed`,
        `hybrid`, `grid`, `expected`, `per_image` or `sum`.
    expected: E, the expected count of positive cells of an image; needed by `fixed` and
        `expected`, refused by the others.

    Raises ValueError for options that cannot be, naming the option, its value and what would do.
    """

    anchors: Sequence[Sequence[tuple[float, float]]]
    classes: int
    input_size: tuple[int, int]
    normalization: str = "batch"
    expected: float | None = None

    def __post_init__(self) -> None:
        rule = normalization(self.normalization)
        if rule.needs_expected and self.expected is None:
            raise ValueError(
                f"expected: normalization {rule.name!r} needs the expected count of positive "
                "cells of an image, got None"
            )
        if self.expected is not None:
            if not rule.needs_expected:
                raise ValueError(
                    f"expected: normalization {rule.name!r} does not use it, got {self.expected!r}"
                )
            if not self.expected > 0 or self.expected == float("inf"):
                raise ValueError(f"expected: needs a positive number, got {self.expected!r}")
        self.problem()

    def problem(self) -> Problem:
        """The problem that this loss is for."""
        try:
            anchors = tuple(
                tuple((float(width), float(height)) for width, height in scale)
                for scale in self.anchors
            )
        except (TypeError, ValueError):
            raise ValueError(
                "anchors: expected one list of (width, height) in pixels for each scale, "
                f"got {self.anchors!r}"
            ) from None
        return Problem(anchors, self.classes, self.input_size)

    def __call__(self, y_true: Sequence[tf.Tensor], y_pred: Sequence[tf.Tensor]) -> tf.Tensor:
        """The total, a scalar. Arguments and errors as of `components`."""
        return self.components(y_true, y_pred)["total"]

    def components(
        self, y_true: Sequence[tf.Tensor], y_pred: Sequence[tf.Tensor]
    ) -> Mapping[str, tf.Tensor]:
        """`location`, `anchor`, `classification` and their `total`, each a scalar.

        y_true, y_pred: one `[B, H, W, 5 + A + C]` tensor a scale. Sizes that are unknown when a
            graph is traced are checked when it runs.

        Raises ValueError (tf.errors.InvalidArgumentError in a running graph) where lengths, ranks,
        sizes or channels do not fit.
        """
        problem = self.problem()
        predictions = self._tensors("y_pred", y_pred, problem)
        targets = self._tensors("y_true", y_true, problem)
        checks = []
        for scale, (target, prediction) in enumerate(zip(targets, predictions, strict=True)):
            if target.dtype != prediction.dtype:
                target = targets[scale] = tf.cast(target, prediction.dtype)
            if not target.shape.is_compatible_with(prediction.shape):
                raise ValueError(
                    f"y_true of scale {scale}: expected the shape of y_pred, "
                    f"{prediction.shape}, got {target.shape}"
                )
            fits = target.shape.is_fully_defined() and prediction.shape.is_fully_defined()
            if not fits:
                message = f"y_true of scale {scale}: expected the shape of y_pred"
                checks.append(
                    tf.debugging.assert_equal(tf.shape(target), tf.shape(prediction), message)
                )
                channels = f"y_pred of scale {scale}: expected {problem.channels(scale)} channels"
                checks.append(
                    tf.debugging.assert_equal(
                        tf.shape(prediction)[-1], problem.channels(scale), channels
                    )
                )
        with tf.control_dependencies([check for check in checks if check is not None]):
            anchors = [tf.constant(scale, tf.float32) for scale in problem.anchors]
            return components(targets, predictions, anchors, self.normalization, self.expected)

    def _tensors(
        self, argument: str, values: Sequence[tf.Tensor], problem: Problem
    ) -> list[tf.Tensor]:
        """The argument as tensors, with everything that can be told of them checked."""
        layout = "[B, H, W, 5 + A + C]"
        if not isinstance(values, (list, tuple)):
            raise ValueError(
                f"{argument}: expected a list of {layout} tensors, one for each of the "
                f"{problem.scales} scale(s), got {type(values).__name__}"
            )
        if len(values) != problem.scales:
            raise ValueError(
                f"{argument}: expected {problem.scales} tensor(s), one a scale, got {len(values)}"
            )
        tensors = []
        for scale, value in enumerate(values):
            tensor = tf.convert_to_tensor(value)
            name = f"{argument} of scale {scale}"
            if argument == "y_pred" and not tensor.dtype.is_floating:
                raise ValueError(f"{name}: expected a floating dtype, got {tensor.dtype.name}")
            channels = problem.channels(scale)
            anchors = len(problem.anchors[scale])
            if not tensor.shape.is_compatible_with([None, None, None, None]):
                raise ValueError(f"{name}: expected {layout}, got {tensor.shape}")
            if not tensor.shape.is_compatible_with([None, None, None, channels]):
                raise ValueError(
                    f"{name}: expected 5 + {anchors} anchor(s) + {problem.classes} class(es) = "
                    f"{channels} channels, got {tensor.shape[-1]}"
                )
            if 0 in tensor.shape.as_list() if tensor.shape.rank is not None else False:
                raise ValueError(
                    f"{name}: expected at least one image and cell, got {tensor.shape}"
                )
            tensors.append(tensor)
        return tensors
