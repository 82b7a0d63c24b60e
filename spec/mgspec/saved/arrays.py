"""Arrays as JSON: written as the shortest decimals that give the same bits again.

Arrays of the project's own layout are float32. Arrays of a described problem have a dtype.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from mgspec.problem.layout import Array
from mgspec.saved.fields import CounterexampleError, read_field, read_numbers

DTYPES = ("float16", "float32", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16")
MOST_AXES = 8


def array_document(array: np.ndarray) -> dict[str, Any]:
    """Return the array's shape and values as JSON-ready data."""
    # NumPy's text of a float32 is its shortest decimal; Python parses it to that float32 again.
    values = array.ravel()
    numbers = [json.loads(str(v)) for v in values] if array.dtype.kind == "f" else values.tolist()
    return {"shape": list(array.shape), "values": numbers}


def typed_array_document(array: np.ndarray) -> dict[str, Any]:
    """Return the array's dtype, shape and values as JSON-ready data."""
    return {"dtype": array.dtype.name, **array_document(array)}


def read_array(document: Any, where: str) -> Array:
    """Return a float32 array `[B, H, W, 5 + A + C]` from JSON data.

    Raise CounterexampleError if the data is no such array.
    """
    shape = read_field(document, "shape", list, f"{where}.")
    values = read_field(document, "values", list, f"{where}.")
    numbers = read_numbers(values, f"{where}.values")
    if len(shape) != 4 or not all(type(n) is int and n > 0 for n in shape):
        raise CounterexampleError(f"{where}.shape: expected four sizes [B, H, W, 5 + A + C]")
    return _build(numbers, shape, np.dtype(np.float32), where)


def read_typed_array(document: Any, where: str) -> np.ndarray:
    """Return an array of any shape and of one of the `DTYPES` from JSON data.

    Raise CounterexampleError if the data is no such array.
    """
    dtype = read_field(document, "dtype", str, f"{where}.")
    shape = read_field(document, "shape", list, f"{where}.")
    values = read_field(document, "values", list, f"{where}.")
    if dtype not in DTYPES:
        raise CounterexampleError(f"{where}.dtype: expected one of {', '.join(DTYPES)}")
    if len(shape) > MOST_AXES or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
        raise CounterexampleError(f"{where}.shape: expected up to {MOST_AXES} sizes")
    kinds = {"b": (bool,), "f": (int, float)}.get(np.dtype(dtype).kind, (int,))
    if not all(type(value) in kinds for value in values):
        raise CounterexampleError(f"{where}.values: expected numbers of dtype {dtype}")
    return _build(values, shape, np.dtype(dtype), where)


def _build(values: list[Any], shape: list[int], dtype: np.dtype[Any], where: str) -> np.ndarray:
    """Return the values as an array of this shape and dtype.

    Raise CounterexampleError if their number is not that of the shape, or one is not finite in the
    dtype.
    """
    if math.prod(shape) != len(values):
        raise CounterexampleError(
            f"{where}: shape {shape} needs {math.prod(shape)} values, got {len(values)}"
        )
    try:
        with np.errstate(over="ignore"):
            array = np.array(values, dtype)
    except OverflowError:
        raise CounterexampleError(f"{where}.values: a number is too large for {dtype}") from None
    if not np.isfinite(array).all():
        raise CounterexampleError(f"{where}.values: every number must be a finite {dtype}")
    return array.reshape(shape)
