"""Keep what foreign code prints and raises out of the gate's own output."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Iterator

LONGEST_MESSAGE = 400  # characters kept of an exception's message


@contextlib.contextmanager
def quiet(native: bool = False) -> Iterator[io.StringIO]:
    """Capture what foreign code prints, ignore its warnings, and yield the captured output.

    native: also discard what compiled code writes directly to standard error.
    """
    with contextlib.ExitStack() as stack:
        # A project's pytest configuration may turn warnings into errors.
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        output = io.StringIO()
        stack.enter_context(contextlib.redirect_stdout(output))
        stack.enter_context(contextlib.redirect_stderr(output))
        if native:
            stack.enter_context(_discard_native_errors())
        yield output


@contextlib.contextmanager
def _discard_native_errors() -> Iterator[None]:
    """Point the descriptor of standard error at the null device."""
    standard_error = os.dup(2)
    null_device = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null_device, 2)
        yield
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)
        os.close(null_device)


def plain_text(error: BaseException) -> str:
    """Return an exception's message as one line that is safe to print."""
    try:
        text = " ".join(str(error).split())
    except KeyboardInterrupt:
        raise
    except BaseException:
        return "(its message cannot be read)"
    return "".join(c if c.isprintable() else "?" for c in text[:LONGEST_MESSAGE])
