"""Open a loss that a person names: the reference in this process, any other in its own."""

from __future__ import annotations

from functools import cache

from mgloss.gate.losses.loading import Loaded, load
from mgloss.gate.losses.request import LossRequest
from mgloss.gate.losses.worker.process import load_apart


@cache
def open_loss(request: LossRequest) -> Loaded:
    """Return the loss of a request, loaded once; a foreign one runs in a process of its own.

    Raises LoadError for a loss that cannot be judged, ValueError for options or a problem that do
    not fit it.
    """
    if request.loss is None:
        return load(request)
    return load_apart(request)
