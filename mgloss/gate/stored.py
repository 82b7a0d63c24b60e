"""Moved to `mgloss.testing`; this path goes in 0.3. Regression tests written before import it."""

from __future__ import annotations

import warnings
from pathlib import Path

from mgloss import testing


def still_broken(path: Path, loss: str | None, problem: str | None = None) -> str | None:
    """Return `mgloss.testing.still_broken`, with a warning."""
    warnings.warn(
        "mgloss.gate.stored.still_broken is now mgloss.testing.still_broken",
        DeprecationWarning,
        stacklevel=2,
    )
    return testing.still_broken(path, loss, problem=problem)
