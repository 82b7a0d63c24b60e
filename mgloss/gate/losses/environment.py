"""What TensorFlow is told before it is imported, unless the user has told it otherwise."""

from __future__ import annotations

import os

ENVIRONMENT = {
    # Notes on devices and compilers would run into the report.
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # Batches here are tiny: handing operations from thread to thread takes longer than they do.
    "TF_NUM_INTEROP_THREADS": "1",
}


def prepare() -> None:
    """Set what is not set. It has no effect where TensorFlow has been imported before."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
