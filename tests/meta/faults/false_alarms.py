"""Searches right losses for faults: python -m tests.meta.faults.false_alarms --runs 100

A run is one right loss under one normalization, judged by all laws that it claims. The runs go
round the losses: the three styles of `tests/meta/faults/right`, the specification and the
reference, these two with all options; and round the normalizations. No law may accuse any.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mgspec import LAWS, NORMALIZATIONS, Candidate, Verdict, search, specification
from mgspec.loss.candidate import PLAIN_OPTIONS, components_of
from mgspec.search.verdicts import BROKEN, ERROR
from tests.meta.faults.catalogue import judging
from tests.meta.faults.right import NORMALIZATIONS as WRITTEN
from tests.meta.faults.right import einsums, keras_style, loops


def styled(module: Any, adapter: Any, claims: str) -> Candidate:
    """A loss of `tests/meta/faults/right`, run as the gate runs a foreign loss."""
    from mgloss.gate.losses.adapters.adapter import evaluate
    from mgloss.gate.losses.form import Form
    from mgloss.gate.losses.generators import SEED

    name = module.__name__.rpartition(".")[2]
    form = Form(module.make(claims), is_factory=True)
    return Candidate(
        f"{name}:{claims}",
        partial(evaluate, adapter, form, adapter.trial, SEED),
        components_of(PLAIN_OPTIONS),
        adapter.has_gradients,
        claims,
    )


def _loops(claims: str) -> Candidate:
    from mgloss.gate.losses.adapters.numpy_adapter import ADAPTER

    return styled(loops, ADAPTER, claims)


def _einsums(claims: str) -> Candidate:
    from mgloss.gate.losses.adapters.numpy_adapter import ADAPTER

    return styled(einsums, ADAPTER, claims)


def _keras_style(claims: str) -> Candidate:
    from mgloss.gate.losses.adapters.tensorflow_adapter import ADAPTER

    return styled(keras_style, ADAPTER, claims)


def _specification(claims: str) -> Candidate:
    return specification(claims, None)


def _reference(claims: str) -> Candidate:
    from mgloss.gate.losses.reference import reference

    return reference(claims)


Build = Callable[[str], Candidate]

STYLES: dict[str, Build] = {
    "loops": _loops,
    "einsums": _einsums,
    "keras style": _keras_style,
}
LOSSES: dict[str, tuple[Build, tuple[str, ...]]] = {
    **{name: (build, WRITTEN) for name, build in STYLES.items()},
    "specification, all options": (_specification, tuple(NORMALIZATIONS)),
    "reference, all options": (_reference, tuple(NORMALIZATIONS)),
}


@dataclass
class Tally:
    """What was done to one loss."""

    runs: int = 0
    searches: int = 0
    examples: int = 0
    accusations: int = 0
    seconds: float = 0.0


def judged(candidate: Candidate, max_examples: int, seed: int) -> Iterator[list[Verdict]]:
    """The verdicts of each law that the candidate claims."""
    for law in judging(candidate):
        yield search(LAWS[law], candidate, max_examples=max_examples, seed=seed)


def accusations(verdicts: list[Verdict]) -> list[Verdict]:
    """Those that say that something is wrong, or that it came to no verdict."""
    return [v for v in verdicts if v.status in (BROKEN, ERROR)]


def plan(runs: int) -> Iterator[tuple[str, str]]:
    """(loss, normalization) of each run: all losses in turn, each going round its own."""
    for number, (_, name) in zip(range(runs), product(range(runs), LOSSES), strict=False):
        claims = LOSSES[name][1]
        yield name, claims[number // len(LOSSES) % len(claims)]


def main(
    runs: Annotated[int, typer.Option(min=1, help="how many")] = 100,
    seed: Annotated[int, typer.Option(help="of the first run; the next has the next")] = 0,
    max_examples: Annotated[int, typer.Option(min=1, help="of every search")] = 100,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="write the figures to this file")
    ] = None,
) -> None:
    """Judge right losses by every law they claim, and count who is accused."""
    console = Console()
    tallies = {name: Tally() for name in LOSSES}
    messages: list[str] = []
    for number, (name, claims) in enumerate(plan(runs)):
        tally, start = tallies[name], time.perf_counter()
        tally.runs += 1
        for verdicts in judged(LOSSES[name][0](claims), max_examples, seed + number):
            tally.searches += 1
            tally.examples += max(v.examples for v in verdicts)
            for accused in accusations(verdicts):
                tally.accusations += 1
                where = f"{name}, {claims}, {accused.law}, seed {seed + number}"
                messages.append(f"{where}: {accused.message}")
        tally.seconds += time.perf_counter() - start
        print(f"{number + 1}/{runs} {name}, {claims}: {len(messages)} accused", file=sys.stderr)
        if json_file is not None:  # after each run, so that an interrupted one leaves its part
            figures = {name: vars(tally) for name, tally in tallies.items()}
            document = {"losses": figures, "accusations": messages}
            json_file.write_text(json.dumps(document, indent=1), encoding="utf-8")
    table = Table(box=None)
    for column in ("loss", "runs", "searches", "examples", "accusations", "seconds"):
        table.add_column(column, justify="left" if column == "loss" else "right")
    for name, tally in tallies.items():
        table.add_row(name, *(f"{value:,.0f}" for value in vars(tally).values()))
    every = [vars(tally) for tally in tallies.values()]
    table.add_row("all", *(f"{sum(t[key] for t in every):,.0f}" for key in every[0]))
    console.print(table)
    for message in messages:
        console.print(message, style="red", markup=False)
    raise typer.Exit(1 if messages else 0)


if __name__ == "__main__":
    typer.run(main)
