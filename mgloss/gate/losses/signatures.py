"""Read from an object and its signature what to call, and with which arguments."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

# How a first argument that takes predictions is named, as in PyTorch's own losses.
PREDICTIONS_NAME = re.compile(r"^(y_)?(pred|hat\b|outputs?\b|inputs?\b|logits?\b)")


def loss_function(loss: Any) -> Any:
    """Return what to call: the object's `compute_loss` if it has one, otherwise the object."""
    method = getattr(loss, "compute_loss", None)
    if not callable(method) or isinstance(loss, type):
        return loss
    try:
        is_of_keras = {"y", "y_pred"} <= set(inspect.signature(method).parameters)
    except (TypeError, ValueError):
        is_of_keras = False
    if not is_of_keras:
        return method

    def compute_loss(y_true: Any, y_pred: Any) -> Any:  # as Keras calls a model's `compute_loss`
        return method(y=y_true, y_pred=y_pred)

    return compute_loss


def with_signature(function: Any) -> Any:
    """Return the callable whose signature to read: a PyTorch module's `forward`, or itself."""
    if inspect.isclass(function):
        return function
    forward = getattr(function, "forward", None)
    return forward if callable(forward) else function


def required_arguments(function: Callable[..., Any]) -> int | None:
    """Return how many positional arguments have no default; None without a readable signature."""
    parameters = _positional_parameters(function)
    if parameters is None:
        return None
    return sum(p.default is inspect.Parameter.empty for p in parameters)


def passed_arguments(function: Callable[..., Any]) -> int | None:
    """Return how many arguments to pass: 2 to a loss, 1 to a factory, None if it is neither.

    The required arguments decide, because a factory and a loss may both have options. Without a
    readable signature the function is a loss.
    """
    required = required_arguments(function)
    if required is None:
        return 2
    count = 1 if required == 1 else 2
    try:
        inspect.signature(with_signature(function)).bind(*[None] * count)
    except TypeError:
        return None
    return count


def takes_predictions_first(function: Callable[..., Any]) -> bool:
    """Return whether the names of the first two arguments mean (y_pred, y_true)."""
    names = [p.name for p in _positional_parameters(function) or []][:2]
    return [bool(PREDICTIONS_NAME.match(name)) for name in names] == [True, False]


def _positional_parameters(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    try:
        signature = inspect.signature(with_signature(function))
    except (TypeError, ValueError):
        return None
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in signature.parameters.values() if p.kind in kinds]
