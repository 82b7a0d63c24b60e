"""Names of the built-in descriptions of problems, for help texts.

A description has the name of its module in `mgspec.problem.descriptions`. List the modules instead
of importing them: that takes half a second, and `--help` must be quick.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def _modules() -> tuple[str, ...]:
    """Return the names of the public modules of mgspec.problem.descriptions, sorted."""
    package = find_spec("mgspec")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent / "problem" / "descriptions"
    return tuple(sorted(path.stem for path in folder.glob("[a-z]*.py")))


BUILT_IN_PROBLEMS = _modules()
