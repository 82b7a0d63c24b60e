"""How a value that a loss's name stands for is called: a function, a module, a class, a factory."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from mgloss.gate.losses.calling import EXPECTED_FORM, Form, loss_of, plain_text, quiet
from mgloss.gate.losses.importing import LoadError

# What a first argument is named that takes predictions, as in PyTorch's own losses.
PREDICTIONS = re.compile(r"^(y_)?(pred|hat\b|outputs?\b|inputs?\b|logits?\b)")


def form_of(
    loss: str, value: Any, name: str, *, is_described: bool = False, show_traceback: bool = False
) -> Form:
    """How the value is called; LoadError where it is no loss.

    loss: what to call it in messages. name: of the value in its module. is_described: it is of a
    described problem, whose description tells the arguments; there are no factories then.
    """
    if inspect.isclass(value):
        value, is_factory = _of_class(loss, value, name, is_described)
        if is_factory:
            return Form(value, is_factory=True, show_traceback=show_traceback)
    function = loss_of(value)
    if not callable(function):
        raise LoadError(
            f"{loss}: {name!r} is not callable but {type(value).__name__}; {EXPECTED_FORM}"
        )
    if is_described:
        return Form(function, is_described=True, show_traceback=show_traceback)
    arguments = _arguments(function)
    if arguments is None:
        raise LoadError(
            f"{loss}: {name!r} takes {inspect.signature(_with_signature(function))}; "
            f"{EXPECTED_FORM}"
        )
    return Form(
        function,
        is_factory=arguments == 1,
        predictions_first=arguments == 2 and takes_predictions_first(function),
        show_traceback=show_traceback,
    )


def _of_class(loss: str, made: type, name: str, is_described: bool) -> tuple[Any, bool]:
    """The object of a class that needs nothing to be made; else the class itself as a factory."""
    required = _required(made)
    if required == 0:
        try:
            with quiet(native=True):
                return made(), False
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise LoadError(
                f"{loss}: {name}() raised {type(error).__name__}: {plain_text(error)}"
            ) from error
    if required == 1 and not is_described:
        return made, True
    where = "in a factory: def loss(problem): return"
    if is_described:
        where = "in the file, and name that: loss ="
    raise LoadError(f"{loss}: {name!r} is a class; make its object {where} {name}(...)")


def _with_signature(function: Any) -> Any:
    """What tells a callable's arguments: of a PyTorch module its `forward`, of the rest itself."""
    if inspect.isclass(function):
        return function
    forward = getattr(function, "forward", None)
    return forward if callable(forward) else function


def _positional(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    try:
        signature = inspect.signature(_with_signature(function))
    except (TypeError, ValueError):
        return None
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in signature.parameters.values() if p.kind in kinds]


def _required(function: Callable[..., Any]) -> int | None:
    """How many arguments it must be given; None where that cannot be told."""
    positional = _positional(function)
    if positional is None:
        return None
    return sum(p.default is inspect.Parameter.empty for p in positional)


def _arguments(function: Callable[..., Any]) -> int | None:
    """How many arguments to call it with: 2 for a loss, 1 for a factory, None for neither."""
    required = _required(function)
    if required is None:
        return 2
    # A factory may have options, and a loss too: what is required decides.
    arguments = 1 if required == 1 else 2
    try:
        inspect.signature(_with_signature(function)).bind(*[None] * arguments)
    except TypeError:
        return None
    return arguments


def takes_predictions_first(function: Callable[..., Any]) -> bool:
    """Whether the names of its first two arguments say (y_pred, y_true)."""
    names = [p.name for p in _positional(function) or []][:2]
    return len(names) == 2 and [bool(PREDICTIONS.match(name)) for name in names] == [True, False]
