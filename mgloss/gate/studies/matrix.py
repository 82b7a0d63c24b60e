"""`mgloss matrix`: search for every entry of the truth table, and compare with what is claimed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mgloss.gate.checks.request import CheckRequest
from mgloss.gate.checks.results import Result
from mgloss.gate.checks.running import Listener, run_laws
from mgloss.gate.losses.request import LossRequest
from mgloss.gate.reports.terminal import INTERRUPTED, listen
from mgspec import LAWS, NORMALIZATIONS
from mgspec.laws import BATCH_LAWS
from mgspec.loss.candidate import PLAIN_OPTIONS
from mgspec.search.verdicts import BROKEN, HOLDS

MARKS = {frozenset({HOLDS}): "✓", frozenset({BROKEN}): "✗"}
MIXED = "?"  # some components obey, others not; or there is no verdict


@dataclass(frozen=True)
class Matrix:
    """The results of every law under every normalization. is_complete: it was not interrupted."""

    results: tuple[Result, ...]
    is_complete: bool


def make_requests(max_examples: int, seed: int) -> tuple[CheckRequest, ...]:
    """Return a request for each normalization. Raises ValueError for numbers out of range."""
    return tuple(
        CheckRequest(
            LossRequest(None, name, PLAIN_OPTIONS),
            named=tuple(BATCH_LAWS),
            max_examples=max_examples,
            seed=seed,
        )
        for name in NORMALIZATIONS
    )


def search(console: Console, requests: Sequence[CheckRequest], workers: str) -> Matrix:
    """Judge every law of every request; show progress meanwhile. workers: as of `run_laws`."""
    results: list[Result] = []
    with listen(console, sum(len(request.laws) for request in requests)) as progress:

        def on_law(of_law: list[Result]) -> None:
            results.extend(of_law)
            progress.on_law(of_law)

        run = run_laws(requests, workers, Listener(on_law, progress.on_example))
    return Matrix(tuple(results), run.is_complete)


def show(console: Console, matrix: Matrix, max_examples: int) -> int:
    """Print the truth table that was found; return the exit status."""
    statuses = {(r.claims, r.law, r.verdict.component): r.status for r in matrix.results}
    wrong: list[str] = []
    for title, components in (
        ("location and classification", ("location", "classification")),
        ("anchor, whose count is constant", ("anchor",)),
    ):
        rows = []
        for law in BATCH_LAWS:
            if components[0] not in LAWS[law].speaks_of:
                continue
            cells = []
            for name, rule in NORMALIZATIONS.items():
                seen = frozenset(statuses.get((name, law, c), "missing") for c in components)
                claimed = HOLDS if rule.obeys(law, components[0]) else BROKEN
                is_right = seen == frozenset({claimed})
                cells.append(MARKS.get(seen, MIXED) + ("" if is_right else " !"))
                if not is_right:
                    wrong.append(f"{law} under {name}")
            rows.append((law, cells))
        console.print(_table(title, rows))
        console.print()
    console.print(
        f"✓ no counterexample in {max_examples} examples; ✗ a counterexample found; "
        f"{MIXED} some components obey, others not",
        highlight=False,
    )
    if not matrix.is_complete:
        console.print("interrupted")
        return INTERRUPTED
    if wrong:
        console.print(f"[bold red]not as claimed (!):[/bold red] {', '.join(wrong)}")
        return 1
    console.print("every entry is as the normalizations claim")
    return 0


def _table(title: str, rows: Iterable[tuple[str, list[str]]]) -> Table:
    """Return a table of laws by normalizations; what is not as claimed stands out."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.title, table.title_justify = title, "left"
    table.add_column("law", no_wrap=True)
    for name in NORMALIZATIONS:
        table.add_column(name, justify="center")
    for law, cells in rows:
        styled = [Text(cell, {"✓": "green", "✗": "red"}.get(cell, "bold yellow")) for cell in cells]
        table.add_row(law, *styled)
    return table
