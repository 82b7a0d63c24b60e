"""JAX losses: compiled once for each shape, as in a training step; gradients by `jax.vjp`.

Some losses are not compiled: those whose Python code reads values, because compiling them raises,
and those that answer differently each time they are traced, because compiling would hide that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mgloss.gate.losses.adapters.adapter import Adapter, Answer, Array, Call, Manner, Ways
from mgloss.gate.losses.form import COMPILED, Form
from mgloss.gate.losses.output import quiet
from mgspec import LossError
from mgspec.problem.description import Stack

# Most batches have shapes of their own: compiling takes longer than optimizing would save.
COMPILER_OPTIONS = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}

# Raised while tracing a loss whose Python code reads values.
READS_VALUES_ERRORS = (
    jax.errors.ConcretizationTypeError,
    jax.errors.NonConcreteBooleanIndexError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerBoolConversionError,
    jax.errors.TracerIntegerConversionError,
)

Arrays = list[Any]
# From predictions and other arrays to values and gradients, by component.
ValuesAndGradients = Callable[[Arrays, Arrays], tuple[dict[str, Any], dict[str, Arrays]]]


def _start() -> None:
    """Keep JAX from searching for an accelerator, which takes long and prints a message."""
    jax.config.update("jax_platforms", "cpu")


def _stack(arrays: Sequence[Any]) -> Any:
    return jnp.stack(list(arrays))


def _join(arrays: Sequence[Any]) -> Any:
    return jnp.concatenate(list(arrays))


def _is_own_number(value: Any) -> bool:
    return isinstance(value, jax.Array)


def _answer(
    call: Call, predictions: Sequence[Array], others: Sequence[Array], manner: Manner
) -> Answer:
    """Evaluate and differentiate, compiled where that is safe."""
    evaluate = _differentiate(call)
    arguments = (
        [jnp.asarray(array) for array in predictions],
        [jnp.asarray(array) for array in others],
    )
    if _may_compile(call.form, evaluate, arguments):
        evaluate = _compile(evaluate)
    with quiet(native=True), call.form.reraise("the loss", LossError):
        components, slopes = evaluate(*arguments)
        gradients_by_component = {
            name: [np.asarray(slope, np.float32) for slope in of_component]
            for name, of_component in slopes.items()
        }
    return Answer(components, gradients_by_component if manner.gradients else None)


@lru_cache(maxsize=1024)
def _differentiate(call: Call) -> ValuesAndGradients:
    """Return values and gradients as one function: values alone would be compiled once more."""

    def evaluate(predictions: Arrays, others: Arrays) -> Any:
        def values_of(predictions: Arrays) -> dict[str, Any]:
            return {name: jnp.asarray(v) for name, v in call(predictions, others).items()}

        values, pull_back = jax.vjp(values_of, predictions)
        zeros = {name: jnp.zeros_like(value) for name, value in values.items()}
        slopes = {
            name: pull_back({**zeros, name: jnp.ones_like(value)})[0]
            for name, value in values.items()
        }
        return values, slopes

    return evaluate


@lru_cache(maxsize=1024)
def _compile(evaluate: ValuesAndGradients) -> ValuesAndGradients:
    compiled: ValuesAndGradients = jax.jit(evaluate, compiler_options=COMPILER_OPTIONS)
    return compiled


_MAY_COMPILE: dict[Form, bool] = {}


def _may_compile(
    form: Form, evaluate: ValuesAndGradients, arguments: tuple[Arrays, Arrays]
) -> bool:
    """Return whether the loss can be traced, and gives the same values each time it is traced."""
    if form not in _MAY_COMPILE:
        values_of_traces = []
        for _ in range(2):
            try:
                with quiet(native=True):
                    # A new function each time: JAX does not trace the same function again.
                    values, _ = jax.jit(lambda *arrays: evaluate(*arrays))(*arguments)
            except LossError as error:
                if isinstance(error.__cause__, READS_VALUES_ERRORS):
                    _MAY_COMPILE[form] = False
                return False
            values_of_traces.append({name: np.asarray(value) for name, value in values.items()})
        first, second = values_of_traces
        _MAY_COMPILE[form] = all(
            np.array_equal(value, second[name], equal_nan=True) for name, value in first.items()
        )
    return _MAY_COMPILE[form]


ADAPTER = Adapter(
    name="jax",
    has_gradients=True,
    compiles=True,
    start=_start,
    stack=Stack(_stack, _join),
    is_own_number=_is_own_number,
    average=jnp.mean,
    trial=COMPILED,
    ways=lambda loss, autocast: Ways((COMPILED,)),
    answer=_answer,
)
