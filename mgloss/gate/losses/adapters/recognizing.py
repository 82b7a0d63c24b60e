"""Recognize which framework a loss is written in, without importing any framework."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from mgloss.gate.losses.adapters.frameworks import FRAMEWORKS, NUMPY
from mgloss.gate.losses.adapters.walking import packages_of, packages_used
from mgloss.gate.losses.attributes import attribute

KERAS = ("keras", "tf_keras")
FRAMEWORK_OF_PACKAGE = {
    package: framework.name for framework in FRAMEWORKS.values() for package in framework.packages
}
KNOWN = frozenset(FRAMEWORK_OF_PACKAGE)


def rank_frameworks(loss: Any, module: ModuleType, brought: Sequence[str] = ()) -> list[str]:
    """Return the frameworks that a loss may be written in, the likeliest first.

    What its code computes with counts most, then the names in its module, then what importing it
    brought in. A loss of another framework often takes a constant from NumPy, so NumPy is the
    likeliest only if the code computes with nothing else. It is none at all if the code computes
    with others alone.

    brought: frameworks that were imported with the loss, as of `imported_frameworks`.
    """
    computed = [_framework_of(package) for package in packages_used(loss, KNOWN)]
    others = [name for name in computed if name != NUMPY]
    named = [
        _framework_of(package)
        for value in list(vars(module).values())
        for package in packages_of(value)
        if package in KNOWN
    ]
    ranked = [
        *(others or computed),
        *(name for name in (*named, *brought) if name != NUMPY),
        *([] if others and NUMPY not in computed else [NUMPY]),
    ]
    return list(dict.fromkeys(ranked))


def imported_frameworks() -> tuple[str, ...]:
    """Return the frameworks, other than NumPy, that this process has imported."""
    return tuple(name for name in FRAMEWORKS if name != NUMPY and name in sys.modules)


def is_of_keras(loss: Any, framework: str) -> bool:
    """Return whether a loss may be a function for Keras, which averages what it returns.

    An object of Keras's class `Loss` has its own `reduction`, and so is none.
    """
    if framework == NUMPY or attribute(loss, "reduction") is not None:
        return False
    return framework == FRAMEWORK_OF_PACKAGE["keras"] or any(
        package in KERAS for package in packages_used(loss, KNOWN)
    )


def _framework_of(package: str) -> str:
    if package == "keras":  # runs on several frameworks; its configuration says on which
        keras = sys.modules.get("keras")
        backend = getattr(getattr(keras, "backend", None), "backend", lambda: None)()
        if backend in FRAMEWORKS:
            return str(backend)
    return FRAMEWORK_OF_PACKAGE[package]
