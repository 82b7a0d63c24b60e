"""The versions that `mgloss --version` prints, to paste into an issue."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec

from mgloss.gate.losses.adapters.frameworks import FRAMEWORKS, NUMPY

ALWAYS = (NUMPY, "hypothesis")


def installed_versions() -> Iterator[tuple[str, str]]:
    """Yield (name, version) of mgloss, Python, and what mgloss needs; then each framework found.

    Import none of them.
    """
    from mgloss import __version__

    yield "mgloss", __version__
    yield "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    for name in dict.fromkeys((*ALWAYS, *FRAMEWORKS)):
        if find_spec(name) is not None:
            yield name, _version_of(name)


def _version_of(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:  # installed under another name, as tensorflow-cpu is
        return "unknown"
