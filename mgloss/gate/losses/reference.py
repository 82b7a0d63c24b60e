"""The built-in reference as a candidate.

The reference is a pure function of tensors, so it is traced once for each number of scales. One
trace serves every batch, grid, normalization and option: options are tensors to it, and choices
among formulas are positions. Tracing for each set of options would take a second for each example.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from typing import Any

import tensorflow as tf

from mgloss.gate.losses.form import EAGER, HALVES, REFERENCE_MODES, TRACED, XLA
from mgloss.gate.losses.output import plain_text
from mgloss.reference.loss import components
from mgspec import Batch, Candidate, Evaluation, LossError, Options, Problem
from mgspec.loss.candidate import COMPONENTS, Run, components_of, with_normalization
from mgspec.problem.layout import FIRST_ANCHOR
from mgspec.problem.normalizations import NORMALIZATIONS
from mgspec.problem.options import BACKGROUNDS, CLASSIFICATIONS, LOCATIONS, TERMS


@dataclass(frozen=True)
class Numbers:
    """Options as tensors: what `components` reads of them, so that one trace serves all options.

    Choices are positions in LOCATIONS, BACKGROUNDS, CLASSIFICATIONS and NORMALIZATIONS.
    """

    location: Any
    background: Any
    classification: Any
    normalization: Any
    focal_alpha: Any
    focal_gamma: Any
    class_weights: Any
    label_smoothing: Any
    coord_scale: Any
    anchor_scale: Any
    class_scale: Any
    object_scale: Any
    no_object_scale: Any
    ignore_thresh: Any
    ignored_weight: Any
    iou_aware_ratio: Any
    iou_aware_power: Any
    expected: Any

    def normalization_of(self, term: str) -> Any:
        """Return the normalization, the same for every term."""
        return self.normalization


CHOICES = {
    "location": LOCATIONS,
    "background": BACKGROUNDS,
    "classification": CLASSIFICATIONS,
    "normalization": tuple(NORMALIZATIONS),
}
REALS = tuple(f.name for f in fields(Numbers) if f.name not in (*CHOICES, "class_weights"))

Components = Callable[..., dict[str, tf.Tensor]]
Tensors = Sequence[tf.Tensor]
Judged = Callable[..., tuple[tf.Tensor, Tensors]]


def reference(
    claims: str, options: Options | None = None, compute: Components = components
) -> Candidate:
    """Return the built-in reference as a candidate that claims this normalization.

    options: of every problem that it is judged on; None to follow those of each problem.
    compute: the reference's `components`, or a function like it.
    """
    names = components_of(options)
    run = _run(compute, claims, TRACED)

    def of_names(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = run(problem, batch, gradients)
        slopes = value.gradients
        return Evaluation(
            {name: value.components[name] for name in names},
            {name: slopes[name] for name in names} if slopes is not None else None,
        )

    return Candidate(
        f"reference:{claims}",
        of_names,
        names,
        has_gradients=True,
        claims=claims,
        options=options,
        modes={mode: _run(compute, claims, mode) for mode in REFERENCE_MODES},
        one_shape=True,
    )


def _run(compute: Components, claims: str, mode: str) -> Run:
    """Return the `run` of a candidate: the reference under a normalization, in a mode."""

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        try:
            if mode == EAGER:
                values, slopes = _eager(compute, claims, problem, batch, gradients)
            else:
                judged = _trace(compute, problem.scales, gradients, mode)
                values, slopes = judged(
                    [tf.constant(array) for array in batch.targets],
                    [tf.constant(array) for array in batch.predictions],
                    *_settings(problem, claims),
                )
        except tf.errors.OpError as error:
            raise LossError(
                f"the loss raised {type(error).__name__}: {plain_text(error)}"
            ) from None
        value = dict(zip(COMPONENTS, values.numpy().tolist(), strict=True))
        if not gradients:
            return Evaluation(value)
        names = COMPONENTS if mode == TRACED else ("total",)
        found = [of_scale.numpy() for of_scale in slopes]
        return Evaluation(value, {name: tuple(g[k] for g in found) for k, name in enumerate(names)})

    return run


def _eager(
    compute: Components, claims: str, problem: Problem, batch: Batch, gradients: bool
) -> tuple[tf.Tensor, Tensors]:
    """Evaluate with choices by name, as `MultiGridLoss` passes them."""
    return _evaluated(
        compute,
        EAGER,
        [tf.constant(array) for array in batch.targets],
        [tf.constant(array) for array in batch.predictions],
        [tf.constant(of_scale, tf.float32) for of_scale in problem.anchors],
        tf.constant(problem.input_shape, tf.float32),
        with_normalization(problem.options, claims),
        gradients,
    )


@cache
def _trace(compute: Components, scales: int, gradients: bool, mode: str) -> Judged:
    """Trace the reference for any batch, grid, anchors, classes and options.

    What XLA compiles is traced for each shape; the law about modes keeps to one.

    Returns a function of targets, predictions and what `_settings` returns, to what `_evaluated`
    returns.
    """

    def judged(targets: Tensors, predictions: Tensors, boxes: Any, settings: Any) -> Any:
        lengths = [2, len(CHOICES), len(REALS), -1]
        shape, kinds, numbers, weights = tf.split(settings, lengths)
        others = FIRST_ANCHOR + tf.size(weights)
        anchors = tf.split(boxes, [tf.shape(array)[-1] - others for array in predictions])
        options = Numbers(
            **dict(zip(CHOICES, tf.unstack(tf.cast(kinds, tf.int32)), strict=True)),
            **dict(zip(REALS, tf.unstack(numbers), strict=True)),
            class_weights=weights,
        )
        return _evaluated(compute, mode, targets, predictions, anchors, shape, options, gradients)

    if mode == XLA:
        return tf.function(judged, jit_compile=True, autograph=False)  # type: ignore[no-any-return]
    arrays = [tf.TensorSpec([None, None, None, None], tf.float32)] * scales
    signature = [
        arrays,
        arrays,
        tf.TensorSpec([None, 2], tf.float32),
        tf.TensorSpec([None], tf.float32),
    ]
    return tf.function(judged, input_signature=signature, autograph=False)  # type: ignore[no-any-return]


@lru_cache(maxsize=64)  # a law evaluates several batches of one problem
def _settings(problem: Problem, claims: str) -> tuple[tf.Tensor, tf.Tensor]:
    """Return a problem and its options as two tensors.

    Anchors of all scales, `[A + A + ..., 2]`; input shape, positions of the choices, the other
    options and class weights, `[2 + 4 + 13 + C]`.
    """
    options = with_normalization(problem.options, claims)
    kinds = {**vars(options), "normalization": claims}
    # Where no formula needs an expected count, any will do.
    numbers = [1.0 if (n := getattr(options, name)) is None else n for name in REALS]
    settings = [
        *problem.input_shape,
        *(known.index(kinds[name]) for name, known in CHOICES.items()),
        *numbers,
        *(options.class_weights or [1.0] * problem.num_classes),
    ]
    anchors = [anchor for scale in problem.anchors for anchor in scale]
    return tf.constant(anchors, tf.float32), tf.constant(settings, tf.float32)


def _evaluated(
    compute: Components,
    mode: str,
    targets: Tensors,
    predictions: Tensors,
    anchors: Tensors,
    shape: tf.Tensor,
    options: Any,
    gradients: bool,
) -> tuple[tf.Tensor, Tensors]:
    """Return values of COMPONENTS `[5]` and, of each scale, gradients `[5, B, H, W, 5 + A + C]`.

    In modes other than TRACED, gradients are the total's alone, `[1, B, H, W, 5 + A + C]`: XLA
    takes long to compile all of them.
    """
    if mode in HALVES:
        predictions = [tf.cast(prediction, tf.as_dtype(mode)) for prediction in predictions]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(predictions)
        wide = [tf.cast(prediction, tf.float32) for prediction in predictions]
        values = compute(targets, wide, anchors, shape, options)
    packed = tf.stack([values[name] for name in COMPONENTS])
    if not gradients:
        return packed, []
    if mode != TRACED:
        slopes = [tape.gradient(values["total"], predictions, **ZERO)]
    else:
        slopes = [tape.gradient(values[name], predictions, **ZERO) for name in TERMS]
        # By the chain rule; another way through every operation would take as long as the rest.
        shares = tape.gradient(values["total"], [values[name] for name in TERMS], **ZERO)
        total = [
            tf.add_n([share * g for share, g in zip(shares, of_scale, strict=True)])
            for of_scale in zip(*slopes, strict=True)
        ]
        slopes.append(total)
    return packed, [
        tf.cast(tf.stack(of_scale), tf.float32) for of_scale in zip(*slopes, strict=True)
    ]


ZERO = {"unconnected_gradients": "zero"}
