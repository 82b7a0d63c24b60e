"""What has changed since a baseline, on the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from mgloss.gate.checks.baseline import WHOLE, Change, Comparison
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS, SKIPPED


def show_changes(console: Console, baseline: Path, comparison: Comparison, update: str) -> None:
    """Print what is worse, what is better, and what fails as before.

    update: the command that records the baseline anew.
    """
    console.print()
    console.print(Text(f"since {baseline}:"), soft_wrap=True)
    for word, style, changes in (
        ("worse", "bold red", comparison.worse),
        ("better", "bold green", comparison.better),
    ):
        for change in changes:
            line = Text(f"  {word:<8}", style) + Text(_change(change))
            console.print(line, soft_wrap=True)
    known = dict.fromkeys(change.law for change in comparison.known)
    if known:
        console.print(Text(f"  known   {', '.join(known)}: as before", "dim"), soft_wrap=True)
    if not comparison.worse:
        console.print("  nothing is worse")
    if comparison.better:
        console.print(Text("  record  ") + Text(update, "cyan"), soft_wrap=True)


def exit_status(comparison: Comparison, status: int) -> int:
    """Return the exit status since a baseline: 1 only for a change for the worse.

    status: without the baseline.
    """
    if comparison.worse:
        return 1
    return 0 if status == 1 else status


def _change(change: Change) -> str:
    component = "" if change.component == WHOLE else f" of {change.component}"
    before = {
        HOLDS: "held",
        BROKEN: "was broken",
        ERROR: "came to no verdict",
        SKIPPED: "was not judged",
        None: "is not in the baseline",
    }[change.before]
    now = {
        HOLDS: "holds",
        BROKEN: "is broken",
        ERROR: "comes to no verdict",
        SKIPPED: "is not judged",
        None: "is not judged: the loss does not return it",
    }[change.now]
    return f"{change.law}{component} {before}, and now {now}"
