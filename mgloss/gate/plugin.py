"""Moved to `mgloss.gate.checks.plugin`; this path goes in 0.3."""

import warnings

warnings.warn(
    "mgloss.gate.plugin is now mgloss.gate.checks.plugin", DeprecationWarning, stacklevel=2
)

pytest_plugins = ["mgloss.gate.checks.plugin"]
