"""Settings that TensorFlow reads when it is imported, unless the user chose others."""

from __future__ import annotations

import os

ENVIRONMENT = {
    # Keep notes on devices and compilers out of the report.
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # Batches are tiny: passing operations between threads takes longer than the operations.
    "TF_NUM_INTEROP_THREADS": "1",
}


def prepare() -> None:
    """Set those environment variables that are not set; no effect once TensorFlow is imported."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
