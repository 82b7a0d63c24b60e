"""Give typer the options of a command as groups: dataclasses with a field for each option.

A command then takes a few objects where typer must be told of twenty parameters:

    @dataclass(frozen=True)
    class Limits:
        timeout: Annotated[float, typer.Option(help="...")] = 10.0

    @grouped
    def check(loss: str, limits: Limits) -> None: ...
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, get_type_hints

Parameters = list[inspect.Parameter]


def grouped(function: Callable[..., None]) -> Callable[..., None]:
    """Return the command with one parameter for each field of the groups that it takes."""
    hints = get_type_hints(function, include_extras=True)
    declared = inspect.signature(function).parameters.values()
    parameters = [each for p in declared for each in _expand(p.name, hints[p.name], p.default)]

    @functools.wraps(function)
    def command(**values: Any) -> None:
        function(**{p.name: _collect(p.name, hints[p.name], values) for p in declared})

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _expand(name: str, kind: Any, default: Any) -> Iterator[inspect.Parameter]:
    """Yield the parameters of a group, or the one of a plain option."""
    if not is_dataclass(kind):
        yield inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
        )
        return
    for field, hint in _fields_of(kind):
        yield from _expand(field.name, hint, _default_of(field))


def _collect(name: str, kind: Any, values: Mapping[str, Any]) -> Any:
    """Return a group made of the values of its fields, or the value of a plain option."""
    if not is_dataclass(kind):
        return values[name]
    made: Callable[..., Any] = kind  # type: ignore[assignment]
    return made(**{f.name: _collect(f.name, hint, values) for f, hint in _fields_of(kind)})


def _fields_of(group: Any) -> Iterator[tuple[Field[Any], Any]]:
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        yield field, hints[field.name]


def _default_of(field: Field[Any]) -> Any:
    return inspect.Parameter.empty if field.default is MISSING else field.default
