"""Moved to `mgloss.reference.data_parallel`; this path goes in 0.3."""

import warnings

from mgloss.reference.data_parallel import counts_of, of_step, over_replicas

__all__ = ["counts_of", "of_step", "over_replicas"]

warnings.warn(
    "mgloss.data_parallel is now mgloss.reference.data_parallel", DeprecationWarning, stacklevel=2
)
