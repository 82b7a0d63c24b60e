"""`mgloss identify`: which normalization a loss behaves as."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mgloss.gate.commands.arguments import (
    FrameworkOption,
    LossArgument,
    MemoryOption,
    TimeoutOption,
    asked_loss,
    fail,
    need_writable,
)
from mgloss.gate.losses.request import DEFAULT_MEMORY, DEFAULT_TIMEOUT


def identify(
    loss: LossArgument = None,
    framework: FrameworkOption = None,
    timeout: TimeoutOption = DEFAULT_TIMEOUT,
    memory: MemoryOption = DEFAULT_MEMORY,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write what was found to FILE as JSON."),
    ] = None,
) -> None:
    """Tell which normalization a loss behaves as, term by term.

    It is measured on batches of equal objects in which one thing is predicted wrong: how the value
    goes with the batch size, with the objects at equal loss per object, and with the grid; and in
    a short search, which of the batch laws it obeys. Status 0 when every term is told, 1 when one
    fits no normalization or gives no finite number.

    Examples:

      mgloss identify my_loss.py:loss

      mgloss identify package.losses:make_loss --json behaviour.json
    """
    from rich.console import Console

    from mgloss.gate.losses.importing import LoadError
    from mgloss.gate.losses.request import loaded
    from mgloss.gate.studies import identify as behaviour_report

    if json is not None:
        need_writable(json, "--json")
    console = Console(highlight=False)
    with console.status("loading the loss"):
        try:
            found = loaded(asked_loss(loss, "batch", None, None, framework, False, timeout, memory))
        except LoadError as error:
            fail(str(error))
    identification = behaviour_report.gather(console, found.candidate)
    behaviour_report.show(console, loss, found.notes, identification)
    if json is not None:
        try:
            behaviour_report.write_json(json, loss, identification)
        except OSError as error:
            fail(f"--json {json}: cannot be written: {error.strerror or error}")
    raise typer.Exit(0 if identification.is_complete else 1)
