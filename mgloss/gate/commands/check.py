"""`mgloss check`: judge a loss."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mgloss.gate.commands.arguments import (
    CheckWorkersOption,
    ExamplesOption,
    FrameworkOption,
    GithubOption,
    HtmlOption,
    JsonOption,
    JunitOption,
    LossArgument,
    MarkdownOption,
    MemoryOption,
    OptionsOption,
    ProblemOption,
    SeedOption,
    TimeoutOption,
    TracebackOption,
    asked_loss,
    check_search_numbers,
    fail,
    need_writable,
)
from mgloss.gate.losses.request import DEFAULT_MEMORY, DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from rich.console import Console

    from mgloss.gate.losses.form import Style
    from mgloss.gate.losses.request import AskedLoss
    from mgloss.gate.reports.reporting import Request
    from mgspec import Candidate


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
    problem: ProblemOption = None,
    framework: FrameworkOption = None,
    timeout: TimeoutOption = DEFAULT_TIMEOUT,
    memory: MemoryOption = DEFAULT_MEMORY,
    max_examples: ExamplesOption = 100,
    seed: SeedOption = 0,
    n: CheckWorkersOption = None,
    json: JsonOption = None,
    junit: JunitOption = None,
    markdown: MarkdownOption = None,
    html: HtmlOption = None,
    github: GithubOption = None,
    report: Annotated[
        Path, typer.Option(metavar="DIR", help="Where counterexamples are saved.")
    ] = Path("mgloss-report"),
    baseline: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Fail only on what is worse than mgloss baseline has recorded in FILE.",
        ),
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Stored counterexamples to judge first. Default: those of --report.",
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="WHERE",
            help="Keep what is found in an example database, and ask it first: a directory, "
            "redis://HOST:PORT/NUMBER, or github:OWNER/REPOSITORY.",
        ),
    ] = None,
    traceback: TracebackOption = False,
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

    from mgloss.gate import reports
    from mgloss.gate.checks.baseline import compare, differences, load_for
    from mgloss.gate.commands.baseline import update_command
    from mgloss.gate.reports import reporting
    from mgloss.gate.reports.github import no_commands

    try:
        recorded = load_for(baseline, claims) if baseline is not None else None
        asked_for = reports.requested(json, junit, markdown, html, github)
    except ValueError as error:
        fail(str(error))
    need_writable(report, "--report")
    for what, path in asked_for.files().items():
        need_writable(path, what)
    if replay is not None and not replay.is_dir():
        fail(f"--replay {replay}: is not a directory")
    console = Console(highlight=False)
    laws = tuple(law or ())
    with no_commands(asked_for.github):
        judged = judge(
            console,
            asked_loss(loss, claims, options, problem, framework, traceback, timeout, memory),
            laws=laws,
            # What was recorded is guarded, claimed or not.
            further=tuple(recorded.laws) if recorded is not None and not laws else (),
            max_examples=max_examples,
            seed=seed,
            n=n,
            replay=replay or report,
            database=database,
            junit=junit is not None,
        )
        request, found = judged.request, judged.found
        compared = compare(recorded, found) if recorded is not None else None
        try:
            reporting.save(request, found, report, judged.style)
        except OSError as error:
            fail(f"{error.filename or report}: cannot be written: {error.strerror or error}")
        shown = compared.is_worse if compared is not None else None
        reporting.show_verdicts(console, request, found, judged.components, shown)
        reporting.show_notes(console, judged.said)
        others = [] if laws else reporting.not_run(request, judged.chosen)
        status = reporting.conclude(console, found, others, judged.completed)
        if baseline and recorded and compared and judged.completed:
            guarded = tuple(dict.fromkeys((*judged.chosen, *recorded.laws)))
            again = update_command(request, guarded, options, baseline)
            for note in differences(recorded, request.name, max_examples, seed):
                console.print(f"note: {note}", markup=False, soft_wrap=True)
            status = reporting.conclude_since(console, baseline, compared, again, status)
    notes = (*judged.notes, *judged.said)
    outcome = reports.Outcome(request, judged.components, notes, found, others, judged.completed)
    try:
        reports.write(
            asked_for,
            outcome,
            judged.junit,
            judged.candidate,
        )
    except OSError as error:
        fail(f"{error.filename}: cannot be written: {error.strerror or error}")
    raise typer.Exit(status)


# Examples of all laws together; fewer take less time than starting processes does.
WORTH_PROCESSES = 500


@dataclass(frozen=True)
class Judged:
    """What was found. components: those that the loss returns. style: how a file calls it.

    notes: on how it is judged. said: notes of the search. junit: what pytest wrote, if asked to.

    completed: not interrupted. candidate: the loss, loaded when it is asked for.
    """

    request: Request
    chosen: tuple[str, ...]
    components: tuple[str, ...]
    style: Style | None
    notes: tuple[str, ...]
    found: list[dict[str, Any]]
    said: tuple[str, ...]
    completed: bool
    junit: str | None
    candidate: Callable[[], Candidate]


def judge(
    console: Console,
    asked: AskedLoss,
    *,
    laws: tuple[str, ...],
    further: tuple[str, ...] = (),
    max_examples: int,
    seed: int,
    n: str | None,
    replay: Path | None = None,
    database: str | None = None,
    junit: bool = False,
) -> Judged:
    """Judge a loss as a command's arguments of these names say, and show what is asked meanwhile.

    further: laws to judge beside those that `laws` or the claim choose. replay: a folder of
    counterexamples to judge first. database: of examples. junit: have pytest write its XML.
    Ends with status 2 where the request is wrong or the loss cannot be loaded.
    """
    from mgloss.gate.checks.plugin import opened, selected
    from mgloss.gate.checks.stored import fitting, of_folder
    from mgloss.gate.losses import problems
    from mgloss.gate.losses.importing import LoadError
    from mgloss.gate.losses.loading import need_reference
    from mgloss.gate.losses.options import read
    from mgloss.gate.losses.request import loaded
    from mgloss.gate.losses.worker.process import end_all
    from mgloss.gate.reports import reporting
    from mgloss.gate.reports.junit import recorded
    from mgspec.loss.candidate import components_of

    claims = asked.claims
    check_search_numbers(max_examples, seed, n or "auto")
    try:
        asked_laws = selected(claims, laws, is_multigrid=asked.is_multigrid)
        chosen = tuple(dict.fromkeys((*asked_laws, *further)))
        examples = len(chosen) * max_examples
        n = n or ("auto" if examples >= WORTH_PROCESSES and len(chosen) > 1 else "0")
    except ValueError as error:
        fail(str(error))
    try:
        opened(database)
    except ValueError as error:
        fail(f"--database {error}")
    notes: tuple[str, ...] = ()
    style = None
    with console.status("loading the loss"):
        try:
            if asked.loss is None:  # without TensorFlow, which the processes import themselves
                need_reference()
                components = components_of(read(asked.options, claims))
            else:
                found_loss = loaded(asked)
                components, notes = found_loss.candidate.components, found_loss.notes
                style = found_loss.style
                if n != "0":  # each process has one of its own
                    end_all()
            description = problems.find_description(asked.problem)
        except ValueError as error:
            fail(str(error))
        except LoadError as error:
            if asked.show_traceback and error.__cause__ is not None:
                print(error.__cause__, file=sys.stderr)  # as the loss's own process told it
            fail(str(error))
    stored, passed_over = of_folder(replay, description) if replay is not None else ([], [])
    passed_over += fitting(stored, chosen, claims)[1]
    recognized = style.framework if style is not None else "tensorflow"
    request = reporting.Request(
        asked.loss, claims, seed, max_examples, asked.problem, asked.framework, recognized
    )
    reporting.show_request(console, request, (*notes, *passed_over))
    said: list[str] = []
    arguments = [
        *asked.of_pytest,
        f"--law-examples={max_examples}",
        f"--law-seed={seed}",
        *(f"--law={name}" for name in chosen),
        *([f"--law-replay={replay}"] if replay is not None else []),
        *([f"--law-database={database}"] if database else []),
    ]
    with recorded(junit) as recording:
        arguments += recording.arguments
        found, completed = reporting.gather(console, len(chosen), arguments, n, said.append)
    if completed:
        found += reporting.lost(found, chosen)
    found.sort(key=lambda v: chosen.index(v["law"]))
    return Judged(
        request,
        chosen,
        components,
        style,
        (*notes, *passed_over),
        found,
        tuple(said),
        completed,
        recording.text,
        lambda: loaded(asked).candidate,
    )
