"""Import and start the adapter of a framework when a loss first needs it."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache

from mgloss.gate.losses.adapters.adapter import Adapter
from mgloss.gate.losses.adapters.frameworks import FRAMEWORKS
from mgloss.gate.losses.output import quiet
from mgspec.problem.normalizations import unknown


class FrameworkError(Exception):
    """A framework is unknown or not installed; the message says what to do."""


def need_installed(name: str) -> None:
    """Raise FrameworkError if a framework is not installed; import nothing."""
    if importlib.util.find_spec(name) is None:
        raise FrameworkError(
            f"{name} is not installed here; python -m pip install 'mgloss[{name}]' installs it"
        )


@cache
def start_adapter(name: str) -> Adapter:
    """Return the adapter of a framework; import and start it on the first call.

    Raise FrameworkError if the framework is unknown or not installed.
    """
    if name not in FRAMEWORKS:
        raise FrameworkError(str(unknown("framework", name, tuple(FRAMEWORKS))))
    need_installed(name)
    with quiet(native=True):  # most frameworks print a greeting
        module = importlib.import_module(f"{__package__}.{FRAMEWORKS[name].adapter}")
        adapter: Adapter = module.ADAPTER
        adapter.start()
    return adapter
