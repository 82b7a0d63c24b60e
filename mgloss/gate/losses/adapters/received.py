"""Notice that a loss writes into what it receives: arrays, and the lists and mappings they are in.

What is compared is what the loss itself was passed. A description makes that of an image's arrays,
and often stacks them: then the image's own arrays stay as they are, whatever the loss does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

DEEPEST = 8  # levels of containers and objects within each other

# Returns a framework's array as a NumPy array, which may share memory; None for anything else.
Array = NDArray[Any]
AsNumpy = Callable[[Any], Array | None]


@dataclass(frozen=True)
class _Array:
    """An array, and a copy of its numbers."""

    value: Any
    copy: Array


@dataclass(frozen=True)
class _Entries:
    """A mapping, list or tuple, and a record of each entry that it had."""

    value: Any
    entries: tuple[tuple[Any, _Record], ...]


@dataclass(frozen=True)
class _Plain:
    """A number, text or None, of which only the value matters."""

    value: Any


_Record = _Array | _Entries | _Plain | None


class Watch:
    """Records what a loss receives, and says afterwards whether the loss has changed it.

    Additional entries of a mapping are no change: nothing that was there is lost. In objects of
    other types only the arrays are watched.
    """

    def __init__(self, as_numpy: AsNumpy) -> None:
        self._as_numpy = as_numpy
        # Both by identity: an array is copied once, and what contains itself is entered once.
        self._arrays: dict[int, _Array] = {}
        self._entered: dict[int, Any] = {}
        self._received: list[tuple[Any, _Record]] = []

    def record(self, received: Any) -> None:
        """Record nested arrays, as they are now."""
        self._received.append((received, self._recorded(received, DEEPEST)))

    @property
    def has_changed(self) -> bool:
        """Whether an array holds other numbers now, or an entry was removed or replaced."""
        return not (
            all(self._is_same(array, array.value) for array in self._arrays.values())
            and all(self._is_same(record, value) for value, record in self._received)
        )

    def _recorded(self, value: Any, depth: int) -> _Record:
        if isinstance(value, (int, float, complex, str, bytes, type(None))):
            return _Plain(value)
        if id(value) in self._arrays:
            return self._arrays[id(value)]
        array = self._numbers(value)
        if array is not None:
            return self._arrays.setdefault(id(value), _Array(value, array.copy()))
        if not depth or id(value) in self._entered:
            return None
        self._entered[id(value)] = value
        if isinstance(value, (dict, list, tuple)):
            entries = _entries(value)
            return _Entries(value, tuple((k, self._recorded(v, depth - 1)) for k, v in entries))
        for attribute in _attributes(value):
            self._recorded(attribute, depth - 1)
        return None

    def _numbers(self, value: Any) -> Array | None:
        """Return the numbers of an array; None for what is none, or cannot be read any more."""
        try:
            return self._as_numpy(value)
        except Exception:  # such as a conjugated tensor, which a loss put in place of another
            return None

    def _is_same(self, record: _Record, value: Any) -> bool:
        """Return whether the value, which may be another object, is as it was recorded."""
        if isinstance(record, _Array):
            array = self._numbers(value)
            return array is not None and _same_numbers(array, record.copy)
        if isinstance(record, _Plain):
            return value is record.value or bool(_equal(value, record.value))
        if record is None:
            return True
        if isinstance(value, dict):
            return isinstance(record.value, dict) and all(
                key in value and self._is_same(entry, value[key]) for key, entry in record.entries
            )
        return (
            isinstance(value, (list, tuple))
            and len(value) == len(record.entries)
            and all(self._is_same(entry, value[k]) for k, entry in record.entries)
        )


def _same_numbers(array: Array, copy: Array) -> bool:
    """Return whether two arrays hold the same numbers or text; NaN is the same as NaN."""
    if array.shape != copy.shape:
        return False
    both_nan = (array != array) & (copy != copy)
    return bool(((array == copy) | both_nan).all())


def _entries(value: dict[Any, Any] | list[Any] | tuple[Any, ...]) -> Iterable[tuple[Any, Any]]:
    return list(value.items()) if isinstance(value, dict) else enumerate(value)


def _attributes(value: Any) -> Iterator[Any]:
    """Yield the attributes of an object; none of a class, a module or a function."""
    if isinstance(value, type) or callable(value):
        return
    try:
        yield from list(vars(value).values())
    except Exception:  # it has none, or its class does not let them be seen
        return


def _equal(value: Any, other: Any) -> bool:
    try:
        return bool(value == other)
    except Exception:  # such as an array of several numbers in place of one
        return False
