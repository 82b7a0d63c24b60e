"""What `mgloss identify` shows and writes."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mgloss.gate.checks import verdicts
from mgloss.gate.reports import terminal
from mgspec import NORMALIZATIONS, Candidate, Verdict
from mgspec.laws import BATCH_LAWS
from mgspec.saved.files import write_text
from mgspec.scaling.behaviour import Behaviour, TermBehaviour, identify, search_batch_laws
from mgspec.scaling.measuring import EVALUATIONS
from mgspec.scaling.probes import BATCH_SIZE, GRID, OBJECTS
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS

FORMAT, VERSION = "mgloss-behaviour", 1
LAW_EXAMPLES, SEED = 25, 0

NO_POWER = "no power law"


@dataclass(frozen=True)
class Told:
    """How a loss scales, and which batch laws it was seen to break."""

    behaviour: Behaviour
    laws: tuple[Verdict, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every term is told, on finite numbers."""
        terms = self.behaviour.terms
        return bool(terms) and not self.behaviour.unanswered and all(t.formulas for t in terms)

    def with_status(self, *statuses: str) -> dict[str, tuple[str, ...]]:
        """The laws of such a verdict, with the components."""
        found: dict[str, tuple[str, ...]] = {}
        for verdict in self.laws:
            if verdict.status in statuses:
                found[verdict.law] = (*found.get(verdict.law, ()), verdict.component or "the loss")
        return found


def gather(console: Console, candidate: Candidate) -> Told:
    """Measure a loss and search its laws; shows progress meanwhile."""
    with terminal.progress(console) as bar:
        task = bar.add_task("measuring", total=EVALUATIONS, detail="batches")
        behaviour = identify(candidate, lambda: bar.advance(task))
        if not behaviour.terms:
            return Told(behaviour, ())
        tried = bar.add_task("laws", total=LAW_EXAMPLES * len(BATCH_LAWS), detail="examples")
        laws = search_batch_laws(
            candidate, max_examples=LAW_EXAMPLES, seed=SEED, progress=lambda: bar.advance(tried)
        )
    return Told(behaviour, tuple(laws))


def marked(words: str) -> Text:
    """Text with what stands between backticks in bold."""
    return Text.assemble(
        *(
            (part, "bold") if number % 2 else part
            for number, part in enumerate(re.split("`([^`]*)`", words))
        )
    )


def listed(names: Iterable[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    *some, last = names
    return f"{', '.join(some)} and {last}" if some else last


def show(console: Console, loss: str | None, notes: Sequence[str], told: Told) -> None:
    """In words, in exponents, and in laws."""
    for note in notes:
        console.print(f"note: {note}", markup=False)
    console.print(Text(loss or verdicts.REFERENCE, "bold"), soft_wrap=True)
    groups = told.behaviour.by_words
    for words, names in groups.items():
        verb = "behaves" if len(names) == 1 else "behave"
        _indented(console, Text(f"{listed(names)} {verb} as ") + marked(words))
    if len(groups) > 1:
        _indented(console, Text("its terms behave differently", "yellow"))
    for term in told.behaviour.informative_terms:
        if not term.formulas:
            _indented(console, Text(f"{term.name}: ") + marked(_nearest(term)))
    if told.behaviour.terms:
        console.print()
        console.print(_exponents(told.behaviour.informative_terms))
    _show_unanswered(console, told.behaviour)
    _show_laws(console, told)


def _indented(console: Console, text: Text) -> None:
    console.print(Padding(text, (0, 0, 0, 2), expand=False))


def _nearest(term: TermBehaviour) -> str:
    if term.nearest is None:
        return "no formula is near"
    return (
        f"the nearest is {term.nearest.words}, "
        f"from which its value varies by a factor of {term.spread:.4g}"
    )


def _exponents(terms: Sequence[TermBehaviour]) -> Table:
    table = Table(
        box=None, pad_edge=False, title_justify="left", title_style="", header_style="bold"
    )
    table.title = "the power by which its value goes with ... (0: not at all; 1: in proportion)"
    table.add_column("where only this is wrong")
    columns = {
        BATCH_SIZE: "batch size",
        OBJECTS: "objects, each alike",
        GRID: "cells of the grid",
    }
    for title in columns.values():
        table.add_column(title, justify="right")
    for term in terms:
        powers = [term.exponents[sweep] for sweep in columns]
        table.add_row(term.name, *(NO_POWER if p is None else f"{p:g}" for p in powers))
    return table


def _show_unanswered(console: Console, behaviour: Behaviour) -> None:
    if not behaviour.unanswered:
        return
    probe, why = next(iter(behaviour.unanswered.items()))
    more = len(behaviour.unanswered) - 1
    others = f", and {more} more like it" if more else ""
    console.print()
    console.print(
        Text("no finite number ", "bold red") + Text(f"for {probe}{others}: {why}"), soft_wrap=True
    )


def _show_laws(console: Console, told: Told) -> None:
    if not told.laws:
        return
    console.print()
    console.print(f"batch laws, in {LAW_EXAMPLES} examples each:")
    for words, statuses in (("breaks", BROKEN), ("has no verdict of", ERROR)):
        by_components: dict[tuple[str, ...], list[str]] = {}
        for law, components in told.with_status(statuses).items():
            by_components.setdefault(components, []).append(law)
        for components, laws in by_components.items():
            where = f" in {listed(components)}"
            _indented(console, Text(f"{words} ", "red") + Text(listed(laws) + where))
    wrong = {*told.with_status(BROKEN, ERROR)}
    held = [law for law in told.with_status(HOLDS) if law not in wrong]
    if held:
        _indented(console, Text("obeys ", "green") + Text(listed(held)))


def write_json(path: Path, loss: str | None, told: Told) -> None:
    """Write what was found as one object. Raises OSError where that cannot be done."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "loss": loss or verdicts.REFERENCE,
        "terms": [
            {
                "component": term.component,
                "wrong": term.mistake.name,
                "behaves_as": term.words if term.formulas else None,
                "formulas": [
                    dataclasses.asdict(f) | {"text": NORMALIZATIONS[f.normalization].text}
                    for f in term.formulas
                ],
                "exponents": dict(term.exponents),
                "nearest": term.nearest.words if term.nearest is not None else None,
                "off": term.spread if term.nearest is not None else None,
            }
            for term in told.behaviour.terms
        ],
        "unanswered": [
            {"batch": str(probe), "message": why}
            for probe, why in told.behaviour.unanswered.items()
        ],
        "laws": [
            {"law": v.law, "component": v.component, "status": v.status, "message": v.message}
            for v in told.laws
        ],
        "max_examples": LAW_EXAMPLES,
        "seed": SEED,
        "versions": verdicts.versions(),
    }
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")
