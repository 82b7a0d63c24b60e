"""`mgloss check`: judge a loss."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mgloss.gate.commands.arguments import (
    LossArguments,
    ReportArguments,
    SearchArguments,
    fail,
    need_writable,
)
from mgloss.gate.commands.groups import grouped

if TYPE_CHECKING:
    from rich.console import Console

    from mgloss.gate.checks.baseline import Baseline
    from mgloss.gate.checks.outcome import Outcome
    from mgloss.gate.checks.request import CheckRequest


@dataclass(frozen=True)
class KeepArguments:
    """What is kept of a check, and what of earlier ones is looked at."""

    report: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Save counterexamples in DIR, in a folder for each loss and what it claims.",
        ),
    ] = Path("mgloss-report")
    baseline: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Fail only on what is worse than mgloss baseline has recorded in FILE.",
        ),
    ] = None
    replay: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Judge the counterexamples stored in DIR first, of whatever loss they are. "
            "Default: those of this loss in --report.",
        ),
    ] = None
    database: Annotated[
        str | None,
        typer.Option(
            metavar="WHERE",
            help="Keep what is found in an example database, and ask it first: a directory, "
            "redis://HOST:PORT/NUMBER, or github:OWNER/REPOSITORY.",
        ),
    ] = None

    def recorded(self, claims: str) -> Baseline | None:
        """Return the baseline, if there is one; end with status 2 where a path is wrong."""
        from mgloss.gate.checks.baseline import load_for

        try:
            baseline = load_for(self.baseline, claims) if self.baseline is not None else None
        except ValueError as error:
            fail(str(error))
        need_writable(self.report, "--report")
        if self.replay is not None and not self.replay.is_dir():
            fail(f"--replay {self.replay}: is not a directory")
        return baseline


@grouped
def check(
    loss: LossArguments, search: SearchArguments, reports: ReportArguments, keep: KeepArguments
) -> None:
    """Judge a loss: which laws of loss normalization it obeys, and what breaks the others.

    Examples:

      mgloss check

      mgloss check my_loss.py:loss --claims batch -n auto

      mgloss check package.losses:make_loss --law partition --law sharding --max-examples 1000

      mgloss check my_loss.py:make_loss --options my_options.json

      mgloss check my_criterion.py:criterion --problem queries

      mgloss check my_loss.py:loss --baseline mgloss-baseline.json
    """
    from rich.console import Console

    from mgloss.gate.reports import terminal
    from mgloss.gate.reports.github import no_commands
    from mgloss.gate.reports.saving import save_counterexamples
    from mgloss.gate.reports.writing import write_reports

    baseline = keep.recorded(loss.claims)
    to_write = reports.request()
    request = search.request(
        loss.request(),
        # What was recorded is guarded, claimed or not.
        guarded=tuple(baseline.laws) if baseline is not None and not search.law else (),
        replay=keep.replay,
        report=keep.report,
        database=keep.database,
    )
    console = Console(highlight=False)
    with no_commands(to_write.annotate):
        outcome = judge(console, request, search.n)
        try:
            outcome = save_counterexamples(outcome, keep.report)
        except OSError as error:
            fail(f"{error.filename or keep.report}: cannot be written: {error.strerror or error}")
        if baseline is None or keep.baseline is None:
            terminal.show_verdicts(console, outcome)
            terminal.show_remarks(console, outcome.remarks)
            status = _conclude(console, outcome)
        else:
            status = _compare(console, outcome, baseline, keep.baseline)
    try:
        write_reports(to_write, outcome)
    except OSError as error:
        fail(f"{error.filename}: cannot be written: {error.strerror or error}")
    raise typer.Exit(status)


def judge(console: Console, request: CheckRequest, workers: str | None) -> Outcome:
    """Judge a loss and show progress; end with status 2 if it cannot be judged."""
    from mgloss.gate.checks.judging import judge_loss, prepare
    from mgloss.gate.losses.importing import LoadError
    from mgloss.gate.reports import terminal

    with console.status("loading the loss"):
        try:
            preparation = prepare(request, workers)
        except ValueError as error:
            fail(str(error))
        except LoadError as error:
            if request.loss.show_traceback and error.__cause__ is not None:
                print(error.__cause__, file=sys.stderr)  # as the loss's own process told it
            fail(str(error))
    terminal.show_request(console, preparation)
    with terminal.listen(console, len(request.laws)) as listener:
        return judge_loss(preparation, listener)


def _conclude(console: Console, outcome: Outcome) -> int:
    from mgloss.gate.reports import terminal

    return terminal.conclude(console, outcome, outcome.not_run)


def _compare(console: Console, outcome: Outcome, baseline: Baseline, path: Path) -> int:
    """Show what is worse or better than a baseline, read from `path`; return the exit status."""
    from mgloss.gate.checks.baseline import compare, differences
    from mgloss.gate.checks.command_lines import baseline_command
    from mgloss.gate.reports import since_baseline, terminal

    request = outcome.request
    comparison = compare(baseline, outcome.verdicts)
    terminal.show_verdicts(console, outcome, comparison.is_worse)
    terminal.show_remarks(console, outcome.remarks)
    status = _conclude(console, outcome)
    if not outcome.is_complete:
        return status
    guarded = tuple(dict.fromkeys((*request.laws, *baseline.laws)))
    searched = (request.name, request.max_examples, request.seed, request.loss.roles)
    for note in differences(baseline, *searched):
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    again = baseline_command(request, guarded, path)
    since_baseline.show_changes(console, path, comparison, again)
    return since_baseline.exit_status(comparison, status)
