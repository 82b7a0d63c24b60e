"""What a worker process may use, and that it does not outlive the gate."""

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
    """Limit this process to so many GiB of data, and end it when the gate is gone.

    gate: the gate's process. Not address space: frameworks reserve many times what they use.
    """
    if resource is not None:
        size = int(memory * 2**30)
        for limit, most in ((resource.RLIMIT_DATA, size), (resource.RLIMIT_CORE, 0)):
            with contextlib.suppress(ValueError, OSError):
                _, hard = resource.getrlimit(limit)
                kept = most if hard == resource.RLIM_INFINITY else min(most, hard)
                resource.setrlimit(limit, (kept, kept))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != gate:  # it was gone before
            os._exit(1)
