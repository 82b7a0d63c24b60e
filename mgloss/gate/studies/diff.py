"""Search for differences between two losses, OLD and NEW, and tell them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from rich.console import Console
from rich.text import Text

from mgloss.gate.losses.versions import find_versions
from mgloss.gate.reports.progress import count_progress
from mgloss.gate.reports.reproduction.python_text import file_part
from mgloss.gate.studies.causes import explain_differences
from mgloss.gate.studies.wording import embolden, join_names, print_indented
from mgspec.page.case_text import draw_case
from mgspec.saved.counterexample import Counterexample, to_document
from mgspec.saved.files import write_text
from mgspec.scaling.difference import Difference, Effort, Pair, find_differences

VERSION = 1
ONE_FORMAT, ALL_FORMAT = "mgloss-difference", "mgloss-differences"


class DifferenceDocument(TypedDict):
    """A `Difference` as data; its problem and batches as in a counterexample's file."""

    format: str
    version: int
    old: str
    new: str
    component: str | None
    message: str
    in_gradient: bool
    old_value: float | str | None
    new_value: float | str | None
    factor: float | None
    problem: dict[str, Any]
    batches: dict[str, Any]


class ComparisonDocument(TypedDict):
    """The file that `--json` writes."""

    format: str
    version: int
    old: str
    new: str
    components: list[str]
    only_old: list[str]
    only_new: list[str]
    gradients: bool
    examples: int
    comparisons: int
    tolerance: float
    max_examples: int
    seed: int
    differences: list[DifferenceDocument]
    explanations: list[str]
    versions: dict[str, str]


@dataclass(frozen=True)
class Request:
    """Two losses to compare, as named on the command line, and how to search."""

    old: str
    new: str
    max_examples: int
    seed: int


@dataclass(frozen=True)
class Result:
    """The differences of a pair, and the effort spent to find them.

    explanations: sentences on what the differences depend on, with backticks around names.
    """

    pair: Pair
    differences: tuple[Difference, ...]
    effort: Effort
    explanations: tuple[str, ...]

    @property
    def exit_status(self) -> int:
        """0 if the losses agree, 1 if they differ, 2 if they could not be compared in full."""
        if self.differences:
            return 1
        is_partial = self.pair.only_old or self.pair.only_new or not self.effort.comparisons
        return 2 if is_partial else 0


def show_request(
    console: Console, request: Request, pair: Pair, notes: Sequence[Sequence[str]]
) -> None:
    """Print what is compared, and what cannot be.

    notes: of OLD and of NEW.
    """
    losses = (("OLD", request.old), ("NEW", request.new))
    for (role, loss), notes_of_loss in zip(losses, notes, strict=True):
        console.print(Text(f"{role}  ") + Text(loss, "bold"), soft_wrap=True)
        for note in notes_of_loss:
            console.print(f"     note: {note}", markup=False)
    what = "values and gradients" if pair.gradients else "values"
    console.print(f"comparing {what} of {join_names(pair.new.components)}")
    if pair.old.has_gradients != pair.new.has_gradients:
        console.print("gradients are not compared: one of the losses has none", style="yellow")
    for role, components in (("OLD", pair.only_old), ("NEW", pair.only_new)):
        if components:
            text = f"only {role} returns {join_names(components)}: not compared"
            console.print(text, style="yellow")


def gather(console: Console, request: Request, pair: Pair) -> Result:
    """Search for differences, and measure what they depend on; show progress meanwhile."""
    with count_progress(console) as bar:
        searching = bar.add_task("searching", total=None, detail="batches")
        differences, effort = find_differences(
            pair,
            max_examples=request.max_examples,
            seed=request.seed,
            progress=lambda: bar.advance(searching),
        )
        explanations = explain_differences(pair, differences, request.seed, bar)
    return Result(pair, tuple(differences), effort, explanations)


def save(request: Request, result: Result, report: Path) -> list[Path]:
    """Write each difference to a file in a folder; raise OSError if one cannot be written."""
    paths = []
    for difference in result.differences:
        path = report / f"difference-{file_part(difference.component)}.json"
        document = _difference_document(request, difference)
        write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")
        paths.append(path)
    return paths


def write_json(path: Path, request: Request, result: Result) -> None:
    """Write a result as one JSON object; raise OSError if the file cannot be written."""
    pair, effort = result.pair, result.effort
    document: ComparisonDocument = {
        "format": ALL_FORMAT,
        "version": VERSION,
        "old": request.old,
        "new": request.new,
        "components": list(pair.new.components),
        "only_old": list(pair.only_old),
        "only_new": list(pair.only_new),
        "gradients": pair.gradients,
        "examples": effort.examples,
        "comparisons": effort.comparisons,
        "tolerance": effort.tolerance,
        "max_examples": request.max_examples,
        "seed": request.seed,
        "differences": [_difference_document(request, d) for d in result.differences],
        "explanations": list(result.explanations),
        "versions": find_versions(),
    }
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def _difference_document(request: Request, difference: Difference) -> DifferenceDocument:
    comparison = difference.comparison
    counterexample = to_document(
        Counterexample("", difference.component, "", "", difference.message, difference.case)
    )
    return {
        "format": ONE_FORMAT,
        "version": VERSION,
        "old": request.old,
        "new": request.new,
        "component": difference.component,
        "message": difference.message,
        "in_gradient": difference.in_gradient,
        "old_value": None if comparison is None else _json_number(comparison.expected),
        "new_value": None if comparison is None else _json_number(comparison.actual),
        "factor": difference.factor,
        "problem": counterexample["problem"],
        "batches": counterexample["batches"],
    }


def _json_number(value: float) -> float | str:
    """Return a number, or its name if it is not finite, which JSON cannot hold."""
    return value if math.isfinite(value) else str(value)


def show(console: Console, result: Result, paths: Sequence[Path]) -> None:
    """Print each difference with its batch, what they depend on, and how much was compared.

    paths: the file of each difference.
    """
    for difference, path in zip(result.differences, paths, strict=True):
        _show_difference(console, difference, path)
    if result.explanations:
        console.print()
        console.print("what it depends on, on batches of equal objects with one thing wrong:")
        for text in result.explanations:
            print_indented(console, embolden(text))
    console.print()
    effort = result.effort
    amount = f"{effort.examples:,} batches, {effort.comparisons:,} comparisons"
    if result.differences:
        names = join_names([d.component or "whether they answer" for d in result.differences])
        console.print(f"[bold red]they differ[/bold red] in {names} ({amount})")
        return
    if not effort.comparisons:
        console.print("nothing could be compared: neither loss answers on any batch")
        return
    console.print(
        f"[bold green]no difference found[/bold green] in {amount}; taken for rounding: "
        f"up to {effort.tolerance:.1g} of a number"
    )
    if effort.unanswered:
        console.print(f"{effort.unanswered:,} batches have no answer from either loss")
    if result.pair.only_old or result.pair.only_new:
        console.print("but they do not return the same components", style="yellow")


def _show_difference(console: Console, difference: Difference, path: Path) -> None:
    console.print()
    message = Text("✗ ", "bold red") + Text(difference.message)
    if difference.factor is not None:
        message += Text(f", {difference.factor:.6g} times as much")
    console.print(message)
    for line in draw_case(difference.case):
        console.print(Text(f"    {line}"), soft_wrap=True)
    console.print(Text(f"  saved   {path}"), soft_wrap=True)
