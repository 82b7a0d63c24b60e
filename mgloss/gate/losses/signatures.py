"""Read from an object and its signature what to call, and with which arguments."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from types import MethodType
from typing import Any

from mgloss.gate.losses.attributes import attribute, is_of

# Words in the names of arguments, and what an argument so named takes. Those of the first line that
# fits count: `pred_labels` are predictions, `target_outputs` are targets.
PREDICTIONS, TARGETS = "predictions", "targets"
WORDS: Sequence[tuple[str, re.Pattern[str]]] = (
    (PREDICTIONS, re.compile(r"y?(pred(s|ict(s|ed|ions?)?)?|hats?)|yp|logits?")),
    (
        TARGETS,
        re.compile(
            r"y?(trues?|truths?|t|gts?)|targets?|tgts?|labels?|annotations?|"
            r"actual|expected|wanted|desired|reference"
        ),
    ),
    (PREDICTIONS, re.compile(r"p|out(put)?s?|inputs?|prob(s|abilities)?|scores?|estimated?s?")),
)
LABEL = (
    "y"  # the targets beside a prediction, but the prediction beside targets: (y_hat, y), (y, t)
)
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


def loss_function(loss: Any) -> Any:
    """Return what to call: the object's `compute_loss` if it has one, otherwise the object."""
    method = attribute(loss, "compute_loss")
    if not callable(method) or is_of(loss, type):
        return loss
    signature = _signature(method)
    if signature is None or not {"y", "y_pred"} <= set(signature.parameters):
        return method

    def compute_loss(y_true: Any, y_pred: Any) -> Any:  # as Keras calls a model's `compute_loss`
        return method(y=y_true, y_pred=y_pred)

    return compute_loss


def required_arguments(function: Callable[..., Any]) -> int | None:
    """Return how many positional arguments have no default; None without a readable signature."""
    signature = _signature(_with_signature(function))
    if signature is None:
        return None
    return sum(p.default is inspect.Parameter.empty for p in _positional(signature))


def passed_arguments(function: Callable[..., Any]) -> int | None:
    """Return how many arguments to pass: 2 to a loss, 1 to a factory, None if it is neither.

    The required arguments decide, because a factory and a loss may both have options; but a loss
    may have a default for the second of its two arrays. Without a readable signature the function
    is a loss.
    """
    signature = _signature(_with_signature(function))
    if signature is None:
        return 2
    required = sum(p.default is inspect.Parameter.empty for p in _positional(signature))
    is_factory = required == 1 and set(_roles(function)) != {PREDICTIONS, TARGETS}
    count = 1 if is_factory else 2
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return None
    return count


def signature_text(function: Callable[..., Any]) -> str:
    """Return the arguments of a function as Python writes them; empty if they are unknown."""
    return str(_signature(_with_signature(function)) or "")


def argument_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of the first two positional arguments, as far as they can be read."""
    function = _with_signature(function)
    signature = _signature(function)
    if signature is not None and (parameters := _positional(signature)):
        return tuple(parameter.name for parameter in parameters[:2])
    # A function that PyTorch compiled has a schema instead.
    arguments = attribute(attribute(function, "schema"), "arguments", ())
    names = [str(attribute(argument, "name")) for argument in arguments]
    return tuple(name for name in names if name != "self")[:2]


def takes_predictions_first(function: Callable[..., Any]) -> bool | None:
    """Return whether the names of the arguments mean (y_pred, y_true); None if they do not tell.

    One name that tells is enough, if the other does not say the same.
    """
    first, second = _roles(function)
    return None if first == second else first == PREDICTIONS or second == TARGETS


def _roles(function: Callable[..., Any]) -> tuple[str | None, str | None]:
    """Return what the first two arguments take, by their names; None where a name says nothing."""
    names = argument_names(function)
    if len(names) != 2:
        return None, None
    first, second = map(_role, names)
    return _beside(first, second), _beside(second, first)


def _role(name: str) -> str | None:
    words = {word.lower() for word in WORD.findall(name)}
    for role, telling in WORDS:
        if any(map(telling.fullmatch, words)):
            return role
    return LABEL if LABEL in words else None


def _beside(role: str | None, other: str | None) -> str | None:
    """Return the role of a name beside another one, which tells what `y` stands for."""
    if role != LABEL:
        return role
    return PREDICTIONS if other == TARGETS else TARGETS


def _with_signature(function: Any) -> Any:
    """Return the callable whose signature to read: a PyTorch module's `forward`, or itself."""
    if is_of(function, type):
        return function
    forward = attribute(function, "forward")
    return forward if callable(forward) else function


def _signature(function: Any) -> inspect.Signature | None:
    """Return the signature of a callable; None if it has none that can be read."""
    try:
        return inspect.signature(function)
    except KeyboardInterrupt:
        raise
    except BaseException:  # an object whose attributes raise has a method that is called
        if is_of(function, type):
            return None
        method = attribute(type(function), "__call__")
    try:
        return inspect.signature(MethodType(method, function))
    except (TypeError, ValueError):
        return None


def _positional(signature: inspect.Signature) -> list[inspect.Parameter]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in signature.parameters.values() if p.kind in kinds]
