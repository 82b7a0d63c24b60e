"""TensorFlow and Keras losses: run eagerly, as their authors debug them, and traced, as they train.

A trace would hide state and noise, so the laws judge a plain function eagerly, and `modes` compares
that with its trace. A `tf.function` never runs eagerly: the laws judge it traced.

Gradients are by a tape around everything, which sees through traces.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import random_seed

from mgloss.gate.losses.adapters.adapter import Adapter, Answer, Array, Call, Manner, Ways
from mgloss.gate.losses.adapters.received import Watch
from mgloss.gate.losses.adapters.tensorflow_tracing import (
    MOST_COMPARED,
    Loss,
    traced,
    uses_functions,
)
from mgloss.gate.losses.form import AS_IT_IS, EAGER, TRACED
from mgloss.gate.losses.generators import SEED, seeded
from mgloss.gate.losses.output import quiet
from mgspec import LossError
from mgspec.loss.candidate import ModeError
from mgspec.problem.description import Stack


def _start() -> None:
    """Set up TensorFlow's devices and seed, and exempt its objects from garbage collection.

    They are never garbage, and scanning them would take a twentieth of a search.
    """
    tf.constant(0.0)
    tf.random.set_seed(SEED)  # what is traced without one draws other numbers each time
    gc.freeze()


def _stack(arrays: Sequence[Any]) -> Any:
    return tf.stack(list(arrays))


def _join(arrays: Sequence[Any]) -> Any:
    return tf.concat(list(arrays), 0)


def _is_own_number(value: Any) -> bool:
    return isinstance(value, (tf.Tensor, tf.Variable))


def _ways(loss: Loss, autocast: str | None) -> Ways:
    if uses_functions(loss):
        return Ways((TRACED, AS_IT_IS), (EAGER,))
    return Ways((EAGER,), (TRACED,))


def _answer(
    call: Call, predictions: Sequence[Array], others: Sequence[Array], manner: Manner
) -> Answer:
    """Evaluate, with random operations seeded if the loss has any.

    Seeding takes TensorFlow longer than a small loss does. So it is done only once the loss has
    been seen to draw random numbers.

    Raise ModeError if the eager way or the trace is not the usual one and the loss draws random
    numbers: the two draw different ones from equal seeds.
    """

    def evaluate() -> Answer:
        with seeded(manner.seed, call.form.generators_of(call.problem)):
            return _evaluate(call, predictions, others, manner)

    with _count_draws(call.form.draws) as draws:
        if not draws:
            answer = _evaluate(call, predictions, others, manner)  # `ask` has seeded
            if not draws:
                return answer
        if manner.is_compared:
            raise ModeError("it draws random numbers, which are others in a trace")
        tf.random.set_seed(SEED)
        answer = evaluate()
        # A trace keeps the seed that it was made with. Its second call draws other numbers.
        return answer if manner.seed == SEED else evaluate()


def _as_numpy(value: Any) -> Array | None:
    """Return the numbers of a tensor or variable; None for anything else."""
    if isinstance(value, np.ndarray):
        return value
    if not isinstance(value, (tf.Tensor, tf.Variable)) or tf.is_symbolic_tensor(value):
        return None
    return np.asarray(value.numpy())


@contextlib.contextmanager
def _count_draws(draws: list[None]) -> Iterator[list[None]]:
    """Fill the list once an operation asks for a seed, eagerly or in a trace; yield it."""
    original = random_seed.get_seed

    def get_seed(op_seed: int | None) -> Any:
        draws[:] = [None]
        return original(op_seed)

    random_seed.get_seed = get_seed
    try:
        yield draws
    finally:
        random_seed.get_seed = original


def _evaluate(
    call: Call, predictions: Sequence[Array], others: Sequence[Array], manner: Manner
) -> Answer:
    """Evaluate under a tape, and differentiate each component.

    Nothing can write into a tensor, but a loss can put another into the mapping that it receives.
    """
    if manner.way == TRACED:
        wrap = partial(traced, most=MOST_COMPARED if manner.is_compared else None)
        call = replace(call, form=replace(call.form, wrap=wrap))
    tensors = [tf.constant(array) for array in predictions]
    other_tensors = [tf.constant(array) for array in others]
    with _functions_run_eagerly(manner.way == EAGER):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(tensors)
            watch = Watch(_as_numpy)
            components = call(tensors, other_tensors, watch.record)
            changed = watch.has_changed
        if not manner.gradients:
            return Answer(components, None, changed)
        with quiet(native=True), call.form.reraise("the loss's gradient", LossError):
            slopes = {name: _slopes(tape, value, tensors) for name, value in components.items()}
            return Answer(
                components,
                {name: _gradients(of_value, tensors) for name, of_value in slopes.items()},
                changed,
                undifferentiable=frozenset(
                    name for name, of_value in slopes.items() if all(s is None for s in of_value)
                ),
            )


@contextlib.contextmanager
def _functions_run_eagerly(are_eager: bool) -> Iterator[None]:
    """Run the loss's own tf.functions eagerly, or not."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(are_eager)
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
    trial=EAGER,
    ways=_ways,
    answer=_answer,
)
