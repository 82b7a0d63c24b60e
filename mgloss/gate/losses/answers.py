"""Make sense of what a foreign loss returns, whatever its framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mgloss.gate.losses.attributes import attribute, is_of
from mgspec import COMPONENTS, LossError
from mgspec.laws.comparison import UNIT_ROUNDOFF
from mgspec.problem.normalizations import unknown

EXPECTED_ANSWER = (
    "expected a scalar of a floating dtype, or a mapping of such by component: "
    + ", ".join(COMPONENTS)
)

LONGEST_NAME = 100  # characters of a component's name

# What losses call the components of this project's loss; parts of names, in small letters.
USUAL_NAMES = {
    "location": ("box", "loc", "reg", "iou", "xy", "wh", "coord"),
    "objectness": ("obj", "conf"),
    "anchor": ("anchor",),
    "classification": ("cls", "class", "label", "focal"),
    "total": ("total", "loss", "sum"),
}


class AnswerError(LossError):
    """The loss returned something that is not a loss value."""


class ComponentError(AnswerError):
    """A loss that was said to be one component returned several, whatever its framework."""


class ShapeError(AnswerError):
    """The loss returned an array of several numbers for a component; `shape` is its shape.

    advice: what to write instead.
    """

    def __init__(
        self, component: str, shape: tuple[Any, ...], advice: str = EXPECTED_ANSWER
    ) -> None:
        sizes = ", ".join(map(str, shape))
        super().__init__(f"the loss returned shape [{sizes}] for {component}; {advice}")
        self.component, self.shape = component, shape


def split_components(
    answer: Any, *, any_name: bool = False, component: str | None = None
) -> dict[str, Any]:
    """Return a loss's answer by component; a scalar is the total, or the one that is named.

    any_name: accept any names of components. Otherwise accept those of this project's loss, and
        return them in their usual order.
    component: what a scalar is said to be; None if nothing is said.

    Raise AnswerError for a tuple or a list, an empty mapping, and a name that is not accepted;
    ComponentError for a mapping where a scalar was announced.
    """
    if is_of(answer, tuple, list):
        raise AnswerError(_explain_sequence(answer))
    if not issubclass(type(answer), Mapping):  # isinstance may raise
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
            raise AnswerError(_explain_name(name))
    return {name: answer[name] for name in COMPONENTS if name in answer}


def _explain_sequence(answer: Sequence[Any]) -> str:
    """Say what to write instead of a tuple or a list, such as `(loss, items)`."""
    kind = type(answer).__name__
    said = f"the loss returned a {kind} of {len(answer)} values, expected one"
    if callable(attribute(answer, "_asdict")):
        return f"{said}; return its fields by name, with `._asdict()`"
    mappings = [place for place, value in enumerate(answer) if is_of(value, dict)]
    place = mappings[0] if mappings else 0
    what = "the mapping of components" if mappings else "the value that is differentiated"
    return (
        f"{said}; return {what} alone. If that is value {place} of the {kind}, write a wrapper "
        f"and name it: def judged(*batch): return loss(*batch)[{place}]"
    )


def _explain_name(name: Any) -> str:
    """Say what to write instead of a component of an unknown name."""
    if not is_of(name, str):
        return f"the loss returned a component named {name!r:.60}; {EXPECTED_ANSWER}"
    error = f"the loss returned an {unknown('component', name[:LONGEST_NAME], COMPONENTS)}"
    usual = next(
        (c for c, parts in USUAL_NAMES.items() if any(part in name.lower() for part in parts)), None
    )
    if usual is None or "did you mean" in error:
        return f"{error}. Return components by these names, and no others"
    return (
        f"{error}. If it is the {usual}, return {{{usual!r}: ...}} instead of {{{name!r}: ...}}; "
        "leave out what is none of these"
    )


def explain_shape(error: ShapeError, images: int, *, is_of_images: bool, mean: str) -> ShapeError:
    """Return the error again, with what to write instead.

    images: of the batch. is_of_images: whether the array's first axis has one entry an image.
    mean: code that averages the array `values`.
    """
    shape, component = error.shape, error.component
    if is_of_images:
        what = "one value an image" if len(shape) == 1 else "values of each image"
        advice = f"{what} of {images}. Return one number, such as {mean}"
    elif len(shape) == 1 and component == "total":
        advice = (
            "values of several components? Return them by name, such as "
            "{'location': values[0], 'classification': values[1]}, or their sum"
        )
    else:
        advice = f"expected one number, such as {mean}"
    return ShapeError(component, shape, advice)


def as_number(value: Any) -> Any:
    """Return the only entry of an array of one number; return any other value as it is."""
    shape = shape_of(value)
    if shape and all(size == 1 for size in shape):
        for _ in shape:
            value = value[0]
    return value


def shape_of(value: Any) -> tuple[Any, ...] | None:
    """Return the shape of an array of any framework, None for what is no array."""
    shape = attribute(value, "shape")
    if shape is None:
        return None
    try:
        return tuple(shape)
    except (TypeError, ValueError):  # in a trace the number of axes may be unknown
        return ()


def judged_dtype(component: str, value: Any) -> str:
    """Return the dtype whose rounding the laws allow for a component.

    It is never finer than float32, because the loss receives float32 arrays. The value may belong
    to any framework, and may be a tracer without a number.

    Raise AnswerError if the value is not a scalar of a floating dtype.
    """
    if type(value) in (int, float):
        return "float32"
    if value is None:
        raise AnswerError(_explain_none(component))
    dtype, shape = attribute(value, "dtype"), shape_of(value)
    if dtype is None or shape is None:
        raise AnswerError(
            f"the loss returned {type(value).__name__} for {component}, which is no "
            f"number; {EXPECTED_ANSWER}"
        )
    # np.dtype and tf.DType have a `name`; the text of torch.float32 ends with its name.
    name = str(attribute(dtype, "name", dtype)).rpartition(".")[2]
    if name not in UNIT_ROUNDOFF:
        raise AnswerError(f"the loss returned dtype {name} for {component}; {EXPECTED_ANSWER}")
    if shape:
        raise ShapeError(component, shape)
    return "float32" if name == "float64" else name


def _explain_none(component: str) -> str:
    said = f"the loss returned NoneType for {component}, which is no number"
    if component == "total":
        return f"{said}. Does every path of it end with a `return`? {EXPECTED_ANSWER.capitalize()}"
    return f"{said}. Leave {component!r} out where it is never computed, else return 0.0 for it"


def to_float(value: Any) -> float:
    """Convert a scalar of any framework, which `judged_dtype` accepted, to a Python float."""
    return float(value.detach() if hasattr(value, "detach") else value)


def coarsest_dtype(dtypes: Sequence[str]) -> str:
    """Return the dtype with the largest unit roundoff."""
    return max(dtypes, key=UNIT_ROUNDOFF.__getitem__)
