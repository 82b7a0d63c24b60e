"""TensorFlow losses, and the reference.

A foreign loss is run eagerly, as its author would debug it: a trace would hide state and noise. The
reference is a pure function of tensors, so it is traced once for each number of scales.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf

from mgloss.gate.calling import Form, coarsest, number, quiet
from mgloss.loss import components
from mgspec import (
    EXPECTED_CELLS,
    Batch,
    Candidate,
    Evaluation,
    LossError,
    Problem,
    normalization,
)

HAS_GRADIENTS = True


def start() -> None:
    """Make TensorFlow set up its devices now."""
    tf.constant(0.0)


def is_answer(value: Any) -> bool:
    """Whether a loss's answer shows that it was computed by TensorFlow."""
    return isinstance(value, (tf.Tensor, tf.Variable))


def native(batch: Batch) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Targets and predictions to give to a loss."""
    return [tf.constant(a) for a in batch.targets], [tf.constant(a) for a in batch.predictions]


def evaluate(form: Form, problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
    """The loss's answer, and the gradient of each component by a tape."""
    targets, predictions = native(batch)
    with _eagerly(), tf.GradientTape(persistent=True) as tape:
        tape.watch(predictions)
        answer = form.call(problem, targets, predictions)
    numbers = {name: number(name, value) for name, value in answer.items()}
    slopes = None
    if gradients:
        with _eagerly(), quiet(native=True), form.survive("the loss's gradient", LossError):
            slopes = {name: _gradient(tape, value, predictions) for name, value in answer.items()}
    return Evaluation(
        {name: value for name, (value, _) in numbers.items()},
        slopes,
        coarsest([dtype for _, dtype in numbers.values()]),
    )


@contextlib.contextmanager
def _eagerly() -> Iterator[None]:
    """Runs a loss's own tf.functions eagerly: they would be traced anew for most batches."""
    kept = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(kept)


def _gradient(
    tape: tf.GradientTape, value: Any, predictions: list[tf.Tensor]
) -> tuple[np.ndarray, ...]:
    if not is_answer(value):  # such as a plain 0.0 for a batch without objects
        return tuple(np.zeros(p.shape, np.float32) for p in predictions)
    found = tape.gradient(value, predictions, unconnected_gradients="zero")
    return tuple(tf.convert_to_tensor(g).numpy() for g in found)


Compiled = Callable[..., tuple[dict[str, tf.Tensor], dict[str, list[tf.Tensor]]]]


@cache
def _compiled(claims: str, scales: int, gradients: bool) -> Compiled:
    """The reference traced for any batch, grid, anchors and classes."""
    expected = EXPECTED_CELLS if normalization(claims).needs_expected else None
    arrays = [tf.TensorSpec([None] * 4, tf.float32)] * scales
    anchors = [tf.TensorSpec([None, 2], tf.float32)] * scales

    @tf.function(input_signature=[arrays, arrays, anchors])
    def compiled(targets: Any, predictions: Any, anchors: Any) -> Any:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(predictions)
            values = components(targets, predictions, anchors, claims, expected)
        if not gradients:
            return values, {}
        return values, {
            name: tape.gradient(value, predictions, unconnected_gradients="zero")
            for name, value in values.items()
        }

    return compiled  # type: ignore[no-any-return]


def reference(claims: str) -> Candidate:
    """The built-in reference under the normalization that it is to be judged by."""

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        compiled = _compiled(claims, problem.scales, gradients)
        values, slopes = compiled(
            list(batch.targets),
            list(batch.predictions),
            [np.array(scale, np.float32) for scale in problem.anchors],
        )
        return Evaluation(
            {name: float(value) for name, value in values.items()},
            {name: tuple(g.numpy() for g in found) for name, found in slopes.items()}
            if gradients
            else None,
        )

    names = ("location", "anchor", "classification", "total")
    return Candidate(f"reference:{claims}", run, names, has_gradients=True, claims=claims)
