"""The command line. Exit status: 0 all is well, 1 a law is broken, 2 the request is wrong."""

from __future__ import annotations

import io
import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Annotated, NoReturn

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

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
        help="Processes to spread the laws over; 0: this one. Default: auto for the reference, "
        "0 for another loss.",
    ),
]
JsonOption = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the verdicts to FILE as JSON.")
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
TracebackOption = Annotated[
    bool, typer.Option("--traceback", help="Show Python's traceback where the loss raises.")
]


def fail(message: str) -> NoReturn:
    """Say what is wrong with the request and end with status 2."""
    print(f"mgloss: {message}", file=sys.stderr)
    raise typer.Exit(2)


def _show_version(wanted: bool) -> None:
    if wanted:
        from mgloss import __version__

        print(f"mgloss {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Finds the smallest batch on which a detector's loss is normalized wrongly.

    Examples:

      mgloss check                               the built-in reference loss

      mgloss check my_loss.py:loss               a loss of yours, held to the laws of [b]batch[/b]

      mgloss check my_loss.py:loss --claims grid --json verdicts.json

      mgloss replay mgloss-report/partition-location.json --loss my_loss.py:loss

      mgloss explain partition                   what a law says, and why it matters

      mgloss explain choosing                    which normalization to choose

    Exit status: 0 every claimed law holds, 1 a law is broken, 2 the request is wrong.
    """


def _checked(max_examples: int, seed: int, workers: str) -> None:
    """End with status 2 where a number of the search cannot be."""
    if max_examples < 1:
        fail(f"--max-examples {max_examples}: expected 1 or more")
    if seed < 0:
        fail(f"--seed {seed}: expected 0 or more")
    if workers != "auto" and not workers.isdecimal():
        fail(f"-n {workers}: expected a number of processes or 'auto'")


def _need_writable(path: Path, what: str) -> None:
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


@app.command()
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
    _checked(max_examples, seed, n)
    laws = tuple(law or ())
    try:
        chosen = selected(loss, claims, laws, options)
    except ValueError as error:
        fail(str(error))
    # The laws run in a folder of their own, and so a path must not depend on this one.
    asked = str(Path(options).resolve()) if options not in (None, ALL) else options
    _need_writable(report, "--report")
    if json is not None:
        _need_writable(json, "--json")
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
        f"--loss={loss}" if loss else "--reference",
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


@app.command()
def matrix(
    max_examples: ExamplesOption = 100,
    seed: SeedOption = 0,
    n: WorkersOption = "auto",
) -> None:
    """The truth table: every batch law under every normalization of the reference, by search.

    The reference is taken with its three plain terms: squared error, cross-entropy, and nothing
    ignored. Status 1 where the search finds something else than the normalizations claim.

    Examples:

      mgloss matrix

      mgloss matrix --max-examples 1000
    """
    from rich.console import Console

    from mgloss.gate import reporting
    from mgspec import NORMALIZATIONS
    from mgspec.laws import BATCH_LAWS

    _checked(max_examples, seed, n)
    console = Console()
    options = ["--matrix", f"--law-examples={max_examples}", f"--law-seed={seed}"]
    total = len(BATCH_LAWS) * len(NORMALIZATIONS)
    found, completed = reporting.gather(console, total, options, n)
    raise typer.Exit(reporting.show_matrix(console, found, max_examples, completed))


@app.command()
def explain(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="A law, a normalization, or [b]choosing[/b], [b]theorem[/b], [b]notation[/b]; "
            "without it, all laws and normalizations are listed.",
        ),
    ] = None,
) -> None:
    """What a law says, why it matters, who obeys it, the smallest batch that breaks it, the proof.

    The same as in spec/README.md, which has the formulas of the loss too.

    Examples:

      mgloss explain               every law and normalization in a line

      mgloss explain partition     a law

      mgloss explain hybrid        a normalization

      mgloss explain choosing      what you need, what to choose, what you give up

      mgloss explain theorem       which laws can be had together

      mgloss explain notation      what the letters mean
    """
    from rich.console import Console

    from mgloss.gate import terminal
    from mgspec import LAWS
    from mgspec.page import explanation
    from mgspec.witnesses import breakers, path

    try:
        section = explanation(name)
    except ValueError as error:
        fail(str(error))
    replay = None
    if name in LAWS and breakers(name):
        replay = shlex.join(["mgloss", "replay", str(path(name, breakers(name)[0]))])
    terminal.show_explanation(Console(highlight=False), section, replay)


@app.command()
def replay(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Counterexamples saved by check.")
    ],
    loss: Annotated[
        str | None,
        typer.Option("--loss", metavar="LOSS", help="The loss to run them on; as for check."),
    ] = None,
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

    from mgloss.gate import terminal
    from mgloss.gate.asked_options import ALL
    from mgloss.gate.loading import LoadError
    from mgloss.gate.plugin import loaded
    from mgspec import LAWS, judge
    from mgspec.counterexample import CounterexampleError, load

    console = Console(highlight=False)
    stored = []
    for path in files:
        try:
            stored.append((path, load(path)))
        except CounterexampleError as error:
            fail(str(error))
    for path, counterexample in stored:
        if counterexample.loss and loss is None:
            fail(
                f"{path}: was found for the loss {counterexample.loss!r}; say which to run: "
                f"mgloss replay {shlex.quote(str(path))} --loss {shlex.quote(counterexample.loss)}"
            )
    broken = 0
    for path, counterexample in stored:
        law = LAWS[counterexample.law]
        try:
            candidate = loaded(
                loss, counterexample.claims, options=ALL, show_traceback=traceback
            ).candidate
            reason = law.why_not(candidate)
            if reason:
                fail(f"{path}: {law.name} cannot be judged: {reason}")
            component = counterexample.component
            if component is not None and component not in law.components_of(candidate):
                fail(f"{path}: is about {component}, which this loss does not return")
            chosen = (component,) if component is not None else None
            finding = judge(law, candidate, counterexample.case, chosen)
        except LoadError as error:
            fail(str(error))
        except ValueError as error:
            fail(f"{path}: is no case of the law {law.name}: {error}")
        if finding is None:
            said = f"[green]✓[/green] {escape(str(path))}: {law.name} holds on this batch"
            console.print(said, soft_wrap=True)
            continue
        broken += 1
        shown = {"message": finding.message}
        console.print(f"[red]✗[/red] {escape(str(path))}", soft_wrap=True)
        terminal.show_broken(console, law.name, [shown], counterexample, [], None)
    raise typer.Exit(1 if broken else 0)


def main() -> None:
    """The entry point `mgloss`."""
    # Hypothesis keeps notes in the current folder by default; the user's is not ours to write in.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", folder)
        # TensorFlow's notes on devices and compilers would run into the report.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        # Batches here are tiny: handing operations from thread to thread takes longer than they do.
        os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show a mark shows "?"
                stream.reconfigure(errors="replace")
        app(prog_name="mgloss")
