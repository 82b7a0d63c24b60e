"""Moved to `mgloss.data.tensorflow_targets`; this path goes in 0.3."""

import warnings

from mgloss.data.tensorflow_targets import encode

__all__ = ["encode"]

warnings.warn(
    "mgloss.tensorflow_targets is now mgloss.data.tensorflow_targets",
    DeprecationWarning,
    stacklevel=2,
)
