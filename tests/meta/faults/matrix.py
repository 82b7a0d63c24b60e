"""Laws × faults: python -m tests.meta.faults.matrix

Every law that a fault's claims and options admit is searched for a counterexample to it. Printed
are how many faults there are, how many are caught, by how many laws each, and for each law the
faults that it alone catches. `oracle` knows the answer and so catches nearly everything that
changes a value; it is left out where catchers are counted, and alone catches what no other does.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from mgspec import LAWS, Candidate, law_named, search
from mgspec.search.verdicts import BROKEN, ERROR
from tests.meta.faults.catalogue import FAULTS, ORACLE, judging
from tests.meta.faults.source import SOURCE_FAULTS, copy_of_the_reference

FAMILY_OF_SOURCE = "source of the reference"


def families() -> dict[str, tuple[str, str]]:
    """Every fault's family, and the law that must catch it."""
    planted = {name: (fault.family, fault.law) for name, fault in FAULTS.items()}
    return planted | {name: (FAMILY_OF_SOURCE, f.law) for name, f in SOURCE_FAULTS.items()}


@contextmanager
def candidates(name: str) -> Iterator[Any]:
    """Makes the candidate of a fault anew for each law, so that none meets another's state."""
    if name in FAULTS:
        yield FAULTS[name].candidate
    else:
        with copy_of_the_reference(SOURCE_FAULTS[name]) as candidate:
            yield lambda: candidate


def row(name: str, laws: tuple[str, ...], max_examples: int, seed: int) -> Iterator[dict[str, Any]]:
    """What each of these laws makes of a fault, one document a law."""
    with candidates(name) as build:
        candidate: Candidate = build()
        for law in judging(candidate):
            if law not in laws:
                continue
            start = time.perf_counter()
            found = search(LAWS[law], build(), max_examples=max_examples, seed=seed, shrink=False)
            broken = [str(v.component) for v in found if v.status == BROKEN]
            yield {
                "fault": name,
                "law": law,
                "caught": broken,
                "without verdict": [str(v.component) for v in found if v.status == ERROR],
                "seconds": time.perf_counter() - start,
            }


def catchers(documents: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The laws that caught each fault, `oracle` apart where another did."""
    found: dict[str, list[str]] = {}
    for document in documents:
        laws = found.setdefault(document["fault"], [])
        if document["caught"]:
            laws.append(document["law"])
    return {fault: [law for law in laws if law != ORACLE] or laws for fault, laws in found.items()}


def show(console: Console, documents: list[dict[str, Any]], laws: tuple[str, ...]) -> None:
    """The matrix in figures."""
    by_fault, about = catchers(documents), families()
    alone = {law: [f for f, c in by_fault.items() if c == [law]] for law in laws}

    table = Table(title="faults", title_justify="left", box=None)
    for column in ("family", "fault", "must be caught by", "caught by"):
        table.add_column(column, overflow="fold")
    for fault, caught in by_fault.items():
        family, law = about[fault]
        table.add_row(family, fault, law, " ".join(caught) or "NOBODY")
    console.print(table)

    table = Table(title="laws", title_justify="left", box=None)
    for column in ("law", "catches", "alone", "only it catches"):
        table.add_column(column, overflow="fold")
    for law in laws:
        caught = sum(1 for d in documents if d["law"] == law and d["caught"])
        table.add_row(law, str(caught), str(len(alone[law])), ", ".join(alone[law]))
    console.print(table)

    sizes = Counter(len(c) for c in by_fault.values())
    missed = [f for f, c in by_fault.items() if not c]
    unmet = [f for f in by_fault if about[f][1] in laws and not _caught(documents, f, about[f][1])]
    console.print(f"{len(by_fault)} faults, {len(by_fault) - len(missed)} caught", highlight=False)
    for number, count in sorted(sizes.items()):
        console.print(f"  by {number} law(s), oracle apart: {count}", highlight=False)
    if unmet:
        console.print(f"not caught by the law that must: {', '.join(unmet)}", style="red")
    shared = [
        f"{fault} ({' '.join(caught)})"
        for fault, caught in by_fault.items()
        if fault in FAULTS and FAULTS[fault].alone and set(caught) - {about[fault][1]}
    ]
    if shared:
        console.print(f"caught not by its law alone: {', '.join(shared)}", style="red")
    idle = [law for law in laws if not alone[law]]
    if idle and len(by_fault) == len(about):
        console.print(f"the only catcher of nothing: {', '.join(idle)}", highlight=False)


def _caught(documents: list[dict[str, Any]], fault: str, law: str) -> bool:
    return any(d["caught"] for d in documents if (d["fault"], d["law"]) == (fault, law))


def main(
    law: Annotated[list[str] | None, typer.Option(help="only this law; may be repeated")] = None,
    fault: Annotated[
        list[str] | None, typer.Option(help="only this fault; may be repeated")
    ] = None,
    seed: Annotated[int, typer.Option(help="of every search")] = 0,
    max_examples: Annotated[int, typer.Option(min=1, help="of every search")] = 100,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="write what every law found to this file")
    ] = None,
) -> None:
    """Search every fault with every law that its claims admit, and print the matrix in figures."""
    console = Console()
    try:
        laws = tuple(law_named(name).name for name in law or LAWS)
    except ValueError as error:
        console.print(str(error), style="red")
        raise typer.Exit(2) from None
    names = fault or list(families())
    unknown = [name for name in names if name not in families()]
    if unknown:
        console.print(f"unknown fault {unknown[0]!r}; one of: {', '.join(families())}", style="red")
        raise typer.Exit(2)
    documents: list[dict[str, Any]] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    shown = Progress(*columns, console=Console(file=sys.stderr), transient=True)
    with shown if shown.console.is_terminal else nullcontext():
        task = shown.add_task("", total=len(names))
        for name in names:
            shown.update(task, description=name)
            documents.extend(row(name, laws, max_examples, seed))
            shown.advance(task)
            if not shown.console.is_terminal:
                print(name, file=sys.stderr)
            if json_file is not None:  # each time, so that an interrupted run leaves its part
                json_file.write_text(json.dumps(documents, indent=1), encoding="utf-8")
    show(console, documents, laws)


if __name__ == "__main__":
    typer.run(main)
