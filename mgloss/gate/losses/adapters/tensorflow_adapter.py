"""TensorFlow and Keras losses: run eagerly, as their authors debug them; gradients by a tape.

A trace would hide state and noise.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from mgloss.gate.losses.adapters.adapter import Adapter, Answer, Array, Call
from mgloss.gate.losses.adapters.received import Watch
from mgloss.gate.losses.output import quiet
from mgspec import LossError
from mgspec.problem.description import Stack


def _start() -> None:
    """Set up TensorFlow's devices, and exempt its objects from garbage collection.

    They are never garbage, and scanning them would take a twentieth of a search.
    """
    tf.constant(0.0)
    gc.freeze()


def _stack(arrays: Sequence[Any]) -> Any:
    return tf.stack(list(arrays))


def _join(arrays: Sequence[Any]) -> Any:
    return tf.concat(list(arrays), 0)


def _is_own_number(value: Any) -> bool:
    return isinstance(value, (tf.Tensor, tf.Variable))


def _answer(
    call: Call, predictions: Sequence[Array], others: Sequence[Array], gradients: bool
) -> Answer:
    """Evaluate under a tape, and differentiate each component.

    Nothing can write into a tensor, but a loss can put another into the mapping that it receives.
    """
    tensors = [tf.constant(array) for array in predictions]
    other_tensors = [tf.constant(array) for array in others]
    with _run_eagerly(), tf.GradientTape(persistent=True) as tape:
        tape.watch(tensors)
        watch = Watch(_as_numpy)
        components = call(tensors, other_tensors, watch.record)
        changed = watch.has_changed
    gradients_by_component = None
    undifferentiable: frozenset[str] = frozenset()
    if gradients:
        with (
            _run_eagerly(),
            quiet(native=True),
            call.form.reraise("the loss's gradient", LossError),
        ):
            slopes = {name: _slopes(tape, value, tensors) for name, value in components.items()}
            gradients_by_component = {
                name: _gradients(of_value, tensors) for name, of_value in slopes.items()
            }
            undifferentiable = frozenset(
                name for name, of_value in slopes.items() if all(s is None for s in of_value)
            )
    return Answer(components, gradients_by_component, changed, undifferentiable)


def _as_numpy(value: Any) -> Array | None:
    """Return the numbers of a tensor or variable; None for anything else."""
    if isinstance(value, np.ndarray):
        return value
    if not isinstance(value, (tf.Tensor, tf.Variable)) or tf.is_symbolic_tensor(value):
        return None
    return np.asarray(value.numpy())


@contextlib.contextmanager
def _run_eagerly() -> Iterator[None]:
    """Run the loss's own tf.functions eagerly: most batches would trace them anew."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def _slopes(tape: tf.GradientTape, value: Any, predictions: list[tf.Tensor]) -> list[Any]:
    """Return the gradient by each array of predictions; None where the value does not use it."""
    if not _is_own_number(value):  # such as a plain 0.0 for a batch without objects
        return [None] * len(predictions)
    slopes: list[Any] = tape.gradient(value, predictions)
    return slopes


def _gradients(slopes: Sequence[Any], predictions: Sequence[tf.Tensor]) -> list[Array]:
    return [
        np.zeros(tensor.shape, np.float32) if slope is None else tf.convert_to_tensor(slope).numpy()
        for slope, tensor in zip(slopes, predictions, strict=True)
    ]


ADAPTER = Adapter(
    name="tensorflow",
    has_gradients=True,
    compiles=False,
    start=_start,
    stack=Stack(_stack, _join),
    is_own_number=_is_own_number,
    average=tf.reduce_mean,
    answer=_answer,
)
