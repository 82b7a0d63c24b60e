"""Limit what a worker process may use, and end it when the gate ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

PR_SET_PDEATHSIG = 1  # Linux, prctl(2)


def apply(memory: float, gate: int) -> None:
    """Limit this process to `memory` GiB of data, and end it when the gate ends.

    Limit data, not address space: frameworks reserve many times the address space that they use.

    gate: number of the gate's process.
    """
    if resource is not None:
        size = int(memory * 2**30)
        for limit, wanted in ((resource.RLIMIT_DATA, size), (resource.RLIMIT_CORE, 0)):
            with contextlib.suppress(ValueError, OSError):
                _, hard = resource.getrlimit(limit)
                allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
                resource.setrlimit(limit, (allowed, allowed))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != gate:  # the gate had ended before
            os._exit(1)
