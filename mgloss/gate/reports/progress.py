"""Bars of progress: shown on a terminal only, and gone when the work is done."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)


def count_progress(console: Console) -> Progress:
    """Return a bar that counts, such as laws, with a detail beside it."""
    return _bar(console, MofNCompleteColumn(), TextColumn("{task.fields[detail]}"))


def share_progress(console: Console) -> Progress:
    """Return a bar that shows how much of the whole is done."""
    return _bar(console, TaskProgressColumn())


def _bar(console: Console, *columns: ProgressColumn) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
