"""Which framework a loss is of. None of them is imported before a loss asks for it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any, cast

from mgloss.gate.losses.adapters.adapter import Adapter
from mgloss.gate.losses.calling import quiet
from mgspec.problem.normalizations import unknown

NUMPY = "numpy"

# By the packages whose objects tell of them, the most telling framework first: a file that imports
# several computes with these rather than with NumPy.
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "torch": ("torch", "torchvision"),
    "tensorflow": ("tensorflow", "keras", "tf_keras"),
    "jax": ("jax", "jaxlib", "flax", "optax", "equinox", "chex", "haiku"),
}
FRAMEWORKS = (*PACKAGES, NUMPY)
OF_PACKAGE = {package: name for name, packages in PACKAGES.items() for package in packages}


class FrameworkError(Exception):
    """A framework that is none, or is not installed; the message says what would do."""


def need_installed(name: str) -> None:
    """FrameworkError where a framework is not installed; imports nothing."""
    if importlib.util.find_spec(name) is None:
        raise FrameworkError(
            f"{name} is not installed here; python -m pip install 'mgloss[{name}]' installs it"
        )


@cache
def adapter(name: str) -> Adapter:
    """The adapter of a framework, which it starts; the first use of most greets at length."""
    if name not in FRAMEWORKS:
        raise FrameworkError(str(unknown("framework", name, FRAMEWORKS)))
    need_installed(name)
    with quiet(native=True):
        module = importlib.import_module(f"mgloss.gate.losses.adapters.{name}_adapter")
        found = cast(Adapter, module)
        found.start()
    return found


def likely(value: Any, module: ModuleType) -> list[str]:
    """The frameworks that a loss may be of, the likeliest first; NumPy is always the last.

    What the loss itself is tells more than what its module holds by names of its own.
    """
    own = [kind.__module__ for kind in type(value).__mro__]
    held = [_origin(each) for each in list(vars(module).values())]
    packages = [str(name).partition(".")[0] for name in (*own, *held)]
    found = [_of_package(package) for package in packages if package in OF_PACKAGE]
    return list(dict.fromkeys([*found, NUMPY]))


def _origin(value: Any) -> Any:
    """The module that a value is or comes from."""
    if isinstance(value, ModuleType):
        return value.__name__
    return getattr(value, "__module__", None) or type(value).__module__


def _of_package(package: str) -> str:
    if package == "keras":  # of whichever framework it has been told to use
        keras = sys.modules.get("keras")
        backend = getattr(getattr(keras, "backend", None), "backend", lambda: None)()
        return backend if backend in FRAMEWORKS else OF_PACKAGE[package]
    return OF_PACKAGE[package]
