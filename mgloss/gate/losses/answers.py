"""Make sense of what a foreign loss returns, whatever its framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mgspec import COMPONENTS, LossError
from mgspec.laws.comparison import UNIT_ROUNDOFF
from mgspec.problem.normalizations import unknown

EXPECTED_ANSWER = (
    "expected a scalar of a floating dtype, or a mapping of such by component: "
    + ", ".join(COMPONENTS)
)

LONGEST_NAME = 100  # characters of a component's name


class AnswerError(LossError):
    """The loss returned something that is not a loss value."""


class ComponentError(AnswerError):
    """A loss that was said to be one component returned several, whatever its framework."""


def split_components(
    answer: Any, *, any_name: bool = False, component: str | None = None
) -> dict[str, Any]:
    """Return a loss's answer by component; a scalar is the total, or the one that is named.

    any_name: accept any names of components. Otherwise accept those of this project's loss, and
        return them in their usual order.
    component: what a scalar is said to be; None if nothing is said.

    Raise AnswerError for an empty mapping, and for a name that is not accepted; ComponentError for
    a mapping where a scalar was announced.
    """
    if not isinstance(answer, Mapping):
        return {component or "total": answer}
    if component is not None:
        raise ComponentError(
            f"the loss returned a mapping of components, {', '.join(map(str, answer))[:100]}; "
            f"--component {component} is for a loss that returns one number: leave it out"
        )
    if not answer:
        raise AnswerError(f"the loss returned an empty mapping; {EXPECTED_ANSWER}")
    if any_name:
        for name in answer:
            if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
                raise AnswerError(f"the loss returned a component named {name!r:.60}")
        return dict(answer)
    for name in answer:
        if name not in COMPONENTS:
            raise AnswerError(f"the loss returned an {unknown('component', name, COMPONENTS)}")
    return {name: answer[name] for name in COMPONENTS if name in answer}


def judged_dtype(component: str, value: Any) -> str:
    """Return the dtype whose rounding the laws allow for a component.

    It is never finer than float32, because the loss receives float32 arrays. The value may belong
    to any framework, and may be a tracer without a number.

    Raise AnswerError if the value is not a scalar of a floating dtype.
    """
    if type(value) in (int, float):
        return "float32"
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    if dtype is None or shape is None:
        raise AnswerError(
            f"the loss returned {type(value).__name__} for {component}, which is no "
            f"number; {EXPECTED_ANSWER}"
        )
    # np.dtype and tf.DType have a `name`; the text of torch.float32 ends with its name.
    name = str(getattr(dtype, "name", dtype)).rpartition(".")[2]
    if name not in UNIT_ROUNDOFF:
        raise AnswerError(f"the loss returned dtype {name} for {component}; {EXPECTED_ANSWER}")
    if len(shape):
        raise AnswerError(
            f"the loss returned shape {list(shape)} for {component}; {EXPECTED_ANSWER}"
        )
    return "float32" if name == "float64" else name


def to_float(value: Any) -> float:
    """Convert a scalar of any framework, which `judged_dtype` accepted, to a Python float."""
    return float(value.detach() if hasattr(value, "detach") else value)


def coarsest_dtype(dtypes: Sequence[str]) -> str:
    """Return the dtype with the largest unit roundoff."""
    return max(dtypes, key=UNIT_ROUNDOFF.__getitem__)
