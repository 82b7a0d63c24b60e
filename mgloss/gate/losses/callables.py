"""Recognize how to call what LOSS names: a function, a module, a class, a factory."""

from __future__ import annotations

from typing import Any

from mgloss.gate.losses.attributes import is_of
from mgloss.gate.losses.form import EXPECTED_FORM, Form
from mgloss.gate.losses.importing import LoadError
from mgloss.gate.losses.output import plain_text, quiet
from mgloss.gate.losses.signatures import (
    loss_function,
    passed_arguments,
    required_arguments,
    signature_text,
    takes_predictions_first,
)


def recognize_form(
    loss: str, value: Any, name: str, *, is_described: bool = False, show_traceback: bool = False
) -> Form:
    """Return how to call a value; raise LoadError if it is not a loss.

    loss: the loss as messages name it.
    name: of the value in its module.
    is_described: the loss belongs to a described problem, which has no factories.
    """
    if is_of(value, type):
        required = required_arguments(value)
        if required == 1 and not is_described:
            return Form(value, is_factory=True, show_traceback=show_traceback)
        if required != 0:
            remedy = (
                f"in the file, and name that: loss = {name}(...)"
                if is_described
                else f"in a factory: def loss(problem): return {name}(...)"
            )
            raise LoadError(f"{loss}: {name!r} is a class; make its object {remedy}")
        value = _instantiate(loss, value, name)
    function = loss_function(value)
    if not callable(function):
        raise LoadError(
            f"{loss}: {name!r} is not callable but {type(value).__name__}; {EXPECTED_FORM}"
        )
    if is_described:
        return Form(function, is_described=True, show_traceback=show_traceback)
    count = passed_arguments(function)
    if count is None:
        raise LoadError(f"{loss}: {name!r} takes {signature_text(function)}; {EXPECTED_FORM}")
    return Form(
        function,
        is_factory=count == 1,
        predictions_first=count == 2 and bool(takes_predictions_first(function)),
        show_traceback=show_traceback,
    )


def _instantiate(loss: str, loss_class: type, name: str) -> Any:
    """Make an object of a class that needs no arguments; raise LoadError if that raises."""
    try:
        with quiet(native=True):
            return loss_class()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise LoadError(
            f"{loss}: {name}() raised {type(error).__name__}: {plain_text(error)}"
        ) from error
