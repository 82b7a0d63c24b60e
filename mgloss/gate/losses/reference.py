"""The built-in reference as a candidate.

It is a pure function of tensors, so it is traced once for each number of scales: one trace serves
every batch, grid, normalization and option. Run eagerly, it is called with the options by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cache, lru_cache, partial
from typing import Any

import numpy as np
import tensorflow as tf

from mgloss.gate.losses.output import plain_text
from mgloss.reference.loss import components_of_batches
from mgspec import Batch, Candidate, Evaluation, LossError, Options, Problem
from mgspec.loss.candidate import COMPONENTS, BatchedRun, components_of, with_normalization
from mgspec.problem.layout import FIRST_ANCHOR
from mgspec.problem.normalizations import NORMALIZATIONS
from mgspec.problem.options import BACKGROUNDS, CLASSIFICATIONS, LOCATIONS, TERMS


@dataclass(frozen=True)
class Numbers:
    """Options as tensors: what `components_of_batches` reads, so that one trace serves all options.

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

    def terms_by_normalization(self) -> list[tuple[Any, tuple[str, ...]]]:
        """The same for every term."""
        return [(self.normalization, TERMS)]


CHOICES = {
    "location": LOCATIONS,
    "background": BACKGROUNDS,
    "classification": CLASSIFICATIONS,
    "normalization": tuple(NORMALIZATIONS),
}
REALS = tuple(f.name for f in fields(Numbers) if f.name not in (*CHOICES, "class_weights"))

Components = Callable[..., dict[str, tf.Tensor]]
Judged = Callable[..., tuple[tf.Tensor, list[tf.Tensor]]]


def _evaluated(
    compute: Components,
    mode: str,
    arrays: Sequence[tf.Tensor],
    anchors: Sequence[tf.Tensor],
    size: tf.Tensor,
    options: Any,
    batches: Any,
    gradients: bool,
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Values of COMPONENTS `[5, K]`, and of each scale gradients `[5, B, H, W, 5 + A + C]`.

    In modes other than TRACED, gradients are the total's alone, `[1, B, H, W, 5 + A + C]`.

    arrays: targets and predictions, one `[2, K * B, H, W, 5 + A + C]` a scale. batches: K; with
        gradients 1. Other arguments as of `components_of_batches`.
    """
    dtype = tf.as_dtype(mode) if mode in HALVES else tf.float32
    pairs = [tf.unstack(pair, num=2) for pair in arrays]
    targets = [target for target, _ in pairs]
    predictions = [tf.cast(prediction, dtype) for _, prediction in pairs]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(predictions)
        wide = [tf.cast(prediction, tf.float32) for prediction in predictions]
        values = compute(targets, wide, anchors, size, options, batches)
    packed = tf.stack([values[name] for name in COMPONENTS])
    if not gradients:
        return packed, []
    if mode != TRACED:  # compared by the gradient that trains: XLA takes long for all of them
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


@cache
def _judged(compute: Components, scales: int, gradients: bool, mode: str) -> Judged:
    """The reference for any batch, grid, anchors, classes and options, traced once.

    What XLA compiles is traced for each shape; the law about modes keeps to one.

    Arguments of what it returns: arrays as of `_evaluated`, what `_settings` gives, and where there
    may be several the number of batches; few, for each argument of a trace takes its time. It
    returns what `_evaluated` does.
    """

    def judged(arrays: Any, boxes: Any, settings: Any, batches: Any = 1) -> Any:
        lengths = [2, len(CHOICES), len(REALS), -1]
        size, kinds, numbers, weights = tf.split(settings, lengths)
        channels = [tf.shape(pair)[-1] - FIRST_ANCHOR - tf.size(weights) for pair in arrays]
        anchors = tf.split(boxes, channels)
        options = Numbers(
            **dict(zip(CHOICES, tf.unstack(tf.cast(kinds, tf.int32)), strict=True)),
            **dict(zip(REALS, tf.unstack(numbers), strict=True)),
            class_weights=weights,
        )
        return _evaluated(compute, mode, arrays, anchors, size, options, batches, gradients)

    signature = [
        [tf.TensorSpec([2, None, None, None, None], tf.float32)] * scales,
        tf.TensorSpec([None, 2], tf.float32),
        tf.TensorSpec([None], tf.float32),
    ]
    if _may_be_several(gradients, mode):
        signature.append(tf.TensorSpec([], tf.int32))
    if mode == "xla":
        return tf.function(judged, jit_compile=True, autograph=False)  # type: ignore[no-any-return]
    traced = tf.function(judged, input_signature=signature, autograph=False)
    return _called(traced.get_concrete_function(), EXECUTOR if mode == TRACED else "")


def _may_be_several(gradients: bool, mode: str) -> bool:
    """Whether it is traced for several batches in one go."""
    return mode == TRACED and not gradients


def _called(trace: Any, executor: str) -> Judged:
    """A trace, called as the operation that it is.

    Calling it as a function looks its arguments over, which takes as long as a fourth of the loss.
    """
    call = partial(
        tf.raw_ops.StatefulPartitionedCall,
        Tout=[output.dtype for output in trace.outputs],
        f=trace,
        executor_type=executor,
    )
    captured = trace.captured_inputs

    def judged(arrays: Any, *settings: Any) -> Any:
        values, *slopes = call(args=[*arrays, *settings, *captured])
        return values, slopes

    return judged


ZERO = {"unconnected_gradients": "zero"}
HALVES = ("float16", "bfloat16")
TRACED, EAGER = "traced", "eager"
# The usual executor takes more time to hand small operations around than they take.
EXECUTOR = "SINGLE_THREADED_EXECUTOR"


@dataclass(frozen=True)
class _Way:
    """The reference, judged by a normalization and run in a mode."""

    compute: Components
    claims: str
    mode: str

    def evaluated(
        self, problem: Problem, arrays: list[tf.Tensor], batches: int, gradients: bool
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """What `_evaluated` returns; LossError where the loss raises."""
        try:
            if self.mode != EAGER:
                traced = _judged(self.compute, problem.scales, gradients, self.mode)
                settings = _settings(problem, self.claims)
                if _may_be_several(gradients, self.mode):
                    return traced(arrays, *settings, _scalar(batches))
                return traced(arrays, *settings)
            # Choices by name, as `MultiGridLoss` passes them: what none asks for is not computed.
            anchors = [tf.constant(of_scale, tf.float32) for of_scale in problem.anchors]
            size = tf.constant(problem.input_shape, tf.float32)
            options = with_normalization(problem.options, self.claims)
            return _evaluated(
                self.compute, self.mode, arrays, anchors, size, options, batches, gradients
            )
        except tf.errors.OpError as error:
            raise LossError(
                f"the loss raised {type(error).__name__}: {plain_text(error)}"
            ) from None

    def run(self, problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        """As a candidate's `run`."""
        arrays = [tensor_of(pair) for pair in zip(batch.targets, batch.predictions, strict=True)]
        values, slopes = self.evaluated(problem, arrays, 1, gradients)
        found = [of_scale.numpy() for of_scale in slopes]
        of_gradients = COMPONENTS if self.mode == TRACED else ("total",)
        return Evaluation(
            dict(zip(COMPONENTS, values.numpy().ravel().tolist(), strict=True)),
            {name: tuple(g[k] for g in found) for k, name in enumerate(of_gradients)}
            if gradients
            else None,
        )

    def values(self, problem: Problem, batches: Sequence[Batch]) -> list[Evaluation]:
        """As a BatchedRun's `values`; of the traced reference."""
        arrays = [
            tensor_of([np.concatenate(of_batches) for of_batches in (targets, predictions)])
            for targets, predictions in zip(
                zip(*(batch.targets for batch in batches), strict=True),
                zip(*(batch.predictions for batch in batches), strict=True),
                strict=True,
            )
        ]
        values, _ = self.evaluated(problem, arrays, len(batches), False)
        return [
            Evaluation(dict(zip(COMPONENTS, of_batch, strict=True)))
            for of_batch in values.numpy().T.tolist()
        ]


@cache  # making one takes as long as some operations of the loss
def _scalar(number: int) -> tf.Tensor:
    return tf.constant(number)


ALIGNMENT = 64  # bytes; TensorFlow aborts where memory that it is given begins elsewhere


def tensor_of(numbers: Any) -> tf.Tensor:
    """A float32 tensor of its own: what `tf.constant` makes, in less time.

    numbers: one or more arrays of one shape, or numbers.
    """
    shape = len(numbers), *np.shape(numbers[0])
    size = 4 * math.prod(shape)
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.__array_interface__["data"][0] % ALIGNMENT
    array = memory[start : start + size].view(np.float32).reshape(shape)
    array[...] = numbers
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


@lru_cache(maxsize=64)  # a law evaluates several batches of one problem
def _settings(problem: Problem, claims: str) -> tuple[tf.Tensor, tf.Tensor]:
    """What `_judged` takes after the arrays.

    Anchors of all scales, `[A + A + ..., 2]`; input size, positions of the choices, the other
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
    return tensor_of(anchors), tensor_of(settings)


def reference(
    claims: str, options: Options | None = None, compute: Components = components_of_batches
) -> Candidate:
    """The built-in reference under the normalization that it is to be judged by.

    options: of every problem that it is judged on; None for all that can be.
    compute: the reference's `components_of_batches`, or a function like it.
    """
    traced = _Way(compute, claims, TRACED)
    names = components_of(options)

    def restricted(value: Evaluation) -> Evaluation:
        slopes = value.gradients
        return Evaluation(
            {name: value.components[name] for name in names},
            {name: slopes[name] for name in names} if slopes is not None else None,
        )

    def of_names(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        return restricted(traced.run(problem, batch, gradients))

    def each_of_names(problem: Problem, batches: Sequence[Batch]) -> list[Evaluation]:
        return [restricted(value) for value in traced.values(problem, batches)]

    return Candidate(
        f"reference:{claims}",
        BatchedRun(of_names, each_of_names),
        names,
        has_gradients=True,
        claims=claims,
        options=options,
        modes={mode: _Way(compute, claims, mode).run for mode in (EAGER, "xla", *HALVES)},
    )
