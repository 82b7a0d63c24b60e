"""JAX losses: compiled once for each shape, as in a training step; gradients by `jax.vjp`.

A loss whose Python code reads values, or answers otherwise each time it is traced, is not compiled:
that would raise, or hide what the laws are to see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mgloss.gate.losses.adapters.adapter import Answer, Array, Call
from mgloss.gate.losses.calling import Form, quiet
from mgspec import LossError

NAME = "jax"
HAS_GRADIENTS = True
COMPILES = True

# Most batches are of shapes of their own, so that compiling takes longer than what it makes faster.
QUICKLY = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}

READS_VALUES = (
    jax.errors.ConcretizationTypeError,
    jax.errors.NonConcreteBooleanIndexError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerBoolConversionError,
    jax.errors.TracerIntegerConversionError,
)

Judged = Callable[[list[Any], list[Any]], tuple[dict[str, Any], dict[str, list[Any]]]]


def start() -> None:
    """Look for no accelerator, which takes long and says so."""
    jax.config.update("jax_platforms", "cpu")


def stack(arrays: Sequence[Any]) -> Any:
    """Arrays in one, with a new first axis."""
    return jnp.stack(list(arrays))


def is_answer(value: Any) -> bool:
    """Whether a component was computed by JAX."""
    return isinstance(value, jax.Array)


def answer(
    call: Call, predictions: Sequence[Array], others: Sequence[Array], gradients: bool
) -> Answer:
    """The loss's answer, and the gradient of each component."""
    judged = _judged(call)
    given = [jnp.asarray(array) for array in predictions], [jnp.asarray(array) for array in others]
    if _may_compile(call.form, judged, given):
        judged = _compiled(judged)
    with quiet(native=True), call.form.survive("the loss", LossError):
        components, slopes = judged(*given)
        found = {
            name: [np.asarray(slope, np.float32) for slope in of_component]
            for name, of_component in slopes.items()
        }
    return Answer(components, found if gradients else None)


@lru_cache(maxsize=1024)
def _judged(call: Call) -> Judged:
    """Values and gradients as one function of arrays: values alone would be compiled once more."""

    def judged(predictions: list[Any], others: list[Any]) -> Any:
        def of_predictions(given: list[Any]) -> dict[str, Any]:
            return {n: jnp.asarray(value) for n, value in call(given, others).items()}

        values, back = jax.vjp(of_predictions, predictions)
        nothing = {name: jnp.zeros_like(value) for name, value in values.items()}
        slopes = {
            name: back({**nothing, name: jnp.ones_like(value)})[0] for name, value in values.items()
        }
        return values, slopes

    return judged


@lru_cache(maxsize=1024)
def _compiled(judged: Judged) -> Judged:
    compiled: Judged = jax.jit(judged, compiler_options=QUICKLY)
    return compiled


_ANSWERS: dict[Form, bool] = {}


def _may_compile(form: Form, judged: Judged, given: tuple[list[Any], list[Any]]) -> bool:
    """Whether the loss can be traced, and answers alike however often it is."""
    if form not in _ANSWERS:
        values = []
        for _ in range(2):
            try:
                with quiet(native=True):
                    # Another function each time: what has been traced would not be traced again.
                    found, _ = jax.jit(lambda *arrays: judged(*arrays))(*given)
            except LossError as error:
                if isinstance(error.__cause__, READS_VALUES):
                    _ANSWERS[form] = False
                return False
            values.append({name: np.asarray(value) for name, value in found.items()})
        _ANSWERS[form] = all(
            np.array_equal(value, values[1][name], equal_nan=True)
            for name, value in values[0].items()
        )
    return _ANSWERS[form]
