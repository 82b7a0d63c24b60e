"""`mgloss diff`: find where two losses disagree."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from mgloss.gate.commands.arguments import RunArguments, SeedOption, fail, need_writable
from mgloss.gate.commands.groups import grouped
from mgloss.gate.losses.defaults import DEFAULT_SEED

_FORM = (
    "named as LOSS of check, or as LOSS@REV to take its files from a git revision: "
    "my_loss.py:loss@HEAD~1, package.module:name@main"
)


@dataclass(frozen=True)
class CompareArguments:
    """How hard to search for a difference."""

    max_examples: Annotated[
        int,
        typer.Option("--max-examples", help="Batches to compare before the losses count as equal."),
    ] = 200
    seed: SeedOption = DEFAULT_SEED


@grouped
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help=f"A loss, {_FORM}.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The loss to compare with it.")],
    search: CompareArguments,
    run: RunArguments,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the differences to FILE as JSON."),
    ] = None,
    report: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the batches on which they differ.")
    ] = Path("mgloss-report"),
) -> None:
    """Find the smallest batch on which two losses disagree, in value, component or gradient.

    Tell by what factor the losses differ there, and whether the factor depends on the batch size,
    the objects or the grid. Run it before you merge a refactoring that must not change a loss.

    Exit status: 0 no difference was found, 1 the losses differ, 2 the losses cannot be compared, or
    only one returns some component and they agree in the others.

    Examples:

      mgloss diff my_loss.py:loss@HEAD~1 my_loss.py:loss

      mgloss diff my_loss.py:loss@main my_loss.py:loss --max-examples 1000

      mgloss diff old.py:loss package.losses:make_loss --json difference.json
    """
    from rich.console import Console

    from mgloss.gate.losses.importing import LoadError
    from mgloss.gate.losses.request import LossRequest
    from mgloss.gate.losses.revisions import load_revised
    from mgloss.gate.studies import diff as difference_report
    from mgspec.scaling.difference import Pair

    max_examples, seed = search.max_examples, search.seed
    if max_examples < 1:
        fail(f"--max-examples {max_examples}: expected 1 or more")
    if seed < 0:
        fail(f"--seed {seed}: expected 0 or more")
    need_writable(report, "--report")
    if json is not None:
        need_writable(json, "--json")
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        with console.status("loading the losses"):
            loaded = []
            for number, argument in enumerate((old, new)):
                place = Path(folder) / str(number)
                place.mkdir()
                try:
                    described = LossRequest(
                        argument,
                        problem=run.problem,
                        framework=run.framework,
                        timeout=run.timeout,
                        memory=run.memory,
                    )
                    loaded.append(load_revised(described, place))
                except (LoadError, ValueError) as error:
                    fail(str(error).replace(f"{place.resolve()}{os.sep}", ""))
        pair = Pair.of(loaded[0].candidate, loaded[1].candidate)
        if not pair.new.components:
            fail(
                f"no component in common: {old} returns {', '.join(pair.only_old)}, "
                f"{new} returns {', '.join(pair.only_new)}"
            )
        request = difference_report.Request(old, new, max_examples, seed)
        difference_report.show_request(console, request, pair, [each.notes for each in loaded])
        result = difference_report.gather(console, request, pair)
    try:
        paths = difference_report.save(request, result, report)
        if json is not None:
            difference_report.write_json(json, request, result)
    except OSError as error:
        fail(f"{error.filename or report}: cannot be written: {error.strerror or error}")
    difference_report.show(console, result, paths)
    raise typer.Exit(result.exit_status)
