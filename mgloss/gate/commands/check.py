"""`mgloss check`: judge a loss."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from mgloss.gate.commands.arguments import (
    CheckWorkersOption,
    ExamplesOption,
    JsonOption,
    LossArgument,
    OptionsOption,
    SeedOption,
    TracebackOption,
    check_search_numbers,
    fail,
    need_writable,
)


def check(
    loss: LossArgument = None,
    claims: Annotated[
        str, typer.Option(help="The normalization whose laws the loss must obey.")
    ] = "batch",
    law: Annotated[
        list[str] | None,
        typer.Option("--law", help="Judge only this law, claimed or not; may be repeated."),
    ] = None,
    options: OptionsOption = None,
    max_examples: ExamplesOption = 100,
    seed: SeedOption = 0,
    n: CheckWorkersOption = None,
    json: JsonOption = None,
    report: Annotated[
        Path, typer.Option(metavar="DIR", help="Where counterexamples are saved.")
    ] = Path("mgloss-report"),
    traceback: TracebackOption = False,
) -> None:
    """Judge a loss: which laws of loss normalization it obeys, and what breaks the others.

    Examples:

      mgloss check

      mgloss check my_loss.py:loss --claims batch -n auto

      mgloss check package.losses:make_loss --law partition --law sharding --max-examples 1000

      mgloss check my_loss.py:make_loss --options my_options.json
    """
    import traceback as tracebacks

    from rich.console import Console

    from mgloss.gate import reporting
    from mgloss.gate.asked_options import ALL, read
    from mgloss.gate.loading import LoadError
    from mgloss.gate.plugin import loaded, selected
    from mgspec.candidate import components_of

    n = n or ("0" if loss else "auto")
    check_search_numbers(max_examples, seed, n)
    laws = tuple(law or ())
    try:
        chosen = selected(loss, claims, laws, options)
    except ValueError as error:
        fail(str(error))
    # The laws run in a folder of their own, and so a path must not depend on this one.
    asked = str(Path(options).resolve()) if options not in (None, ALL) else options
    need_writable(report, "--report")
    if json is not None:
        need_writable(json, "--json")
    console = Console(highlight=False)
    here = Path.cwd()  # a foreign loss may leave it
    notes: tuple[str, ...] = ()
    with console.status("loading the loss"):
        try:
            if loss is None:  # known without TensorFlow, which the processes import themselves
                components = components_of(read(asked, claims))
            else:
                found_loss = loaded(loss, claims, options=asked, show_traceback=traceback)
                components, notes = found_loss.candidate.components, found_loss.notes
            os.chdir(here)
        except ValueError as error:
            fail(str(error))
        except LoadError as error:
            if traceback and error.__cause__ is not None:
                tracebacks.print_exception(error.__cause__)
            fail(str(error))
    request = reporting.Request(loss, claims, seed, max_examples)
    reporting.show_request(console, request, notes)
    arguments = [
        f"--claims={claims}",
        f"--law-examples={max_examples}",
        f"--law-seed={seed}",
        *(f"--law={name}" for name in chosen),
        f"--loss={loss}" if loss else "--law-reference",
        *([f"--loss-options={asked}"] if asked else []),
        *(["--loss-traceback"] if traceback else []),
    ]
    found, completed = reporting.gather(console, len(chosen), arguments, n)
    os.chdir(here)
    if completed:
        found += reporting.lost(found, chosen)
    found.sort(key=lambda v: chosen.index(v["law"]))
    try:
        reporting.save(found, report)
        reporting.show_verdicts(console, request, found, components)
        others = [] if laws else reporting.not_run(request, chosen)
        if json is not None:
            reporting.write_json(json, request, found + others)
    except OSError as error:
        fail(f"{error.filename or report}: cannot be written: {error.strerror or error}")
    raise typer.Exit(reporting.conclude(console, found, others, completed))
