"""Recognize which framework a loss is written in, without importing any framework."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from mgloss.gate.losses.adapters.frameworks import FRAMEWORKS, NUMPY

FRAMEWORK_OF_PACKAGE = {
    package: framework.name for framework in FRAMEWORKS.values() for package in framework.packages
}


def rank_frameworks(loss: Any, module: ModuleType) -> list[str]:
    """Return the frameworks that a loss may be written in, the likeliest first, NumPy last.

    The classes of the loss count before the names that its module imports or defines.
    """
    origins = [
        *(kind.__module__ for kind in type(loss).__mro__),
        *(_module_name(value) for value in list(vars(module).values())),
    ]
    packages = [str(origin).partition(".")[0] for origin in origins]
    names = [_framework_of(package) for package in packages if package in FRAMEWORK_OF_PACKAGE]
    return list(dict.fromkeys([*names, NUMPY]))


def _module_name(value: Any) -> Any:
    """Return the name of the module that a value is, or else of the one that defines it."""
    if isinstance(value, ModuleType):
        return value.__name__
    return getattr(value, "__module__", None) or type(value).__module__


def _framework_of(package: str) -> str:
    if package == "keras":  # runs on several frameworks; its configuration says on which
        keras = sys.modules.get("keras")
        backend = getattr(getattr(keras, "backend", None), "backend", lambda: None)()
        if backend in FRAMEWORKS:
            return str(backend)
    return FRAMEWORK_OF_PACKAGE[package]
