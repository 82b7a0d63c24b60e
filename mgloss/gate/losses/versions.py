"""The versions of what verdicts were found with."""

from __future__ import annotations

import functools
import platform
import sys
from importlib import metadata

from mgloss.gate.losses.adapters.frameworks import FRAMEWORKS


@functools.lru_cache(maxsize=4)
def find_versions(framework: str | None = None) -> dict[str, str]:
    """Return the versions of Python, mgloss, its packages and the frameworks in use, by name.

    framework: that of the loss, which may be imported in another process than this one.
    """
    versions = {"python": platform.python_version()}
    used = {name for name in FRAMEWORKS if name in sys.modules or name == framework}
    for package in ("mgloss", "numpy", "hypothesis", *sorted(used)):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "unknown"
    return versions
