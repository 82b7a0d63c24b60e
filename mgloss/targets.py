"""Moved to `mgloss.data.targets`; this path goes in 0.3."""

import warnings

from mgloss.data.targets import Assignment, Decoded, assign, decode, encode

__all__ = ["Assignment", "Decoded", "assign", "decode", "encode"]

warnings.warn("mgloss.targets is now mgloss.data.targets", DeprecationWarning, stacklevel=2)
