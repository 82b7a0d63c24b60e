"""What the command line shows: tables, broken laws, progress."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from mgspec import LAWS, NORMALIZATIONS, normalization
from mgspec.counterexample import Counterexample
from mgspec.drawing import draw_case
from mgspec.search import BROKEN, ERROR, HOLDS, SKIPPED

Document = dict[str, Any]

MARKS = {
    HOLDS: Text("✓", "green"),
    BROKEN: Text("✗", "bold red"),
    ERROR: Text("error", "bold red"),
    SKIPPED: Text("skipped", "dim"),
}
NOTHING = Text("·", "dim")


def _indented(console: Console, text: Text, by: int) -> None:
    console.print(Padding(text, (0, 0, 0, by), expand=False))


def progress(console: Console) -> Progress:
    """A bar of laws with the number of examples tried; vanishes when done."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def verdict_table(found: Sequence[Document], components: Sequence[str]) -> Table:
    """One row a law, one column a component."""
    # Narrow gaps: with four terms and their total a row just fits in 80 columns.
    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    table.add_column("law")
    for component in components:
        table.add_column(component, justify="center")
    table.add_column("examples", justify="right")
    table.add_column("time/s", justify="right")
    for law in dict.fromkeys(v["law"] for v in found):
        rows = {v["component"]: v for v in found if v["law"] == law}
        whole = rows.get(None)
        cells = [
            MARKS[whole["status"]] if whole else MARKS[rows[c]["status"]] if c in rows else NOTHING
            for c in components
        ]
        most = max(rows.values(), key=lambda v: int(v["examples"]))
        searched = most["status"] != SKIPPED
        table.add_row(
            law,
            *cells,
            str(most["examples"]) if searched else "",
            f"{most['seconds']:.1f}" if searched else "",
        )
    return table


def show_broken(
    console: Console,
    law: str,
    broken: Sequence[Document],
    counterexample: Counterexample | None,
    saved: Sequence[str],
    command: str | None,
) -> None:
    """A broken law: what it says, what came instead, the batch, where it is, how to see it again.

    counterexample: the one to draw, of the first verdict.
    """
    text = LAWS[law]
    console.print()
    console.print(Text("✗ ", "bold red") + Text(law, "bold") + Text(f"  {text.statement}"))
    _indented(console, Text(text.sections["Formula"], "italic"), 4)
    for verdict in broken:
        _indented(console, Text(verdict["message"], "red"), 4)
    if counterexample is not None:
        shown = counterexample.component or "first"
        _indented(console, Text(f"the {shown} counterexample:"), 4)
        for line in draw_case(counterexample.case):
            console.print(Text(f"      {line}"), soft_wrap=True)
    for path in saved:
        console.print(Text(f"    saved   {path}"), soft_wrap=True)
    if command:
        console.print(Text("    replay  ") + Text(command, "cyan"), soft_wrap=True)


def show_same(console: Console, law: str) -> None:
    """A law that came to no verdict for a reason already shown."""
    console.print(
        Text("✗ ", "bold red") + Text(law, "bold") + Text("  no verdict, for this reason")
    )


def matrix_table(title: str, rows: Iterable[tuple[str, list[str]]]) -> Table:
    """Laws × normalizations; each cell is "✓", "✗" or another mark, which stands out."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.title, table.title_justify = title, "left"
    table.add_column("law", no_wrap=True)
    for name in NORMALIZATIONS:
        table.add_column(name, justify="center")
    for law, cells in rows:
        styled = [Text(cell, {"✓": "green", "✗": "red"}.get(cell, "bold yellow")) for cell in cells]
        table.add_row(law, *styled)
    return table


def law_list(console: Console) -> None:
    """Every law and normalization in a line each."""
    laws = Table(box=None, pad_edge=False, header_style="bold")
    laws.add_column("law")
    laws.add_column("says")
    for name, law in LAWS.items():
        laws.add_row(name, escape(law.statement))
    console.print(laws)
    console.print()
    names = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("normalization", "value", "where from"):
        names.add_column(title)
    for name, rule in NORMALIZATIONS.items():
        names.add_row(name, escape(rule.text), escape(rule.source))
    console.print(names)
    console.print()
    console.print(
        "S: a component's raw sum over the batch; n: its count (positive cells; all active cells "
        "for anchor); B: images; E: expected positive cells an image; H, W: the grid."
    )
    console.print("More: mgloss explain NAME")


def show_normalization(console: Console, name: str) -> None:
    """A normalization's formula, its source, and the laws it obeys and breaks."""
    rule = normalization(name)
    console.print(Text(name, "bold") + Text(f"  {rule.text}"))
    console.print(f"where from: {escape(rule.source)}")
    obeyed = [law for law in LAWS if law in rule.obeys]
    console.print(f"location and classification obey: {', '.join(obeyed)}")
    broken = [law for law in LAWS if law not in rule.obeys]
    console.print(f"and break: {', '.join(broken) or 'none'}")
    if rule.obeys_by_constant_count:
        more = [law for law in LAWS if law in rule.obeys_by_constant_count]
        console.print(f"the anchor term, whose count is constant, also obeys: {', '.join(more)}")


def show_law(console: Console, name: str, witness: Counterexample | None) -> None:
    """A law's normative text, who obeys it, and the smallest batch that breaks it."""
    law = LAWS[name]
    console.print(Text(name, "bold") + Text(f"  {law.statement}"))
    for title, text in law.sections.items():
        console.print()
        console.print(Text(title, "bold"))
        _indented(console, Text(text), 2)
    console.print()
    console.print(Text("Who obeys it", "bold"))
    judged = ", ".join(law.speaks_of)
    _indented(console, Text(f"judged components: {judged}"), 2)
    obey = [n for n, rule in NORMALIZATIONS.items() if name in rule.obeys]
    breaks = [n for n, rule in NORMALIZATIONS.items() if name not in rule.obeys]
    _indented(console, Text(f"obey it: {', '.join(obey)}"), 2)
    _indented(console, Text(f"break it: {', '.join(breaks) or 'none'}"), 2)
    if witness is None:
        return
    console.print()
    console.print(Text(f"The smallest batch on which {witness.claims} breaks it", "bold"))
    _indented(console, Text(witness.message, "red"), 2)
    for line in draw_case(witness.case):
        console.print(Text(f"  {line}"), soft_wrap=True)
