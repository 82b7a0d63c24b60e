"""Find the versions of mgloss, Python and packages, for reports and for issues."""

from __future__ import annotations

import functools
import platform
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec

from mgloss.gate.losses.adapters.frameworks import FRAMEWORKS, NUMPY

ALWAYS = (NUMPY, "hypothesis")


@functools.lru_cache(maxsize=4)
def find_versions(framework: str | None = None) -> dict[str, str]:
    """Return the versions of Python, mgloss, its packages and the loss's framework, by name.

    framework: that of the loss; None if it is not known.
    """
    packages = ("mgloss", *ALWAYS, *([framework] if framework else []))
    return {"python": platform.python_version(), **{name: _version_of(name) for name in packages}}


def list_installed() -> Iterator[tuple[str, str]]:
    """Yield (name, version) of mgloss, Python, and each package and framework that is installed.

    Import none of them.
    """
    from mgloss import __version__

    yield "mgloss", __version__
    yield "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    for name in dict.fromkeys((*ALWAYS, *FRAMEWORKS)):
        if find_spec(name) is not None:
            yield name, _version_of(name)


def _version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # run from its source, or installed under another name
        return "unknown"
