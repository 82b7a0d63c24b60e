"""NumPy losses: arrays in, numbers out, no gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mgloss.gate.losses.adapters.adapter import Adapter, Answer, Array, Call, Manner, Ways
from mgloss.gate.losses.adapters.frameworks import NUMPY
from mgloss.gate.losses.adapters.received import Watch
from mgloss.gate.losses.form import EAGER
from mgspec.problem.description import Stack


def _start() -> None:
    """Do nothing: NumPy needs no set-up."""


def _stack(arrays: Sequence[Any]) -> Any:
    return np.stack(arrays)


def _join(arrays: Sequence[Any]) -> Any:
    return np.concatenate(arrays)


def _is_own_number(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic))


def _answer(
    call: Call, predictions: Sequence[Array], others: Sequence[Array], manner: Manner
) -> Answer:
    """Pass copies; report if the loss modified what it received."""
    copied_predictions = [array.copy() for array in predictions]
    copied_others = [array.copy() for array in others]
    watch = Watch(_as_numpy)
    components = call(copied_predictions, copied_others, watch.record)
    return Answer(components, None, watch.has_changed)


def _as_numpy(value: Any) -> Array | None:
    return value if isinstance(value, np.ndarray) else None


ADAPTER = Adapter(
    name=NUMPY,
    has_gradients=False,
    compiles=False,
    start=_start,
    stack=Stack(_stack, _join),
    is_own_number=_is_own_number,
    average=np.mean,
    trial=EAGER,
    ways=lambda loss, autocast: Ways((EAGER,)),
    answer=_answer,
)
