"""Walk from a loss through the code and the objects that it uses, the nearest first."""

from __future__ import annotations

import dis
import functools
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from mgloss.gate.losses.attributes import attribute, is_of

MOST_VALUES = 2000  # to look at: more are far from the loss
MOST_ITEMS = 100  # of a list or a mapping


def packages_used(loss: Any, known: frozenset[str]) -> Iterator[str]:
    """Yield the known packages that a loss computes with, the nearest first.

    Follow the names that its code uses: functions and modules, what its functions hold in closures,
    the methods and attributes of its objects. Do not enter a known package.
    """
    waiting: deque[Any] = deque([loss])
    seen: dict[int, Any] = {}  # the values too: their ids must not be used again
    while waiting and len(seen) < MOST_VALUES:
        value = waiting.popleft()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        package = next((p for p in packages_of(value) if p in known), None)
        if package is not None:
            yield package
        else:
            waiting.extend(_parts(value, known))


def packages_of(value: Any) -> list[str]:
    """Return the top-level packages that a value and its classes come from."""
    kinds = attribute(value, "__mro__", ()) if is_of(value, type) else type(value).__mro__
    modules = [
        _module_of(value),
        attribute(attribute(value, "__self__"), "__module__"),  # of a function written in C
        *(attribute(kind, "__module__") for kind in kinds),
    ]
    return [_top_level(module) for module in modules]


def _module_of(value: Any) -> Any:
    """Return the name of the module that a value is, or else of the one that defines it."""
    return attribute(value, "__name__" if is_of(value, ModuleType) else "__module__")


def _top_level(module: Any) -> str:
    return str(module).partition(".")[0]


def _is_pythons(value: Any) -> bool:
    """Return whether a value belongs to Python's own library."""
    return _top_level(_module_of(value)) in sys.stdlib_module_names


def _parts(value: Any, known: frozenset[str]) -> Iterable[Any]:
    """Return what a value leads to: what its code uses, or what it consists of."""
    if is_of(value, functools.partial):
        return [value.func, *value.args, *value.keywords.values()]
    if is_of(value, MethodType):
        return [value.__func__, value.__self__]
    if is_of(value, list, tuple):
        return list(value)[:MOST_ITEMS]
    if is_of(value, dict):
        return list(value.values())[:MOST_ITEMS]
    if is_of(value, ModuleType) or _is_pythons(value):
        return []
    if is_of(value, FunctionType):
        return list(_parts_of_function(value, known))
    if is_of(value, type):
        return [
            attribute(part, "__func__", part)  # of a static method or a class method
            for kind in attribute(value, "__mro__", ())
            if not _is_pythons(kind)
            for part in vars(kind).values()
        ]
    held = attribute(value, "__dict__")
    return [
        attribute(value, "__wrapped__"),
        type(value),
        *(list(held.values())[:MOST_ITEMS] if is_of(held, dict) else []),
    ]


def _parts_of_function(function: FunctionType, known: frozenset[str]) -> Iterator[Any]:
    """Yield what the code of a function uses, the modules that it imports, and what it wraps."""
    for code in _codes(function.__code__):
        yield from _named(code.co_names, function.__globals__)
        if any(name.partition(".")[0] in known for name in code.co_names):
            yield from _imported(code)
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # it is empty
            continue
    yield attribute(function, "__wrapped__")
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a function's code, and that of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if is_of(constant, CodeType):
            yield from _codes(constant)


def _named(names: Iterable[str], values: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the values of names, and of attributes by these names of modules among them."""
    found = [values[name] for name in names if name in values]
    yield from found
    for module in found:
        if is_of(module, ModuleType) and not _is_pythons(module):
            yield from (vars(module)[name] for name in names if name in vars(module))


def _imported(code: CodeType) -> Iterator[ModuleType]:
    """Yield a module for each that the code imports; it may not be imported yet."""
    for instruction in dis.get_instructions(code):
        if instruction.opname == "IMPORT_NAME":
            yield ModuleType(str(instruction.argval))
