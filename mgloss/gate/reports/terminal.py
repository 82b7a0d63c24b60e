"""What `mgloss check` shows on the terminal: a table of verdicts, the broken laws, a conclusion."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mgloss.gate.checks.command_lines import replay_command
from mgloss.gate.checks.judging import Preparation
from mgloss.gate.checks.outcome import BrokenLaw, Outcome, list_broken, rows_of, tell_tried
from mgloss.gate.checks.results import Result, laws_by_status
from mgloss.gate.checks.running import Listener
from mgloss.gate.reports.marks import NOT_SPOKEN_OF
from mgloss.gate.reports.progress import count_progress
from mgspec import Law, Verdict
from mgspec.page.case_text import count, draw_case
from mgspec.saved.counterexample import Counterexample
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS, SKIPPED

INTERRUPTED = 130  # exit status, as of a shell command that Ctrl-C ended

MARKS = {
    HOLDS: Text("✓", "green"),
    BROKEN: Text("✗", "bold red"),
    ERROR: Text("error", "bold red"),
    SKIPPED: Text("skipped", "dim"),
}


def show_request(console: Console, preparation: Preparation) -> None:
    """Print the head of the report: what is judged, and notes on how."""
    request = preparation.request
    problem = request.loss.problem
    console.print(
        f"[bold]{escape(request.name)}[/bold] against the laws of [bold]{request.claims}[/bold]"
        f"{escape(f', its images {problem}') if problem else ''}"
        f"  ({request.max_examples} examples a law, seed {request.seed})"
    )
    for note in preparation.notes:
        console.print(f"note: {note}", markup=False)
    console.print()


@contextmanager
def listen(console: Console, laws: int) -> Iterator[Listener]:
    """Yield a listener that shows progress while this many laws are judged."""
    examples = 0
    with count_progress(console) as bar:
        task = bar.add_task("searching", total=laws, detail="laws")

        def on_example() -> None:
            nonlocal examples
            examples += 1
            bar.update(task, detail=f"laws, {examples:,} examples")

        def on_law(results: list[Result]) -> None:
            bar.update(task, advance=1, description=results[0].law)

        yield Listener(on_law, on_example)


def verdict_table(
    verdicts: Sequence[Verdict],
    components: Sequence[str],
    replayed: Mapping[str, int] | None = None,
) -> Table:
    """Return a table with a row for each law and a column for each component.

    replayed: how many stored counterexamples were judged first, by law.
    """
    # Narrow gaps: with four terms and their total a row just fits in 80 columns.
    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    table.add_column("law")
    for component in components:
        table.add_column(component, justify="center")
    table.add_column("examples", justify="right")
    table.add_column("time/s", justify="right")
    for law, by_component, examples in rows_of(verdicts, components):
        longest = next(v for v in verdicts if v.law == law and v.examples == examples)
        is_searched = longest.status != SKIPPED
        table.add_row(
            law,
            *(MARKS[v.status] if v else Text(NOT_SPOKEN_OF, "dim") for v in by_component),
            tell_tried(examples, (replayed or {}).get(law, 0)) if is_searched else "",
            f"{longest.seconds:.1f}" if is_searched else "",
        )
    return table


def show_verdicts(
    console: Console, outcome: Outcome, is_shown: Callable[[Verdict], bool] | None = None
) -> None:
    """Print the table, then each law that is broken.

    is_shown: of which failed verdicts to tell in full; None for all.
    """
    console.print(verdict_table(outcome.verdicts, outcome.components, outcome.replayed))
    shown = [r for r in outcome.results if is_shown is None or is_shown(r.verdict)]
    for broken in list_broken(shown):
        if broken.repeats_reason:
            _show_repeated(console, broken.law.name)
            continue
        show_broken(console, broken.law, broken.messages, broken.counterexample)
        _show_files(console, outcome, broken)


def show_broken(
    console: Console, law: Law, messages: Sequence[str], counterexample: Counterexample | None
) -> None:
    """Print a broken law: what it says, what came instead, and the batch."""
    console.print()
    head = Table.grid(padding=(0, 2, 0, 0))
    head.add_row(Text("✗ ", "bold red") + Text(law.name, "bold"), Text(law.statement))
    console.print(head)
    _indented(console, Text(law.sections["Formula"], "italic"))
    for message in messages:
        _indented(console, Text(message, "red"))
    if counterexample is not None:
        _indented(console, Text(f"the {counterexample.component or 'first'} counterexample:"))
        for line in draw_case(counterexample.case):
            console.print(Text(f"      {line}"), soft_wrap=True)


def _show_files(console: Console, outcome: Outcome, broken: BrokenLaw) -> None:
    """Print where a broken law's counterexamples are, and how to see the first again."""
    for path in broken.saved:
        console.print(Text(f"    saved   {path}"), soft_wrap=True)
    if broken.saved:
        command = replay_command(outcome.request, broken.saved[0])
        console.print(Text("    replay  ") + Text(command, "cyan"), soft_wrap=True)
    files = broken.results[0].files
    if files is not None:
        console.print(Text(f"    pytest  {shlex.quote(str(files.test))}"), soft_wrap=True)
        if files.snippet is not None:
            console.print(Text(f"    python  {shlex.quote(str(files.snippet))}"), soft_wrap=True)


def _show_repeated(console: Console, law: str) -> None:
    console.print(
        Text("✗ ", "bold red") + Text(law, "bold") + Text("  no verdict, for this reason")
    )


def _indented(console: Console, text: Text) -> None:
    console.print(Padding(text, (0, 0, 0, 4), expand=False))


def show_remarks(console: Console, remarks: Sequence[str]) -> None:
    """Print what the run has to say beside verdicts: each remark once, sorted."""
    if remarks:
        console.print()
    for remark in sorted(set(remarks)):
        console.print(remark, markup=False, soft_wrap=True)


def conclude(console: Console, outcome: Outcome, not_run: Sequence[Result]) -> int:
    """Print the last lines; return the exit status.

    not_run: the laws that were not run, to be told of.
    """
    results = outcome.results
    console.print()
    for line in outcome.domains:
        console.print(line, markup=False, soft_wrap=True)
    skipped = [r.verdict for r in (*results, *not_run) if r.status == SKIPPED]
    for message in dict.fromkeys(v.message for v in skipped):
        names = ", ".join(v.law for v in skipped if v.message == message)
        console.print(f"skipped {names}: {message}", style="dim")
    for reach, of_reach in outcome.reaches.items():
        console.print(f"held for {reach}: {', '.join(of_reach)}", style="dim")
    laws = laws_by_status(results)
    broken, failed, held = laws[BROKEN], laws[ERROR], laws[HOLDS]
    parts = []
    if broken:
        parts.append(
            f"[bold red]{count(len(broken), 'law')} broken[/bold red] ({', '.join(broken)})"
        )
    if failed:
        parts.append(f"[bold red]{len(failed)} came to no verdict[/bold red] ({', '.join(failed)})")
    if held or not parts:
        verb = "holds" if len(held) == 1 else "hold"
        parts.append(f"[bold green]{count(len(held), 'law')} {verb}[/bold green]")
    if laws[SKIPPED]:
        parts.append(f"{len(laws[SKIPPED])} not judged ({', '.join(laws[SKIPPED])})")
    console.print(", ".join(parts))
    if not outcome.is_complete:
        console.print("interrupted: the laws that are not listed were not judged")
        return INTERRUPTED
    if broken or failed:
        return 1
    if not held:
        console.print("nothing could be judged of this loss")
        return 2
    return 0
