"""Arguments that several commands take, and what is wrong with a request."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from mgloss.gate.losses.adapters.frameworks import names_for_help
from mgloss.gate.losses.problem_names import BUILT_IN_PROBLEMS
from mgloss.gate.losses.request import AskedLoss

LossArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="LOSS",
        help="package.module:name or path/to/file.py:name; without a name, 'loss'. "
        "A function f(y_true, y_pred) or a factory f(problem) that returns one. "
        "Without LOSS the built-in reference is judged.",
    ),
]
ExamplesOption = Annotated[
    int, typer.Option("--max-examples", help="Batches tried before a law is taken to hold.")
]
SeedOption = Annotated[
    int, typer.Option("--seed", help="The same seed finds the same counterexample.")
]
WorkersOption = Annotated[
    str,
    typer.Option("-n", metavar="N|auto", help="Processes to spread the laws over; 0: this one."),
]
CheckWorkersOption = Annotated[
    str | None,
    typer.Option(
        "-n",
        metavar="N|auto",
        help="Processes to spread the laws over; 0: this one. Default: auto, or 0 for "
        "a short search.",
    ),
]
JsonOption = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the verdicts to FILE as JSON.")
]
JunitOption = Annotated[
    Path | None,
    typer.Option("--junit", metavar="FILE", help="Write them as JUnit XML, a test case a law."),
]
MarkdownOption = Annotated[
    Path | None,
    typer.Option("--markdown", metavar="FILE", help="Write them as Markdown, for a review."),
]
HtmlOption = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Write them as one page, with grids and plots; needs mgloss\\[report].",
    ),
]
GithubOption = Annotated[
    bool | None,
    typer.Option(
        "--github/--no-github",
        help="Annotate the loss's file and add to the step's summary. Default: in GitHub Actions.",
    ),
]
OptionsOption = Annotated[
    str | None,
    typer.Option(
        "--options",
        metavar="all|FILE",
        help="The loss is the MultiGrid loss with the options of a JSON FILE, or, with 'all', a "
        "factory that follows problem.options; the laws of its layout are then judged too. "
        "Default: all for the reference, its three plain terms for another loss.",
    ),
]
ProblemOption = Annotated[
    str | None,
    typer.Option(
        "--problem",
        metavar="NAME|FILE:NAME",
        help="Images of the loss, if not of this project's layout: "
        f"{', '.join(BUILT_IN_PROBLEMS)}, or an mgspec.Description in a file.",
    ),
]
FrameworkOption = Annotated[
    str | None,
    typer.Option(
        "--framework",
        metavar="NAME",
        help=f"Framework of the loss: {names_for_help()}. Default: as recognized.",
    ),
]
TimeoutOption = Annotated[
    float,
    typer.Option("--timeout", metavar="SECONDS", help="That the loss may take for a batch."),
]
MemoryOption = Annotated[
    float,
    typer.Option("--memory", metavar="GIB", help="That the loss's own process may use."),
]
TracebackOption = Annotated[
    bool, typer.Option("--traceback", help="Show Python's traceback where the loss raises.")
]


def fail(message: str) -> NoReturn:
    """Say what is wrong with the request and end with status 2."""
    print(f"mgloss: {message}", file=sys.stderr)
    raise typer.Exit(2)


def asked_loss(
    loss: str | None,
    claims: str,
    options: str | None,
    problem: str | None,
    framework: str | None,
    traceback: bool,
    timeout: float,
    memory: float,
) -> AskedLoss:
    """What a command's arguments of these names ask for; status 2 where that cannot be."""
    # The laws run in a folder of their own, and so a path must not depend on this one.
    file = str(Path(options).resolve()) if options not in (None, "all") else options
    try:
        return AskedLoss(loss, claims, file, problem, framework, traceback, timeout, memory)
    except ValueError as error:
        fail(str(error))


def check_search_numbers(max_examples: int, seed: int, workers: str) -> None:
    """End with status 2 where a number of the search cannot be."""
    if max_examples < 1:
        fail(f"--max-examples {max_examples}: expected 1 or more")
    if seed < 0:
        fail(f"--seed {seed}: expected 0 or more")
    if workers != "auto" and not workers.isdecimal():
        fail(f"-n {workers}: expected a number of processes or 'auto'")


def need_writable(path: Path, what: str) -> None:
    """End with status 2, before any work is done, where `path` could not be written."""
    existing = path.absolute()
    if what == "--report":  # a folder, made when there is something to put into it
        while not existing.exists():
            existing = existing.parent
    elif existing.is_dir():
        fail(f"{what} {path}: is a directory, expected a file")
    elif not existing.parent.exists():
        fail(f"{what} {path}: there is no folder {path.parent}")
    else:
        existing = existing.parent
    if not existing.is_dir():
        fail(f"{what} {path}: {existing} is not a directory")
    if not os.access(existing, os.W_OK | os.X_OK):
        fail(f"{what} {path}: {existing} cannot be written")
