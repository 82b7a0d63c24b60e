"""The door of the loss: check its arrays and bring them to one dtype."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from mgspec.problem.layout import Problem

LAYOUT = "[B, H, W, 5 + A + C]"
TINY = 2.0**-40  # keeps the sum of any finite float32 numbers finite


@dataclass(frozen=True)
class Arrays:
    """Targets and predictions, one `[B, H, W, 5 + A + C]` tensor a scale, all of one dtype.

    misfit: a scalar, 0, or NaN if sizes do not fit each other or the problem. What XLA compiles
        cannot raise, so it adds this to the loss.
    """

    targets: list[tf.Tensor]
    predictions: list[tf.Tensor]
    misfit: tf.Tensor


def check_arrays(problem: Problem, y_true: Any, y_pred: Any) -> Arrays:
    """Return the arguments of a loss as tensors to compute with; half precision becomes float32.

    Sizes that are unknown when a graph is traced are checked when it runs.

    Raises ValueError, or tf.errors.InvalidArgumentError in a running graph, naming the argument.
    """
    predictions = _tensors("y_pred", y_pred, problem)
    targets = _tensors("y_true", y_true, problem)
    dtype = tf.float64 if predictions[0].dtype == tf.float64 else tf.float32
    misfit = tf.zeros([], dtype)
    images = tf.shape(predictions[0])[0]
    for scale, (target, prediction) in enumerate(zip(targets, predictions, strict=True)):
        if not target.shape.is_compatible_with(prediction.shape):
            raise ValueError(
                f"y_true of scale {scale}: expected the shape of y_pred, "
                f"{prediction.shape}, got {target.shape}"
            )
        if not prediction.shape[:1].is_compatible_with(predictions[0].shape[:1]):
            raise ValueError(
                f"y_pred of scale {scale}: expected as many images as on scale 0, "
                f"{predictions[0].shape[0]}, got {prediction.shape[0]}"
            )
        checks = _checks(problem, scale, target, prediction, images)
        if not (target.shape.is_fully_defined() and prediction.shape.is_fully_defined()):
            sizes = tf.shape(prediction)
            fits = tf.reduce_all(tf.shape(target) == sizes) & (sizes[-1] == problem.channels(scale))
            misfit += tf.where(fits, tf.zeros([], dtype), tf.constant(float("nan"), dtype))
        with tf.control_dependencies([check for check in checks if check is not None]):
            # Where XLA compiles and nothing can raise, another grid is read as if it fitted.
            of_shape = tf.reshape(tf.identity(target), tf.shape(prediction))
            targets[scale] = tf.cast(of_shape, dtype)
            predictions[scale] = tf.cast(tf.identity(prediction), dtype)
    return Arrays(targets, predictions, misfit)


def nan_unless_finite(arrays: Sequence[tf.Tensor]) -> tf.Tensor:
    """Return 0 where every number of all arrays is finite, else NaN: a scalar of their dtype.

    A NaN in a channel that no term reads is still a broken array. Sums show it, and need no memory
    of an array's size. Every number is scaled down first, so that the sum of finite ones is finite.

    arrays: `[..., D]`.
    """

    def sums(array: tf.Tensor) -> tf.Tensor:
        channels = tf.shape(array)[-1]
        scaled = tf.matmul(
            tf.reshape(array, [-1, channels]), tf.fill([channels, 1], tf.cast(TINY, array.dtype))
        )
        return tf.reduce_sum(scaled)

    total = tf.stop_gradient(tf.add_n([sums(array) for array in arrays]))
    return tf.where(tf.math.is_finite(total), tf.zeros_like(total), math.nan)


def _checks(
    problem: Problem, scale: int, target: tf.Tensor, prediction: tf.Tensor, images: tf.Tensor
) -> list[Any]:
    """Return assertions on what is known only when a graph runs: sizes, and finite targets."""
    checks = []
    if not (target.shape.is_fully_defined() and prediction.shape.is_fully_defined()):
        message = f"y_true of scale {scale}: expected the shape of y_pred"
        checks.append(tf.debugging.assert_equal(tf.shape(target), tf.shape(prediction), message))
        channels = problem.channels(scale)
        message = f"y_pred of scale {scale}: expected {channels} channels"
        checks.append(tf.debugging.assert_equal(tf.shape(prediction)[-1], channels, message))
        message = f"y_pred of scale {scale}: expected as many images as on scale 0"
        checks.append(tf.debugging.assert_equal(tf.shape(prediction)[0], images, message))
    if target.dtype.is_floating:
        message = f"y_true of scale {scale}: every number must be finite, got NaN or infinity"
        finite = tf.math.is_finite(nan_unless_finite([target]))
        if tf.executing_eagerly() and not finite:
            raise ValueError(message)
        checks.append(tf.debugging.Assert(finite, [message]))
    return checks


def _tensors(argument: str, values: Any, problem: Problem) -> list[tf.Tensor]:
    """Return the argument as tensors; raise ValueError if they do not fit the problem."""
    if not isinstance(values, (list, tuple)):
        raise ValueError(
            f"{argument}: expected a list of {LAYOUT} tensors, one for each of the "
            f"{problem.scales} scale(s), got {type(values).__name__}"
        )
    if len(values) != problem.scales:
        raise ValueError(
            f"{argument}: expected {problem.scales} tensor(s), one a scale, got {len(values)}"
        )
    return [_tensor(f"{argument} of scale {s}", v, problem, s) for s, v in enumerate(values)]


def _tensor(name: str, value: Any, problem: Problem, scale: int) -> tf.Tensor:
    try:
        tensor = tf.convert_to_tensor(value)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name}: expected {LAYOUT}, got {type(value).__name__}, which is no array of numbers"
        ) from None
    dtype = tensor.dtype
    if name.startswith("y_pred") and not dtype.is_floating:
        raise ValueError(f"{name}: expected a floating dtype, got {dtype.name}")
    if not (dtype.is_floating or dtype.is_integer or dtype.is_bool):
        raise ValueError(f"{name}: expected real numbers, got {dtype.name}")
    channels = problem.channels(scale)
    if not tensor.shape.is_compatible_with([None, None, None, None]):
        raise ValueError(f"{name}: expected {LAYOUT}, got {tensor.shape}")
    if not tensor.shape.is_compatible_with([None, None, None, channels]):
        anchors = len(problem.anchors[scale])
        raise ValueError(
            f"{name}: expected 5 + {anchors} anchor(s) + {problem.num_classes} class(es) = "
            f"{channels} channels, got {tensor.shape[-1]}"
        )
    if 0 in tensor.shape.as_list() if tensor.shape.rank is not None else False:
        raise ValueError(f"{name}: expected at least one image and cell, got {tensor.shape}")
    return tensor
