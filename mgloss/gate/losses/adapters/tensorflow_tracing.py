"""Trace a TensorFlow loss for unknown sizes of the batch and the grids, as `model.fit` does.

One trace serves every batch and grid. What a network fixes is known in it: the number of scales,
and the length of the last axis, which holds channels.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable
from functools import partial
from types import FunctionType, MappingProxyType, MethodType
from typing import Any

import numpy as np
import tensorflow as tf

from mgloss.gate.losses.attributes import attribute, is_of
from mgspec.loss.candidate import ModeError

# Traces of a loss that only `modes` needs, each of which takes up to seconds. Where a description
# passes a list of images, each number of images needs one.
MOST_COMPARED = 8

STATIC = (bool, int, float, str, bytes, type(None))  # what a trace keeps as it is

Loss = Callable[..., Any]


def traced(loss: Loss, most: int | None = None) -> Loss:
    """Return the loss as a function that traces it, and keeps its traces for the next call.

    most: the number of traces from which on the function raises ModeError; None for no limit.
    """
    if id(loss) not in _TRACED:
        _TRACED[id(loss)] = _Traced(loss)
    return partial(_TRACED[id(loss)], most)


class _Traced:
    """A loss with its traces, by what is fixed in them."""

    def __init__(self, loss: Loss) -> None:
        self.loss = loss
        self.traces: dict[str, Loss] = {}

    def __call__(self, most: int | None, *arguments: Any) -> Any:
        """Call the trace that fits the arguments; make it if there is none.

        Raise ModeError if they hold what no trace can take, or would need one trace too many.
        """
        leaves = [_as_tensor(leaf) for leaf in tf.nest.flatten(arguments)]
        kinds = [_spec(leaf) if tf.is_tensor(leaf) else leaf for leaf in leaves]
        fixed = repr(tf.nest.pack_sequence_as(arguments, kinds))
        if fixed not in self.traces:
            if most is not None and len(self.traces) >= most:
                raise ModeError(f"its arguments need more than {most} traces")
            self.traces[fixed] = _trace(self.loss, arguments, kinds)
        return self.traces[fixed](*(leaf for leaf in leaves if tf.is_tensor(leaf)))


_TRACED: dict[int, _Traced] = {}  # each keeps its loss, so that no other one gets its id


def _as_tensor(leaf: Any) -> Any:
    if isinstance(leaf, (np.ndarray, np.generic)):
        return tf.convert_to_tensor(leaf)
    if tf.is_tensor(leaf) or type(leaf) in STATIC:
        return leaf
    raise ModeError(f"its arguments hold {type(leaf).__name__}, which no trace can take")


def _spec(tensor: Any) -> tf.TensorSpec:
    """Return what a trace knows of a tensor: its dtype, its rank, and its number of channels."""
    known: list[int | None] = [None] * len(tensor.shape)
    if len(known) > 1:
        known[-1] = tensor.shape[-1]
    return tf.TensorSpec(known, tensor.dtype)


def _trace(loss: Loss, arguments: Any, kinds: list[Any]) -> Loss:
    """Return the trace for such arguments: Python's branches first as they are, then converted.

    `model.fit` does not convert them, a `tf.function` does.
    """
    specs = [kind for kind in kinds if isinstance(kind, tf.TensorSpec)]

    def call(*tensors: Any) -> Any:
        remaining = iter(tensors)
        filled = [next(remaining) if isinstance(k, tf.TensorSpec) else k for k in kinds]
        return loss(*tf.nest.pack_sequence_as(arguments, filled))

    try:
        return _function(call, specs, converts=False)
    except Exception as error:  # whatever the loss's own code raises
        with contextlib.suppress(Exception):
            return _function(call, specs, converts=True)
        raise error


def _function(call: Loss, specs: list[Any], *, converts: bool) -> Loss:
    function = tf.function(call, input_signature=specs, autograph=converts)
    function.get_concrete_function()  # raises here what it raises
    return function  # type: ignore[no-any-return]


def uses_functions(loss: Loss) -> bool:
    """Return whether a loss is a `tf.function`, or calls one that its module or object has."""
    while is_of(loss, partial):
        loss = loss.func  # type: ignore[attr-defined]
    named = {str(_module_of(thing)) for thing in (loss, inspect.unwrap(loss), *_enclosed(loss))}
    # Not those of enclosed numbers: all that Python's own modules reach would be looked through.
    own = {name for name in named if name.partition(".")[0] not in sys.stdlib_module_names}
    seen: set[int] = set()

    def visit(value: Any) -> bool:
        if id(value) in seen:
            return False
        seen.add(id(value))
        if is_of(value, tf.types.experimental.PolymorphicFunction):
            return True
        return (value is loss or _module_of(value) in own) and any(map(visit, _within(value)))

    return visit(loss)


def _module_of(value: Any) -> Any:
    """Return the name of the module that defines a function, or an object's class."""
    if is_of(value, FunctionType, MethodType):
        return value.__module__
    return type(value).__module__


def _within(value: Any) -> list[Any]:
    """Return what a function may call: named in its code, or enclosed; of an object what it has."""
    if is_of(value, MethodType):
        return [value.__func__, value.__self__]
    if is_of(value, partial):
        return [value.func]
    if not is_of(value, FunctionType):
        classes = [kind for kind in type(value).__mro__ if kind.__module__ not in _LIBRARIES]
        return [thing for holder in (*classes, value) for thing in _attributes(holder)]
    named = (value.__globals__.get(name) for name in value.__code__.co_names)
    return [*named, *_enclosed(value)]


def _enclosed(value: Any) -> list[Any]:
    things = []
    for cell in (is_of(value, FunctionType) and value.__closure__) or ():
        with contextlib.suppress(ValueError):  # an empty cell
            things.append(cell.cell_contents)
    return things


_LIBRARIES = ("builtins", "abc", "typing")


def _attributes(holder: Any) -> list[Any]:
    found = attribute(holder, "__dict__")
    return list(found.values()) if is_of(found, dict, MappingProxyType) else []
