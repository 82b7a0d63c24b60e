"""The reference loss in TensorFlow.

`components` is the loss as a pure function of tensors, `components_of_batches` the same for several
batches at once. `MultiGridLoss` holds the problem and its options, checks them and the arrays, and
calls the first. Formulas: spec/README.md; those of the normalizations are
spec/mgspec/problem/normalizations.py itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import tensorflow as tf

from mgloss.reference.arrays import check_arrays
from mgloss.reference.cells import grouped_sums, not_finite, weighted
from mgloss.reference.terms import Scale, choose, raw_sums
from mgspec.problem.layout import Problem
from mgspec.problem.normalizations import NORMALIZATIONS, Arithmetic, Sums
from mgspec.problem.options import TERMS, Options

TENSORFLOW = Arithmetic(
    total=partial(tf.reduce_sum, axis=-1),
    at_least_one=lambda count: tf.maximum(tf.ones_like(count), count),
)
NAMES = tuple(NORMALIZATIONS)


def weights_of_images(
    name: Any,
    counts: tf.Tensor,
    positive: tf.Tensor,
    scales: Sequence[Scale],
    options: Any,
    batches: Any,
    arithmetic: Arithmetic,
) -> tf.Tensor:
    """What the raw sum of each image is multiplied with, in each of T terms: `[T, S * K * B]`.

    Formulas are linear in the raw sums, so it is the value where image i alone of its batch has a
    raw sum of 1.

    name: of a normalization, or its position in NORMALIZATIONS. counts: `[T, S * K * B]`.
    positive: `[S * K * B]`, positive cells of each image. batches: K.
    """
    images = scales[0].grid.images // batches
    apart = [len(scales), batches, images]
    counts = tf.reshape(counts, [-1, *apart])  # [T, S, K, B]
    ones = tf.one_hot(tf.range(images), images, dtype=counts.dtype)
    ones = ones[:, tf.newaxis, tf.newaxis, tf.newaxis]
    sums = Sums(
        raw=ones + tf.zeros_like(counts),  # [B, T, S, K, B]; the first: which image has the 1
        count=counts,
        positive=tf.reshape(positive, apart),
        images=tf.cast(images, counts.dtype),
        cells=tf.cast(tf.stack([[scale.grid.cells] for scale in scales]), counts.dtype),
        expected=options.expected,
    )
    formulas = [partial(rule.formula, sums, arithmetic) for rule in NORMALIZATIONS.values()]
    weights = tf.stop_gradient(choose(name, NAMES, formulas))  # counts have no slope
    return tf.reshape(tf.transpose(weights, [1, 2, 3, 0]), [-1, tf.size(positive)])


def components(
    targets: Sequence[tf.Tensor],
    predictions: Sequence[tf.Tensor],
    anchors: Sequence[tf.Tensor],
    input_size: tf.Tensor,
    options: Any,
    arithmetic: Arithmetic = TENSORFLOW,
) -> dict[str, tf.Tensor]:
    """Location, anchor, classification, objectness and their total, as the options say.

    targets, predictions: one `[B, H, W, 5 + A + C]` tensor a scale, all of one dtype, float32 or
        float64; a cell is positive where the target's channel 4 is above 0.5.
    anchors: one `[A, 2]` tensor a scale, width and height in pixels.
    input_size: `[2]`, height and width of an input image in pixels.
    options: `mgspec.Options`, or an object like it whose numbers are tensors and whose choices
        are tensors with positions in LOCATIONS, BACKGROUNDS, CLASSIFICATIONS and NORMALIZATIONS.
    arithmetic: what the normalizations calculate counts with.

    Returns scalars of the predictions' dtype, all NaN where a prediction or target is not finite,
    even one that no term reads; where it is an object's box, TensorFlow may raise instead.
    Arguments are not checked here; `MultiGridLoss` checks.
    """
    values = components_of_batches(
        targets, predictions, anchors, input_size, options, 1, arithmetic
    )
    return {name: tf.reshape(value, []) for name, value in values.items()}


def components_of_batches(
    targets: Sequence[tf.Tensor],
    predictions: Sequence[tf.Tensor],
    anchors: Sequence[tf.Tensor],
    input_size: tf.Tensor,
    options: Any,
    batches: Any,
    arithmetic: Arithmetic = TENSORFLOW,
) -> dict[str, tf.Tensor]:
    """What `components` gives for each of K batches of B images, `[K]`.

    targets, predictions: one `[K * B, H, W, 5 + A + C]` tensor a scale, the images of one batch
        after another's.
    batches: K. Other arguments as of `components`.
    """
    factors = {
        "location": options.coord_scale,
        "anchor": options.anchor_scale,
        "classification": options.class_scale,
        "objectness": 1.0,
    }
    scales = [
        Scale.of(target, prediction, sizes, input_size)
        for target, prediction, sizes in zip(targets, predictions, anchors, strict=True)
    ]
    terms = raw_sums(scales, options)
    broken = not_finite(*(scale.arrays for scale in scales), batches=batches)
    positive = terms["location"][1]
    batch = tf.range(tf.size(positive)) // (scales[0].grid.images // batches) % batches  # of images
    values = {}
    for name, chosen in options.terms_by_normalization():
        counts = tf.stack([terms[term][1] for term in chosen])
        weights = weights_of_images(name, counts, positive, scales, options, batches, arithmetic)
        of_terms = tf.convert_to_tensor([factors[term] for term in chosen], weights.dtype)
        weights *= of_terms[:, tf.newaxis]
        for term, weight in zip(chosen, tf.unstack(weights, num=len(chosen)), strict=True):
            of_images = weighted(weight, terms[term][0])
            values[term] = grouped_sums(of_images, batch, batches) + broken
    in_order = {term: values[term] for term in TERMS}
    return {**in_order, "total": tf.add_n(list(in_order.values()))}


@dataclass(frozen=True, init=False)
class MultiGridLoss:
    """The loss of a MultiGrid detector.

        loss = MultiGridLoss([[(32, 48), (64, 64)]], 20, (416, 416), location="ciou")
        loss(y_true, y_pred)               # scalar
        loss.components(y_true, y_pred)    # location, anchor, classification, objectness, total

    anchors: for each scale the anchors' (width, height) in pixels.
    num_classes: number of classes C.
    input_shape: (height, width) of an input image in pixels.
    options: the rest, as `mgspec.Options`; or its fields as keywords, such as `location="ciou"`.

    Raises ValueError for options that cannot be, naming the option, its value and what would do.
    """

    problem: Problem

    def __init__(
        self,
        anchors: Sequence[Sequence[Sequence[float]]],
        num_classes: int,
        input_shape: Sequence[int],
        options: Options | None = None,
        **settings: Any,
    ) -> None:
        if options is not None and settings:
            raise ValueError(
                f"options: expected an Options or keywords, got both: {', '.join(settings)}"
            )
        if options is not None and not isinstance(options, Options):
            raise ValueError(f"options: expected an Options, got {type(options).__name__}")
        problem = Problem(
            _pixels(anchors),
            _whole("num_classes", num_classes),
            _size(input_shape),
            options or Options.from_dict(settings),
        )
        object.__setattr__(self, "problem", problem)

    @property
    def anchors(self) -> tuple[tuple[tuple[float, float], ...], ...]:
        """For each scale the anchors' (width, height) in pixels."""
        return self.problem.anchors

    @property
    def num_classes(self) -> int:
        """Number of classes C."""
        return self.problem.num_classes

    @property
    def input_shape(self) -> tuple[int, int]:
        """(height, width) of an input image in pixels."""
        return self.problem.input_shape

    @property
    def options(self) -> Options:
        """The other settings of the loss."""
        return self.problem.options

    def to_dict(self) -> dict[str, Any]:
        """All that the constructor takes, as plain data."""
        return {
            "anchors": [[list(anchor) for anchor in scale] for scale in self.anchors],
            "num_classes": self.num_classes,
            "input_shape": list(self.input_shape),
            **self.options.to_dict(),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> MultiGridLoss:
        """The loss of plain data, as `to_dict` gives it; ValueError for what is none."""
        missing = [
            name for name in ("anchors", "num_classes", "input_shape") if name not in document
        ]
        if missing:
            raise ValueError(f"options: expected {', '.join(missing)} among {sorted(document)}")
        return cls(**document)

    def __call__(self, y_true: Sequence[tf.Tensor], y_pred: Sequence[tf.Tensor]) -> tf.Tensor:
        """The total, a scalar. Arguments and errors as of `components`."""
        return self.components(y_true, y_pred)["total"]

    def components(
        self,
        y_true: Sequence[tf.Tensor],
        y_pred: Sequence[tf.Tensor],
        arithmetic: Arithmetic = TENSORFLOW,
    ) -> Mapping[str, tf.Tensor]:
        """`location`, `anchor`, `classification`, `objectness` and `total`, each a scalar.

        y_true, y_pred: one `[B, H, W, 5 + A + C]` tensor a scale. Predictions in half precision are
            computed in float32. Sizes that are unknown when a graph is traced are checked when it
            runs.
        arithmetic: what the normalizations calculate counts with; see
            `mgloss.reference.data_parallel`.

        Raises ValueError (tf.errors.InvalidArgumentError in a running graph) where lengths, ranks,
        sizes or channels do not fit, or a target is not finite; what XLA compiles cannot raise and
        gives NaN. A prediction that is not finite gives NaN.
        """
        arrays = check_arrays(self.problem, y_true, y_pred)
        anchors = [tf.constant(scale, tf.float64) for scale in self.problem.anchors]
        size = tf.constant(self.problem.input_shape, tf.float32)
        values = components(
            arrays.targets, arrays.predictions, anchors, size, self.options, arithmetic
        )
        return {name: value + arrays.misfit for name, value in values.items()}


def _pixels(anchors: Any) -> tuple[tuple[tuple[float, float], ...], ...]:
    try:
        return tuple(
            tuple((_side(width), _side(height)) for width, height in scale) for scale in anchors
        )
    except (TypeError, ValueError):
        raise ValueError(
            "anchors: expected one list of (width, height) in pixels for each scale, "
            f"got {anchors!r}"
        ) from None


def _side(value: Any) -> float:
    if isinstance(value, str):
        raise TypeError
    return float(value)


def _whole(argument: str, value: Any) -> int:
    try:
        if isinstance(value, bool) or int(value) != value or value < 1:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"{argument}: expected a whole number of 1 or more, got {value!r}"
        ) from None
    return int(value)


def _size(value: Any) -> tuple[int, int]:
    try:
        height, width = value
        return _whole("input_shape", height), _whole("input_shape", width)
    except (TypeError, ValueError):
        raise ValueError(
            f"input_shape: expected (height, width) in whole pixels, got {value!r}"
        ) from None
