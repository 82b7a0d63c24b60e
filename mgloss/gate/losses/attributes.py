"""Look at objects of foreign code, whose attributes may raise anything when they are read."""

from __future__ import annotations

from typing import Any


def attribute(value: Any, name: str, default: Any = None) -> Any:
    """Return an attribute of a value; the default if there is none, or if reading it raises."""
    try:
        return getattr(value, name, default)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return default


def is_of(value: Any, *kinds: type) -> bool:
    """Return whether a value is of one of these classes.

    `isinstance` also reads the value's `__class__`, which may raise.
    """
    return issubclass(type(value), kinds)
