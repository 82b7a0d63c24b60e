"""`mgloss replay`: judge a loss on stored counterexamples again."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mgloss.gate.commands.arguments import (
    LossArguments,
    RoleArguments,
    RunArguments,
    TracebackOption,
    fail,
)
from mgloss.gate.commands.groups import grouped

if TYPE_CHECKING:
    from mgloss.gate.checks.stored import Stored


@grouped
def replay(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Counterexamples saved by check.")
    ],
    run: RunArguments,
    components: RoleArguments,
    loss: Annotated[
        str | None,
        typer.Option("--loss", metavar="LOSS", help="Judge this loss; as for check."),
    ] = None,
    traceback: TracebackOption = False,
) -> None:
    """Run stored counterexamples again, one by one.

    A file is data and names no code to run: a counterexample that was found for a loss of yours
    needs --loss, one that was found for the built-in reference does not. Status 0 when every law
    now holds on its batch, 1 when one is still broken.

    Examples:

      mgloss replay mgloss-report/my_loss.loss-batch/*.json --loss my_loss.py:loss
    """
    from rich.console import Console
    from rich.markup import escape

    from mgloss.gate.checks.stored import judge_stored
    from mgloss.gate.losses.importing import LoadError
    from mgloss.gate.losses.opening import open_loss
    from mgloss.gate.losses.options import ALL
    from mgloss.gate.reports import terminal
    from mgspec import LAWS

    console = Console(highlight=False)
    broken = 0
    for stored in _read(files, loss, run.problem):
        counterexample = stored.counterexample
        options = ALL if run.problem is None else None
        arguments = LossArguments(loss, counterexample.claims, options, run, traceback, components)
        try:
            candidate = open_loss(arguments.request()).candidate
            finding = judge_stored(candidate, stored)
        except (LoadError, ValueError) as error:
            fail(str(error))
        path, law = escape(str(stored.path)), LAWS[counterexample.law]
        if finding is None:
            console.print(
                f"[green]✓[/green] {path}: {law.name} holds on this batch", soft_wrap=True
            )
            continue
        broken += 1
        console.print(f"[red]✗[/red] {path}", soft_wrap=True)
        terminal.show_broken(console, law, [finding.message], counterexample)
    raise typer.Exit(1 if broken else 0)


def _read(files: list[Path], loss: str | None, problem: str | None) -> list[Stored]:
    """Read the counterexamples of all files.

    loss: what `--loss` names; needed if a file was found for a user's own loss.
    problem: the description that the files need; None for this project's layout.

    Print a message and end with status 2 if a file cannot be read or the loss is missing.
    """
    from mgloss.gate.checks.stored import Stored
    from mgloss.gate.losses import problems
    from mgloss.gate.losses.importing import LoadError
    from mgspec.saved.counterexample import CounterexampleError, load

    counterexamples = []
    for path in files:
        try:
            counterexamples.append(Stored(path, load(path, problems.find_description(problem))))
        except (CounterexampleError, LoadError) as error:
            fail(str(error))
    for stored in counterexamples:
        named = stored.counterexample.loss
        if named and loss is None:
            fail(
                f"{stored.path}: was found for the loss {named!r}; say which to run: "
                f"mgloss replay {shlex.quote(str(stored.path))} --loss {shlex.quote(named)}"
            )
    return counterexamples
