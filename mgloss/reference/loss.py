"""The reference loss in TensorFlow.

`components` is the loss as a pure function of tensors. `MultiGridLoss` holds the problem and its
options, checks them and the arrays, and computes the same. Formulas: spec/README.md; those of the
normalizations are spec/mgspec/problem/normalizations.py itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import tensorflow as tf

from mgloss.reference.arrays import check_arrays, nan_unless_finite
from mgloss.reference.cells import read
from mgloss.reference.terms import choose, raw_sums
from mgspec.problem.layout import Problem
from mgspec.problem.normalizations import NORMALIZATIONS, Arithmetic, Sums
from mgspec.problem.options import TERMS, Options

TENSORFLOW = Arithmetic(
    total=partial(tf.reduce_sum, axis=-1),
    at_least_one=lambda count: tf.maximum(tf.ones_like(count), count),
)
NAMES = tuple(NORMALIZATIONS)


def components(
    targets: Sequence[tf.Tensor],
    predictions: Sequence[tf.Tensor],
    anchors: Sequence[tf.Tensor],
    input_shape: tf.Tensor,
    options: Any,
) -> dict[str, tf.Tensor]:
    """Return location, anchor, classification, objectness and their total, as the options say.

    total = sum over terms of factor * sum over scales of normalization(raw sums and counts)

    targets, predictions: one `[B, H, W, 5 + A + C]` tensor a scale, all of one dtype, float32 or
        float64; a cell is positive where the target's channel 4 is above 0.5.
    anchors: one `[A, 2]` tensor a scale, width and height in pixels.
    input_shape: `[2]`, height and width of an input image in pixels.
    options: `mgspec.Options`, or an object like it whose numbers are tensors and whose choices
        are tensors with positions in LOCATIONS, BACKGROUNDS, CLASSIFICATIONS and NORMALIZATIONS.

    Returns scalars of the predictions' dtype, all NaN where a prediction or target is not finite,
    even one that no term reads; where it is an object's box, TensorFlow may raise instead.
    Arguments are not checked here; `MultiGridLoss` checks.
    """
    return normalized(sums_of(targets, predictions, anchors, input_shape, options), options)


def sums_of(
    targets: Sequence[tf.Tensor],
    predictions: Sequence[tf.Tensor],
    anchors: Sequence[tf.Tensor],
    input_shape: tf.Tensor,
    options: Any,
) -> dict[str, Sums]:
    """Return what the normalizations divide, for each term: `[S, B]`, scales and images.

    Arguments as of `components`. Raw sums are NaN where a prediction or target is not finite.
    """
    scales = [
        read(target, prediction, of_scale, input_shape)
        for target, prediction, of_scale in zip(targets, predictions, anchors, strict=True)
    ]
    broken = nan_unless_finite([*targets, *predictions])
    terms = [raw_sums(scale, options) for scale in scales]
    positive = tf.stack([tf.reduce_sum(scale.mask, [1, 2]) for scale in scales])
    images = tf.cast(scales[0].grid.images, positive.dtype)
    cells = [tf.cast(scale.grid.height * scale.grid.width, positive.dtype) for scale in scales]

    def of_term(term: str) -> Sums:
        raw, count = zip(*(of_scale[term] for of_scale in terms), strict=True)
        return Sums(
            tf.stack(raw) + broken,
            tf.stack(count),
            positive,
            images,
            tf.stack(cells),
            options.expected,
        )

    return {term: of_term(term) for term in TERMS}


def normalized(sums: Mapping[str, Sums], options: Any) -> dict[str, tf.Tensor]:
    """Return each term, normalized on every scale and summed over the scales, and their total.

    sums: as `sums_of` returns them.
    """
    factors = {
        "location": options.coord_scale,
        "anchor": options.anchor_scale,
        "classification": options.class_scale,
        "objectness": 1.0,
    }

    def of_term(term: str) -> tf.Tensor:
        formulas = [
            partial(rule.formula, sums[term], TENSORFLOW) for rule in NORMALIZATIONS.values()
        ]
        of_scales = choose(options.normalization_of(term), NAMES, formulas)
        return factors[term] * tf.reduce_sum(of_scales)

    values = {term: of_term(term) for term in TERMS}
    return {**values, "total": tf.add_n(list(values.values()))}


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
        """Return all that the constructor takes, as plain data."""
        return {
            "anchors": [[list(anchor) for anchor in scale] for scale in self.anchors],
            "num_classes": self.num_classes,
            "input_shape": list(self.input_shape),
            **self.options.to_dict(),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> MultiGridLoss:
        """Make the loss of plain data, as `to_dict` returns it. Raises ValueError if it is none."""
        missing = [
            name for name in ("anchors", "num_classes", "input_shape") if name not in document
        ]
        if missing:
            raise ValueError(f"options: expected {', '.join(missing)} among {sorted(document)}")
        return cls(**document)

    def __call__(self, y_true: Sequence[tf.Tensor], y_pred: Sequence[tf.Tensor]) -> tf.Tensor:
        """Return the total, a scalar. Arguments and errors as of `components`."""
        return self.components(y_true, y_pred)["total"]

    def components(
        self, y_true: Sequence[tf.Tensor], y_pred: Sequence[tf.Tensor]
    ) -> Mapping[str, tf.Tensor]:
        """Return `location`, `anchor`, `classification`, `objectness` and `total`, all scalars.

        y_true, y_pred: one `[B, H, W, 5 + A + C]` tensor a scale. Predictions in half precision are
            computed in float32. Sizes that are unknown when a graph is traced are checked when it
            runs.

        Raises ValueError (tf.errors.InvalidArgumentError in a running graph) where lengths, ranks,
        sizes or channels do not fit, or a target is not finite; what XLA compiles cannot raise and
        gives NaN. A prediction that is not finite gives NaN.
        """
        return normalized(self.sums(y_true, y_pred), self.options)

    def sums(self, y_true: Sequence[tf.Tensor], y_pred: Sequence[tf.Tensor]) -> Mapping[str, Sums]:
        """Return what each term's normalization divides; arguments and errors as of `components`.

        `[S, B]`, scales and images.
        """
        arrays = check_arrays(self.problem, y_true, y_pred)
        anchors = [tf.constant(of_scale, tf.float64) for of_scale in self.anchors]
        shape = tf.constant(self.input_shape, tf.float32)
        sums = sums_of(arrays.targets, arrays.predictions, anchors, shape, self.options)
        return {term: replace(q, raw=q.raw + arrays.misfit) for term, q in sums.items()}


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
