"""NumPy losses: arrays in, numbers out, no gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mgloss.gate.losses.adapters.adapter import Answer, Array, Call

NAME = "numpy"
HAS_GRADIENTS = False
COMPILES = False


def start() -> None:
    """Nothing is to be set up."""


def stack(arrays: Sequence[Any]) -> Any:
    """Arrays in one, with a new first axis."""
    return np.stack(arrays)


def is_answer(value: Any) -> bool:
    """Whether a component was computed by NumPy."""
    return isinstance(value, (np.ndarray, np.generic))


def answer(
    call: Call, predictions: Sequence[Array], others: Sequence[Array], gradients: bool
) -> Answer:
    """The loss's answer; it is given copies, and is told on if it writes into them."""
    given = [array.copy() for array in predictions], [array.copy() for array in others]
    components = call(*given)
    pairs = zip((*predictions, *others), (*given[0], *given[1]), strict=True)
    return Answer(components, None, not all(np.array_equal(a, b) for a, b in pairs))
