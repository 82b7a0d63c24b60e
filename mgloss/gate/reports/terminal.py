"""What the command line shows: tables, broken laws, progress."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markdown import Markdown
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from mgspec import LAWS, NORMALIZATIONS
from mgspec.page import Section, without_links
from mgspec.page.case_text import draw_case
from mgspec.saved.counterexample import Counterexample
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS, SKIPPED

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


def share(console: Console) -> Progress:
    """A bar of how much of a whole is done, for a console on a terminal; vanishes when done."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
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
    others: Sequence[str] = (),
) -> None:
    """A broken law: what it says, what came instead, the batch, where it is, how to see it again.

    counterexample: the one to draw, of the first verdict. command: that replays it. others: that
        show it in other ways.
    """
    text = LAWS[law]
    console.print()
    head = Table.grid(padding=(0, 2, 0, 0))
    head.add_row(Text("✗ ", "bold red") + Text(law, "bold"), Text(text.statement))
    console.print(head)
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
    for other in others:
        console.print(Text(f"    {other}"), soft_wrap=True)


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


# Inline code as any terminal shows it, on its own background.
PLAIN_CODE = Theme({"markdown.code": "cyan", "markdown.block_quote": "italic"})
READABLE = 100  # columns; longer lines of prose are hard to follow


def show_explanation(console: Console, section: Section, replay: str | None) -> None:
    """A part of the specification. replay: the command that runs its first witness again."""
    text = "\n".join(without_links(section.lines))
    width = min(console.width, READABLE)
    with console.use_theme(PLAIN_CODE):
        console.print(Text(section.heading, "bold"))
        console.print()
        console.print(Markdown(text, code_theme="ansi_dark"), width=width)
    if replay is not None:
        console.print()
        console.print(Text("replay  ") + Text(replay, "cyan"), soft_wrap=True)
