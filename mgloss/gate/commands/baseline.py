"""`mgloss baseline`: record what a loss obeys today."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mgloss.gate.commands.arguments import (
    CheckWorkersOption,
    ExamplesOption,
    FrameworkOption,
    LossArgument,
    MemoryOption,
    OptionsOption,
    ProblemOption,
    SeedOption,
    TimeoutOption,
    TracebackOption,
    asked_loss,
    fail,
    need_writable,
)
from mgloss.gate.commands.check import judge
from mgloss.gate.losses.request import DEFAULT_MEMORY, DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from mgloss.gate.reports.reporting import Request


def baseline(
    loss: LossArgument = None,
    claims: Annotated[
        str, typer.Option(help="The normalization whose laws the loss is to obey.")
    ] = "batch",
    law: Annotated[
        list[str] | None,
        typer.Option("--law", help="Record only this law, claimed or not; may be repeated."),
    ] = None,
    options: OptionsOption = None,
    problem: ProblemOption = None,
    framework: FrameworkOption = None,
    timeout: TimeoutOption = DEFAULT_TIMEOUT,
    memory: MemoryOption = DEFAULT_MEMORY,
    max_examples: ExamplesOption = 100,
    seed: SeedOption = 0,
    n: CheckWorkersOption = None,
    output: Annotated[
        Path, typer.Option(metavar="FILE", help="Where it is recorded; replaced if it exists.")
    ] = Path("mgloss-baseline.json"),
    traceback: TracebackOption = False,
) -> None:
    """Record which laws a loss obeys today, so that a check fails only on what gets worse.

    Commit the file. Status 0 when it is recorded, whatever the loss obeys.

    Examples:

      mgloss baseline my_loss.py:loss --claims batch

      mgloss check my_loss.py:loss --claims batch --baseline mgloss-baseline.json
    """
    from rich.console import Console

    from mgloss.gate.checks.baseline import Baseline, save, statuses
    from mgloss.gate.reports import reporting, terminal

    need_writable(output, "--output")
    console = Console(highlight=False)
    judged = judge(
        console,
        asked_loss(loss, claims, options, problem, framework, traceback, timeout, memory),
        laws=tuple(law or ()),
        max_examples=max_examples,
        seed=seed,
        n=n,
    )
    console.print(terminal.verdict_table(judged.found, judged.components))
    status = reporting.conclude(console, judged.found, [], judged.completed)
    if status not in (0, 1):
        raise typer.Exit(status)
    name = judged.request.name
    try:
        save(Baseline(name, claims, max_examples, seed, statuses(judged.found)), output)
    except OSError as error:
        fail(f"{output}: cannot be written: {error.strerror or error}")
    again = ["mgloss", "check", *_arguments(judged.request, judged.chosen, options)]
    console.print(f"recorded in {output}; to fail only on what gets worse:", markup=False)
    command = shlex.join([*again, "--baseline", str(output)])
    console.print(f"  {command}", markup=False, soft_wrap=True, style="cyan")


def update_command(
    request: Request, laws: Collection[str], options: str | None, output: Path
) -> str:
    """The command that records these laws anew in the same file."""
    arguments = _arguments(request, laws, options)
    return shlex.join(["mgloss", "baseline", *arguments, "--output", str(output)])


def _arguments(request: Request, laws: Collection[str], options: str | None) -> list[str]:
    """The arguments that ask for these laws again, in the same way."""
    from mgloss.gate.checks.plugin import DEFAULT_EXAMPLES, DEFAULT_SEED, selected

    examples, seed = request.max_examples, request.seed
    is_multigrid = request.loss is None or options is not None
    usual = selected(request.claims, (), is_multigrid=is_multigrid)
    return [
        *([request.loss] if request.loss else []),
        f"--claims={request.claims}",
        *(f"--law={law}" for law in laws if set(laws) != set(usual)),
        *([f"--options={options}"] if options else []),
        *request.what_it_is,
        *([f"--max-examples={examples}"] if examples != DEFAULT_EXAMPLES else []),
        *([f"--seed={seed}"] if seed != DEFAULT_SEED else []),
    ]
