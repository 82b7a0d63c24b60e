"""Send and receive byte strings over a pipe, each preceded by its length."""

from __future__ import annotations

import os
import selectors
import struct
import time

HEADER = struct.Struct(">Q")
LARGEST = 2**30  # bytes of a frame; a batch of the laws takes less than a megabyte
CHUNK = 2**20  # bytes read at a time


class FrameError(Exception):
    """The received bytes are not a frame."""


class ClosedError(Exception):
    """The other end of the pipe is closed."""


def write(descriptor: int, data: bytes, deadline: float | None = None) -> None:
    """Send a frame.

    descriptor: of a pipe; non-blocking if there is a deadline.
    deadline: in seconds of `time.monotonic`; None to wait without end.

    Raise ClosedError, or TimeoutError at the deadline.
    """
    view = memoryview(HEADER.pack(len(data)) + data)
    while view:
        _wait(descriptor, selectors.EVENT_WRITE, deadline)
        try:
            sent = os.write(descriptor, view)
        except BlockingIOError:
            continue
        except OSError as error:
            raise ClosedError from error
        view = view[sent:]


def read(descriptor: int, deadline: float | None = None) -> bytes:
    """Return the next frame; raise as `write` does, and FrameError if it is too large."""
    (length,) = HEADER.unpack(_read_exactly(descriptor, HEADER.size, deadline))
    if length > LARGEST:
        raise FrameError(f"a frame of {length} bytes")
    return _read_exactly(descriptor, length, deadline)


def _read_exactly(descriptor: int, length: int, deadline: float | None) -> bytes:
    parts = []
    while length:
        _wait(descriptor, selectors.EVENT_READ, deadline)
        try:
            part = os.read(descriptor, min(length, CHUNK))
        except BlockingIOError:
            continue
        except OSError as error:
            raise ClosedError from error
        if not part:
            raise ClosedError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _wait(descriptor: int, event: int, deadline: float | None) -> None:
    """Wait until the pipe is ready; without a deadline the blocking call itself waits."""
    if deadline is None:
        return
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, event)
        if not selector.select(max(0.0, deadline - time.monotonic())):
            raise TimeoutError
