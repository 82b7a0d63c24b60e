"""Moved to `mgloss.testing`; this path goes in 0.3. Regression tests written before import it."""

from __future__ import annotations

import warnings
from pathlib import Path

from mgloss.gate.checks.stored import explain_broken
from mgloss.gate.losses.request import LossRequest


def still_broken(path: Path, loss: str | None, problem: str | None = None) -> str | None:
    """Return what `mgloss.testing.still_broken` returns, with a warning."""
    warnings.warn(
        "mgloss.gate.stored.still_broken is now mgloss.testing.still_broken",
        DeprecationWarning,
        stacklevel=2,
    )
    return explain_broken(path, LossRequest(loss, problem=problem))
