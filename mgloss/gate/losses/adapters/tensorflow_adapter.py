"""TensorFlow and Keras losses, run eagerly, as their author would debug them.

A trace would hide state and noise.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from mgloss.gate.losses.adapters.adapter import Answer, Array, Call
from mgloss.gate.losses.calling import quiet
from mgspec import LossError

NAME = "tensorflow"
HAS_GRADIENTS = True
COMPILES = False


def start() -> None:
    """Make TensorFlow set up its devices now, and Python keep its hands off what it is made of.

    Nothing of that is ever garbage, and looking through it takes a twentieth of a search.
    """
    tf.constant(0.0)
    gc.freeze()


def stack(arrays: Sequence[Any]) -> Any:
    """Tensors in one, with a new first axis."""
    return tf.stack(list(arrays))


def is_answer(value: Any) -> bool:
    """Whether a component was computed by TensorFlow."""
    return isinstance(value, (tf.Tensor, tf.Variable))


def answer(
    call: Call, predictions: Sequence[Array], others: Sequence[Array], gradients: bool
) -> Answer:
    """The loss's answer, and the gradient of each component by a tape."""
    given = [tf.constant(array) for array in predictions]
    rest = [tf.constant(array) for array in others]
    with _eagerly(), tf.GradientTape(persistent=True) as tape:
        tape.watch(given)
        components = call(given, rest)
    slopes = None
    if gradients:
        with (
            _eagerly(),
            quiet(native=True),
            call.form.survive("the loss's gradient", LossError),
        ):
            slopes = {name: _gradient(tape, value, given) for name, value in components.items()}
    return Answer(components, slopes)


@contextlib.contextmanager
def _eagerly() -> Iterator[None]:
    """Runs a loss's own tf.functions eagerly: they would be traced anew for most batches."""
    kept = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(kept)


def _gradient(tape: tf.GradientTape, value: Any, given: list[tf.Tensor]) -> list[Array]:
    if not is_answer(value):  # such as a plain 0.0 for a batch without objects
        return [np.zeros(p.shape, np.float32) for p in given]
    found = tape.gradient(value, given, unconnected_gradients="zero")
    return [tf.convert_to_tensor(g).numpy() for g in found]
