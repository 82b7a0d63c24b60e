"""Read fields of untrusted JSON data, and refuse what is not as expected with its place."""

from __future__ import annotations

from typing import Any


class CounterexampleError(ValueError):
    """A file or document is no counterexample; the message says where and why."""


def read_field(document: Any, key: str, kind: type | tuple[type, ...], where: str = "") -> Any:
    """Return `document[key]`.

    kind: the types that are allowed. where: path of the document, such as "problem.".

    Raise CounterexampleError if the field is missing or of another type.
    """
    place = f"{where}{key}"
    if not isinstance(document, dict) or key not in document:
        raise CounterexampleError(f"{place}: missing")
    value = document[key]
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        names = " or ".join("null" if k is type(None) else k.__name__ for k in kinds)
        raise CounterexampleError(f"{place}: expected {names}, got {type(value).__name__}")
    return value


def read_numbers(values: list[Any], where: str) -> list[float]:
    """Return the values as floats; raise CounterexampleError if one is no number."""
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise CounterexampleError(f"{where}: expected numbers, got {value!r:.40}")
    try:
        return [float(value) for value in values]
    except OverflowError:
        raise CounterexampleError(f"{where}: a number is too large") from None
