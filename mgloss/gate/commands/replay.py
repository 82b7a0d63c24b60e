"""`mgloss replay`: stored counterexamples once more."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from mgloss.gate.commands.arguments import (
    FrameworkOption,
    MemoryOption,
    ProblemOption,
    TimeoutOption,
    TracebackOption,
    asked_loss,
    fail,
)
from mgloss.gate.losses.request import DEFAULT_MEMORY, DEFAULT_TIMEOUT


def replay(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Counterexamples saved by check.")
    ],
    loss: Annotated[
        str | None,
        typer.Option("--loss", metavar="LOSS", help="The loss to run them on; as for check."),
    ] = None,
    problem: ProblemOption = None,
    framework: FrameworkOption = None,
    timeout: TimeoutOption = DEFAULT_TIMEOUT,
    memory: MemoryOption = DEFAULT_MEMORY,
    traceback: TracebackOption = False,
) -> None:
    """Run stored counterexamples again, one by one.

    A file is data and names no code to run: a counterexample that was found for a loss of yours
    needs --loss, one that was found for the built-in reference does not. Status 0 when every law
    now holds on its batch, 1 when one is still broken.

    Examples:

      mgloss replay mgloss-report/*.json --loss my_loss.py:loss
    """
    from rich.console import Console
    from rich.markup import escape

    from mgloss.gate.checks.stored import Stored, judged
    from mgloss.gate.losses import problems
    from mgloss.gate.losses.loading import LoadError
    from mgloss.gate.losses.options import ALL
    from mgloss.gate.losses.request import loaded
    from mgloss.gate.reports import terminal
    from mgspec.saved.counterexample import CounterexampleError, load

    console = Console(highlight=False)
    stored = []
    for path in files:
        try:
            stored.append(Stored(path, load(path, problems.find_description(problem))))
        except (CounterexampleError, LoadError) as error:
            fail(str(error))
    for path, counterexample in ((s.path, s.counterexample) for s in stored):
        if counterexample.loss and loss is None:
            fail(
                f"{path}: was found for the loss {counterexample.loss!r}; say which to run: "
                f"mgloss replay {shlex.quote(str(path))} --loss {shlex.quote(counterexample.loss)}"
            )
    broken = 0
    for each in stored:
        path, counterexample = each.path, each.counterexample
        try:
            asked = asked_loss(
                loss,
                counterexample.claims,
                ALL if problem is None else None,
                problem,
                framework,
                traceback,
                timeout,
                memory,
            )
            candidate = loaded(asked).candidate
            finding = judged(candidate, each)
        except (LoadError, ValueError) as error:
            fail(str(error))
        if finding is None:
            said = f"[green]✓[/green] {escape(str(path))}: {counterexample.law} holds on this batch"
            console.print(said, soft_wrap=True)
            continue
        broken += 1
        shown = {"message": finding.message}
        console.print(f"[red]✗[/red] {escape(str(path))}", soft_wrap=True)
        terminal.show_broken(console, counterexample.law, [shown], counterexample, [], None)
    raise typer.Exit(1 if broken else 0)
