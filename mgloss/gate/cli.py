"""The command line. Exit status: 0 all is well, 1 a law is broken, 2 the request is wrong."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from mgspec.counterexample import Counterexample

INTERRUPTED = 130

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
JsonOption = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the verdicts to FILE as JSON.")
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
    folder = path if what == "--report" else path.parent
    if what != "--report" and path.is_dir():
        fail(f"{what} {path}: is a directory, expected a file")
    existing = folder.absolute()
    while not existing.exists():
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
    max_examples: ExamplesOption = 100,
    seed: SeedOption = 0,
    n: WorkersOption = "0",
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
    """
    from rich.console import Console

    from mgloss.gate import verdicts
    from mgloss.gate.loading import LoadError
    from mgloss.gate.plugin import loaded, selected
    from mgloss.gate.running import Listener, run

    _checked(max_examples, seed, n)
    laws = tuple(law or ())
    try:
        chosen = selected(loss, claims, laws)
    except ValueError as error:
        fail(str(error))
    _need_writable(report, "--report")
    if json is not None:
        _need_writable(json, "--json")
    console = Console()
    with console.status("loading the loss"):
        try:
            found_loss = loaded(loss, claims, show_traceback=traceback)
        except LoadError as error:
            if traceback and error.__cause__ is not None:
                _print_traceback(error.__cause__)
            fail(str(error))
    name = loss or verdicts.REFERENCE
    console.print(
        f"[bold]{name}[/bold] against the laws of [bold]{claims}[/bold]"
        f"  ({max_examples} examples a law, seed {seed})",
        highlight=False,
    )
    for note in found_loss.notes:
        console.print(f"note: {note}", markup=False, highlight=False)
    console.print()
    options = [
        "--claims",
        claims,
        "--law-examples",
        str(max_examples),
        "--law-seed",
        str(seed),
        *(f"--law={name}" for name in chosen),
        *(["--loss", loss] if loss else ["--reference"]),
        *(["--loss-traceback"] if traceback else []),
    ]
    found, completed = _gather(console, len(chosen), options, n, Listener, run)
    order = list(chosen)
    found.sort(key=lambda v: order.index(v["law"]))
    _save_and_show(console, found, loss, report, found_loss.candidate.components)
    unclaimed = _unclaimed(loss, claims, chosen, bool(laws))
    found += unclaimed
    if json is not None:
        _write_json(json, name, claims, seed, max_examples, found)
    _conclude(console, found, claims, completed)


def _print_traceback(error: BaseException) -> None:
    import traceback

    traceback.print_exception(error)


def _gather(
    console: Any, laws: int, options: list[str], workers: str, listener: Any, run: Any
) -> tuple[list[dict[str, Any]], bool]:
    """The verdicts, and whether the run came to its end; shows progress meanwhile."""
    from mgloss.gate import terminal

    found: list[dict[str, Any]] = []
    with terminal.progress(console) as bar:
        task = bar.add_task("searching", total=laws, detail="")
        tried = 0

        def on_example() -> None:
            nonlocal tried
            tried += 1
            bar.update(task, detail=f"laws, {tried:,} examples")

        def on_law(claims: str, law: str, verdicts: list[dict[str, Any]]) -> None:
            found.extend(verdict | {"claims": claims} for verdict in verdicts)
            bar.update(task, advance=1, description=law)

        completed = run(options, workers, listener(finished=on_law, tried=on_example))
    return found, completed


def _unclaimed(
    loss: str | None, claims: str, chosen: tuple[str, ...], named: bool
) -> list[dict[str, Any]]:
    """Verdicts for the laws that were not run, saying why."""
    from mgloss.gate import verdicts
    from mgspec import LAWS, normalization
    from mgspec.search import SKIPPED

    if named:
        return []
    obeyed = normalization(claims).obeys
    return [
        verdicts.bare(
            name,
            SKIPPED,
            f"not claimed: {claims} does not obey it"
            if name not in obeyed
            else f"speaks of the reference's own values; ask for it with --law {name}",
        )
        for name in LAWS
        if name not in chosen
    ]


def _save_and_show(
    console: Any,
    found: list[dict[str, Any]],
    loss: str | None,
    report: Path,
    components: tuple[str, ...],
) -> None:
    """Print the table, then each broken law; save counterexamples and put their paths in."""
    from mgloss.gate import terminal
    from mgspec.counterexample import from_document, save
    from mgspec.search import BROKEN, ERROR

    console.print(terminal.verdict_table(found, components))
    broken = [v for v in found if v["status"] in (BROKEN, ERROR)]
    explained: set[str] = set()
    for law in dict.fromkeys(v["law"] for v in broken):
        mine = [v for v in broken if v["law"] == law]
        first: Counterexample | None = None
        saved = []
        for verdict in mine:
            if verdict["counterexample"] is None:
                continue
            counterexample = from_document(verdict["counterexample"])
            path = report / f"{law}-{verdict['component'] or 'loss'}.json"
            try:
                save(counterexample, path)
            except OSError as error:
                fail(f"--report {report}: cannot be written: {error.strerror or error}")
            verdict["counterexample"] = str(path)
            saved.append(str(path))
            first = first or counterexample
        if mine[0]["component"] is None and mine[0]["message"] in explained:
            terminal.show_same(console, law, saved)
            continue
        explained.add(mine[0]["message"])
        command = None
        if saved:
            words = ["mgloss", "replay", saved[0], *(["--loss", loss] if loss else [])]
            command = shlex.join(words)
        terminal.show_broken(console, law, mine, first, saved, command)


def _write_json(
    path: Path, loss: str, claims: str, seed: int, max_examples: int, found: list[dict[str, Any]]
) -> None:
    import json

    from mgloss.gate import verdicts
    from mgspec.counterexample import write_text

    keys = ("law", "component", "status", "examples", "seconds", "message", "counterexample")
    document = {
        "loss": loss,
        "claims": claims,
        "seed": seed,
        "max_examples": max_examples,
        "verdicts": [{key: verdict[key] for key in keys} for verdict in found],
        "versions": verdicts.versions(),
    }
    try:
        write_text(path, json.dumps(document, indent=1) + "\n")
    except OSError as error:
        fail(f"--json {path}: cannot be written: {error.strerror or error}")


def _conclude(console: Any, found: list[dict[str, Any]], claims: str, completed: bool) -> NoReturn:
    """The last line, and the exit status."""
    from mgspec.drawing import count
    from mgspec.search import BROKEN, ERROR, HOLDS, SKIPPED

    def laws(*statuses: str) -> list[str]:
        return list(dict.fromkeys(v["law"] for v in found if v["status"] in statuses))

    broken = laws(BROKEN, ERROR)
    held = [law for law in laws(HOLDS) if law not in broken]
    console.print()
    for message in dict.fromkeys(v["message"] for v in found if v["status"] == SKIPPED):
        names = [v["law"] for v in found if v["status"] == SKIPPED and v["message"] == message]
        console.print(f"skipped {', '.join(names)}: {message}", style="dim", highlight=False)
    if broken:
        console.print(
            f"[bold red]{count(len(broken), 'law')} broken[/bold red] ({', '.join(broken)}), "
            f"{len(held)} {'holds' if len(held) == 1 else 'hold'}",
            highlight=False,
        )
    else:
        verb = "holds" if len(held) == 1 else "hold"
        console.print(f"[bold green]{count(len(held), 'law')} {verb}[/bold green]", highlight=False)
    if not completed:
        console.print("interrupted: the laws not listed were not judged")
        raise typer.Exit(INTERRUPTED)
    if not broken and not held:
        fail(f"none of the laws of {claims} could be judged on this loss")
    raise typer.Exit(1 if broken else 0)


@app.command()
def matrix(
    max_examples: ExamplesOption = 100,
    seed: SeedOption = 0,
    n: WorkersOption = "auto",
) -> None:
    """The truth table: every law under every normalization of the reference, found by search.

    Status 1 where the search finds something else than the normalizations claim.

    Examples:

      mgloss matrix

      mgloss matrix --max-examples 1000
    """
    from rich.console import Console

    from mgloss.gate import terminal
    from mgloss.gate.running import Listener, run
    from mgspec import LAWS, NORMALIZATIONS
    from mgspec.search import BROKEN, HOLDS

    _checked(max_examples, seed, n)
    console = Console()
    options = [
        "--matrix",
        "--law-examples",
        str(max_examples),
        "--law-seed",
        str(seed),
    ]
    total = len(LAWS) * len(NORMALIZATIONS)
    found, completed = _gather(console, total, options, n, Listener, run)
    statuses = {(v["claims"], v["law"], v["component"]): v["status"] for v in found}
    marks = {frozenset({HOLDS}): "✓", frozenset({BROKEN}): "✗"}
    wrong = []

    def rows(components: tuple[str, ...], laws: list[str]) -> list[tuple[str, list[str]]]:
        table = []
        for law in laws:
            cells = []
            for name, rule in NORMALIZATIONS.items():
                seen = frozenset(statuses.get((name, law, c), "missing") for c in components)
                claimed = law in rule.laws_of(components[0])
                right = seen == frozenset({HOLDS if claimed else BROKEN})
                cells.append(marks.get(seen, "?") + ("" if right else " !"))
                if not right:
                    wrong.append(f"{law} under {name}")
            table.append((law, cells))
        return table

    objects = ("location", "classification")
    of_objects = rows(objects, list(LAWS))
    of_anchor = rows(("anchor",), [name for name, law in LAWS.items() if "anchor" in law.speaks_of])
    console.print(terminal.matrix_table("location and classification", of_objects))
    console.print()
    console.print(terminal.matrix_table("anchor, whose count is constant", of_anchor))
    console.print()
    console.print(
        f"✓ no counterexample in {max_examples} examples; ✗ a counterexample found; "
        "? some components obey, others not",
        highlight=False,
    )
    if not completed:
        console.print("interrupted")
        raise typer.Exit(INTERRUPTED)
    if wrong:
        console.print(f"[bold red]not as claimed (!):[/bold red] {', '.join(wrong)}")
        raise typer.Exit(1)
    console.print("every entry is as the normalizations claim")


@app.command()
def explain(
    name: Annotated[
        str | None, typer.Argument(metavar="LAW", help="A law or a normalization; all without.")
    ] = None,
) -> None:
    """What a law says, why it matters, who obeys it, and the smallest batch that breaks it.

    Examples:

      mgloss explain

      mgloss explain partition

      mgloss explain hybrid
    """
    from rich.console import Console

    from mgloss.gate import terminal
    from mgspec import LAWS, NORMALIZATIONS, search, specification
    from mgspec.counterexample import from_verdict
    from mgspec.normalizations import unknown

    console = Console(highlight=False)
    if name is None:
        terminal.law_list(console)
        return
    if name in NORMALIZATIONS:
        terminal.show_normalization(console, name)
        return
    if name not in LAWS:
        fail(str(unknown("law", name, LAWS)))
    witness = None
    breaking = [n for n, rule in NORMALIZATIONS.items() if name not in rule.obeys]
    if breaking:
        with console.status("searching the smallest batch"):
            verdict = search(LAWS[name], specification(breaking[0]), seed=0)[0]
        witness = from_verdict(verdict, "", breaking[0], 0, {})
    terminal.show_law(console, name, witness)


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

    from mgloss.gate import terminal
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
            candidate = loaded(loss, counterexample.claims, show_traceback=traceback).candidate
            reason = law.why_not(candidate)
            if reason:
                fail(f"{path}: {law.name} cannot be judged: {reason}")
            finding = judge(law, candidate, counterexample.case)
        except LoadError as error:
            fail(str(error))
        except (KeyError, ValueError, IndexError) as error:
            fail(f"{path}: is no case of the law {law.name}: {error}")
        if finding is None:
            console.print(f"[green]✓[/green] {path}: {law.name} holds on this batch")
            continue
        broken += 1
        shown = {"message": finding.message}
        console.print(f"[red]✗[/red] {path}", soft_wrap=True)
        terminal.show_broken(console, law.name, [shown], counterexample, [], None)
    raise typer.Exit(1 if broken else 0)


def main() -> None:
    """The entry point `mgloss`."""
    # Hypothesis keeps notes in the current folder by default; the user's is not ours to write in.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", folder)
        app(prog_name="mgloss")
