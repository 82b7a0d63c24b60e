"""Find the description of a loss's problem from what `--problem` says."""

from __future__ import annotations

from functools import cache

from mgloss.gate.losses.importing import LoadError, import_value
from mgspec import Description
from mgspec.problem.descriptions import BUILT_IN
from mgspec.problem.normalizations import unknown

DEFAULT_NAME = "problem"


@cache
def find_description(problem: str | Description | None) -> Description | None:
    """Return the description of a problem; None for this project's layout.

    problem: the name of a built-in description, `path/to/file.py:name` or `package.module:name` of
        another, a description itself, or None.

    Return the same object each time. Raise LoadError if there is no such description.
    """
    if problem is None or isinstance(problem, Description):
        return problem
    if problem in BUILT_IN:
        return BUILT_IN[problem]
    if ":" not in problem and not problem.endswith(".py"):
        raise LoadError(
            f"--problem: {unknown('problem', problem, tuple(BUILT_IN))}, or path/to/file.py:name "
            "of an mgspec.Description"
        )
    value, name, *_ = import_value(
        problem, what="--problem", default=DEFAULT_NAME, kind=Description
    )
    if not isinstance(value, Description):
        raise LoadError(
            f"--problem {problem}: {name!r} is {type(value).__name__}, expected an "
            "mgspec.Description"
        )
    return value
