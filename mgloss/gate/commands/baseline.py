"""`mgloss baseline`: record what a loss obeys today."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mgloss.gate.commands.arguments import LossArguments, SearchArguments, fail, need_writable
from mgloss.gate.commands.check import judge
from mgloss.gate.commands.groups import grouped


@grouped
def baseline(
    loss: LossArguments,
    search: SearchArguments,
    output: Annotated[
        Path, typer.Option(metavar="FILE", help="Record in FILE; replace it if it exists.")
    ] = Path("mgloss-baseline.json"),
) -> None:
    """Record which laws a loss obeys today, so that a check fails only on what gets worse.

    Commit the file. Status 0 when it is recorded, whatever the loss obeys.

    Examples:

      mgloss baseline my_loss.py:loss --claims batch

      mgloss check my_loss.py:loss --claims batch --baseline mgloss-baseline.json
    """
    from rich.console import Console

    from mgloss.gate.checks.baseline import Baseline, save, statuses
    from mgloss.gate.checks.command_lines import check_command
    from mgloss.gate.reports import terminal

    need_writable(output, "--output")
    console = Console(highlight=False)
    request = search.request(loss.request())
    outcome = judge(console, request, search.n)
    console.print(terminal.verdict_table(outcome.verdicts, outcome.components))
    status = terminal.conclude(console, outcome, ())
    if status not in (0, 1):
        raise typer.Exit(status)
    recorded = Baseline(
        request.name,
        request.claims,
        request.max_examples,
        request.seed,
        statuses(outcome.verdicts),
        request.loss.roles,
    )
    try:
        save(recorded, output)
    except OSError as error:
        fail(f"{output}: cannot be written: {error.strerror or error}")
    console.print(f"recorded in {output}; to fail only on what gets worse:", markup=False)
    command = check_command(request, request.laws, output)
    console.print(f"  {command}", markup=False, soft_wrap=True, style="cyan")
