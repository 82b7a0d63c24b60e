"""Problems as JSON data: the project's own layout whole, a described problem by its name."""

from __future__ import annotations

from typing import Any

from mgspec.loss.candidate import PLAIN_OPTIONS
from mgspec.problem.description import Described, Description
from mgspec.problem.descriptions import BUILT_IN
from mgspec.problem.layout import LARGEST_SIDE, AnyProblem, Problem
from mgspec.problem.options import Options
from mgspec.saved.fields import CounterexampleError, read_field, read_numbers


def problem_document(problem: AnyProblem) -> dict[str, Any]:
    """Return the problem as JSON-ready data."""
    if isinstance(problem, Described):
        return {"description": problem.description.name, "shared": problem.shared}
    return {
        "anchors": [[list(anchor) for anchor in anchors] for anchors in problem.anchors],
        "classes": problem.num_classes,
        "input_size": list(problem.input_shape),
        "options": problem.options.to_dict(),
    }


def read_problem(document: Any, description: Description | None = None) -> AnyProblem:
    """Return the problem that JSON data holds.

    description: the description of the problem; None for a built-in one or the project's own
        layout.

    Raise ValueError if the data is no problem.
    """
    if "description" in document:
        return _read_described(document, description)
    return _read_own_layout(document)


def _read_described(document: Any, description: Description | None) -> Described:
    name = read_field(document, "description", str, "problem.")
    if description is None:
        description = BUILT_IN.get(name)
    if description is None or description.name != name:
        raise CounterexampleError(
            f"problem.description: is of the problem {name!r:.60}: say where it is described, with "
            f"--problem FILE:NAME; built in are {', '.join(BUILT_IN)}"
        )
    return Described(description, _read_shared(document.get("shared")))


def _read_shared(value: Any) -> Any:
    """Turn lists into tuples, at every depth.

    Raise CounterexampleError for anything but None, numbers, text, or lists of them.
    """
    if isinstance(value, (list, tuple)):
        return tuple(map(_read_shared, value))
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise CounterexampleError("problem.shared: expected numbers, text or lists of them")


def _read_own_layout(document: Any) -> Problem:
    anchors = []
    for i, scale in enumerate(read_field(document, "anchors", list, "problem.")):
        if not isinstance(scale, list):
            raise CounterexampleError(f"problem.anchors[{i}]: expected a list of [width, height]")
        pairs = [read_numbers(a if isinstance(a, list) else [a], "problem.anchors") for a in scale]
        anchors.append(tuple(tuple(pair) for pair in pairs))
    shape = read_field(document, "input_size", list, "problem.")
    if len(shape) != 2 or not all(type(n) is int and 1 <= n <= LARGEST_SIDE for n in shape):
        raise CounterexampleError("problem.input_size: expected [height, width] in whole pixels")
    classes = read_field(document, "classes", int, "problem.")
    options = PLAIN_OPTIONS
    if "options" in document:
        options = Options.from_dict(read_field(document, "options", dict, "problem."))
    # `Problem` itself checks that each anchor is a pair.
    return Problem(tuple(anchors), classes, tuple(shape), options)  # type: ignore[arg-type]
