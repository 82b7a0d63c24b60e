"""Measure how a loss scales, search its batch laws, and tell both."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mgloss.gate.checks.request import REFERENCE
from mgloss.gate.losses.versions import find_versions
from mgloss.gate.reports.progress import count_progress
from mgloss.gate.studies.wording import embolden, join_names, print_indented
from mgspec import NORMALIZATIONS, Candidate, Verdict
from mgspec.laws import BATCH_LAWS
from mgspec.saved.files import write_text
from mgspec.scaling.behaviour import (
    Behaviour,
    Formula,
    TermBehaviour,
    identify,
    search_batch_laws,
)
from mgspec.scaling.measuring import EVALUATIONS
from mgspec.scaling.probes import BATCH_SIZE, GRID, OBJECTS
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS, Status

FORMAT, VERSION = "mgloss-behaviour", 1
LAW_EXAMPLES, SEED = 25, 0
RESPONSIVE = "responsive"  # the law that a component breaks if it is the same whatever is predicted

NO_EXPONENT = "no power law"
SWEEP_TITLES = {
    BATCH_SIZE: "batch size",
    OBJECTS: "objects, each alike",
    GRID: "cells of the grid",
}


class FormulaDocument(TypedDict):
    """A `Formula` as data, and the text of its normalization."""

    normalization: str
    images_power: int
    cells_power: int
    count: str
    offset: float
    text: str


class TermDocument(TypedDict):
    """A `TermBehaviour` as data; `wrong` names its mistake, `off` is its spread."""

    component: str
    wrong: str
    behaves_as: str | None
    formulas: list[FormulaDocument]
    exponents: dict[str, float | None]
    nearest: str | None
    off: float | None


class UnansweredDocument(TypedDict):
    """A batch for which the loss gave no finite number, and the reason."""

    batch: str
    message: str


class LawDocument(TypedDict):
    """The verdict on a batch law."""

    law: str
    component: str | None
    status: str
    message: str


class IdentificationDocument(TypedDict):
    """The file that `--json` writes."""

    format: str
    version: int
    loss: str
    terms: list[TermDocument]
    unanswered: list[UnansweredDocument]
    laws: list[LawDocument]
    max_examples: int
    seed: int
    versions: dict[str, str]


@dataclass(frozen=True)
class Identification:
    """How a loss scales, and the verdicts on the batch laws."""

    behaviour: Behaviour
    verdicts: tuple[Verdict, ...]

    @property
    def is_complete(self) -> bool:
        """Whether each term fits a normalization, all respond, and every number was finite."""
        terms = self.behaviour.terms
        return (
            bool(terms)
            and not self.behaviour.unanswered
            and not self.unresponsive
            and all(t.formulas for t in terms)
        )

    @property
    def unresponsive(self) -> tuple[str, ...]:
        """The components that respond to no prediction."""
        return self.components_by_law(BROKEN).get(RESPONSIVE, ())

    def components_by_law(self, *statuses: Status) -> dict[str, tuple[str, ...]]:
        """Return the laws with a verdict of these statuses, and the components of each."""
        components: dict[str, tuple[str, ...]] = {}
        for verdict in self.verdicts:
            if verdict.status in statuses:
                name = verdict.component or "the loss"
                components[verdict.law] = (*components.get(verdict.law, ()), name)
        return components


def gather(console: Console, candidate: Candidate) -> Identification:
    """Measure a loss and search its batch laws; show progress meanwhile."""
    with count_progress(console) as bar:
        measuring = bar.add_task("measuring", total=EVALUATIONS, detail="batches")
        behaviour = identify(candidate, lambda: bar.advance(measuring))
        if behaviour.unanswered and not behaviour.terms:
            return Identification(behaviour, ())
        searching = bar.add_task("laws", total=LAW_EXAMPLES * len(BATCH_LAWS), detail="examples")
        verdicts = search_batch_laws(
            candidate, max_examples=LAW_EXAMPLES, seed=SEED, progress=lambda: bar.advance(searching)
        )
    return Identification(behaviour, tuple(verdicts))


def show(
    console: Console, loss: str | None, notes: Sequence[str], identification: Identification
) -> None:
    """Print how a loss scales, in words and exponents, and its verdicts on the batch laws."""
    behaviour = identification.behaviour
    for note in notes:
        console.print(f"note: {note}", markup=False)
    console.print(Text(loss or REFERENCE, "bold"), soft_wrap=True)
    terms_by_words = behaviour.by_words
    for words, names in terms_by_words.items():
        verb = "behaves" if len(names) == 1 else "behave"
        print_indented(console, Text(f"{join_names(names)} {verb} as ") + embolden(words))
    if len(terms_by_words) > 1:
        print_indented(console, Text("its terms behave differently", "yellow"))
    for term in behaviour.informative_terms:
        if not term.formulas:
            print_indented(console, Text(f"{term.name}: ") + embolden(_describe_nearest(term)))
    for name in identification.unresponsive:
        print_indented(
            console,
            Text(f"{name} responds to nothing that is predicted: see ", "red")
            + Text(f"mgloss explain {RESPONSIVE}", "bold"),
        )
    if behaviour.terms:
        console.print()
        console.print(_tabulate_exponents(behaviour.informative_terms))
    _show_unanswered(console, behaviour)
    _show_laws(console, identification)


def _describe_nearest(term: TermBehaviour) -> str:
    if term.nearest is None:
        return "no formula is near"
    return (
        f"the nearest is {term.nearest.words}, "
        f"from which its value varies by a factor of {term.spread:.4g}"
    )


def _tabulate_exponents(terms: Sequence[TermBehaviour]) -> Table:
    table = Table(
        box=None, pad_edge=False, title_justify="left", title_style="", header_style="bold"
    )
    table.title = "the power by which its value goes with ... (0: not at all; 1: in proportion)"
    table.add_column("where only this is wrong")
    for title in SWEEP_TITLES.values():
        table.add_column(title, justify="right")
    for term in terms:
        exponents = [term.exponents[sweep] for sweep in SWEEP_TITLES]
        table.add_row(term.name, *(NO_EXPONENT if e is None else f"{e:g}" for e in exponents))
    return table


def _show_unanswered(console: Console, behaviour: Behaviour) -> None:
    """Print the first batch for which the loss gave no finite number, and how many more there are.

    Print nothing if there are none.
    """
    if not behaviour.unanswered:
        return
    probe, reason = next(iter(behaviour.unanswered.items()))
    more = len(behaviour.unanswered) - 1
    others = f", and {more} more like it" if more else ""
    console.print()
    console.print(
        Text("no finite number ", "bold red") + Text(f"for {probe}{others}: {reason}"),
        soft_wrap=True,
    )


def _show_laws(console: Console, identification: Identification) -> None:
    """Print the laws that are broken, undecided and obeyed; group those of the same components."""
    if not identification.verdicts:
        return
    console.print()
    console.print(f"batch laws, in {LAW_EXAMPLES} examples each:")
    broken = identification.components_by_law(BROKEN)
    undecided = identification.components_by_law(ERROR)
    for words, components_by_law in (("breaks", broken), ("has no verdict of", undecided)):
        for components, laws in _group_by_value(components_by_law).items():
            text = f"{join_names(laws)} in {join_names(components)}"
            print_indented(console, Text(f"{words} ", "red") + Text(text))
    obeyed = [
        law
        for law in identification.components_by_law(HOLDS)
        if law not in broken and law not in undecided
    ]
    if obeyed:
        print_indented(console, Text("obeys ", "green") + Text(join_names(obeyed)))


def _group_by_value(
    components_by_law: Mapping[str, tuple[str, ...]],
) -> dict[tuple[str, ...], list[str]]:
    laws_by_components: dict[tuple[str, ...], list[str]] = {}
    for law, components in components_by_law.items():
        laws_by_components.setdefault(components, []).append(law)
    return laws_by_components


def write_json(path: Path, loss: str | None, identification: Identification) -> None:
    """Write an identification as one JSON object; raise OSError if the file cannot be written."""
    document: IdentificationDocument = {
        "format": FORMAT,
        "version": VERSION,
        "loss": loss or REFERENCE,
        "terms": [_term_document(term) for term in identification.behaviour.terms],
        "unanswered": [
            {"batch": str(probe), "message": reason}
            for probe, reason in identification.behaviour.unanswered.items()
        ],
        "laws": [
            {"law": v.law, "component": v.component, "status": v.status, "message": v.message}
            for v in identification.verdicts
        ],
        "max_examples": LAW_EXAMPLES,
        "seed": SEED,
        "versions": find_versions(),
    }
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def _term_document(term: TermBehaviour) -> TermDocument:
    return {
        "component": term.component,
        "wrong": term.mistake.name,
        "behaves_as": term.words if term.formulas else None,
        "formulas": [_formula_document(formula) for formula in term.formulas],
        "exponents": dict(term.exponents),
        "nearest": term.nearest.words if term.nearest is not None else None,
        "off": term.spread if term.nearest is not None else None,
    }


def _formula_document(formula: Formula) -> FormulaDocument:
    return {
        "normalization": formula.normalization,
        "images_power": formula.images_power,
        "cells_power": formula.cells_power,
        "count": formula.count,
        "offset": formula.offset,
        "text": NORMALIZATIONS[formula.normalization].text,
    }
