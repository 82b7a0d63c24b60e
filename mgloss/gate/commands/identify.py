"""`mgloss identify`: find the normalization that a loss behaves as."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mgloss.gate.commands.arguments import (
    FrameworkOption,
    LossArgument,
    MemoryOption,
    TimeoutOption,
    fail,
    need_writable,
)
from mgloss.gate.losses.defaults import DEFAULT_MEMORY, DEFAULT_TIMEOUT


def identify(
    loss: LossArgument = None,
    framework: FrameworkOption = None,
    timeout: TimeoutOption = DEFAULT_TIMEOUT,
    memory: MemoryOption = DEFAULT_MEMORY,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the measurement to FILE as JSON."),
    ] = None,
) -> None:
    """Find which normalization each term of a loss behaves as.

    Measure how each term grows with the batch size, with the number of objects, and with the grid.
    The measured batches hold equal objects, and one mistake in their predictions. Then search
    briefly for the batch laws that the loss breaks.

    Exit status: 0 every term fits a normalization, 1 a term fits none, is not a finite number, or
    responds to nothing that is predicted.

    Examples:

      mgloss identify my_loss.py:loss

      mgloss identify package.losses:make_loss --json behaviour.json
    """
    from rich.console import Console

    from mgloss.gate.losses.importing import LoadError
    from mgloss.gate.losses.opening import open_loss
    from mgloss.gate.losses.request import LossRequest
    from mgloss.gate.studies import identify as behaviour_report

    if json is not None:
        need_writable(json, "--json")
    console = Console(highlight=False)
    with console.status("loading the loss"):
        try:
            request = LossRequest(loss, framework=framework, timeout=timeout, memory=memory)
            loaded = open_loss(request)
        except (LoadError, ValueError) as error:
            fail(str(error))
    identification = behaviour_report.gather(console, loaded.candidate)
    behaviour_report.show(console, loss, loaded.notes, identification)
    if json is not None:
        try:
            behaviour_report.write_json(json, loss, identification)
        except OSError as error:
            fail(f"--json {json}: cannot be written: {error.strerror or error}")
    raise typer.Exit(0 if identification.is_complete else 1)
