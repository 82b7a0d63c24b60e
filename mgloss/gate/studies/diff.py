"""What `mgloss diff` shows and writes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.progress import Progress
from rich.text import Text

from mgloss.gate.checks import verdicts
from mgloss.gate.reports import terminal
from mgloss.gate.reports.reproduction.python_text import file_part
from mgloss.gate.studies.identify import listed, marked
from mgspec.page.case_text import draw_case
from mgspec.saved.counterexample import Counterexample, to_document
from mgspec.saved.files import write_text
from mgspec.scaling.behaviour import identify_measured
from mgspec.scaling.difference import (
    Difference,
    Effort,
    Pair,
    SurveyedBatch,
    constant_offset,
    describe_differing_batches,
    find_differences,
    survey,
)
from mgspec.scaling.measuring import EVALUATIONS, Measurement, measure
from mgspec.scaling.relation import Relation, relate

VERSION = 1
ONE_FORMAT, ALL_FORMAT = "mgloss-difference", "mgloss-differences"

Document = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What was asked of `mgloss diff`."""

    old: str
    new: str
    max_examples: int
    seed: int


@dataclass(frozen=True)
class Found:
    """What two losses differ in. explanations: sentences on what it depends on, with backticks."""

    differences: tuple[Difference, ...]
    effort: Effort
    explanations: tuple[str, ...] = ()


def show_request(
    console: Console, request: Request, pair: Pair, notes: Sequence[Sequence[str]]
) -> None:
    """What is compared, and what is not."""
    for role, loss, of_loss in zip(("OLD", "NEW"), (request.old, request.new), notes, strict=True):
        console.print(Text(f"{role}  ") + Text(loss, "bold"), soft_wrap=True)
        for note in of_loss:
            console.print(f"     note: {note}", markup=False)
    what = "values and gradients" if pair.gradients else "values"
    console.print(f"comparing {what} of {listed(pair.new.components)}")
    if pair.old.has_gradients != pair.new.has_gradients:
        console.print("gradients are not compared: one of the losses has none", style="yellow")
    for role, only in (("OLD", pair.only_old), ("NEW", pair.only_new)):
        if only:
            console.print(f"only {role} returns {listed(only)}: not compared", style="yellow")


def gather(console: Console, request: Request, pair: Pair) -> Found:
    """Search for differences, and measure what they depend on; shows progress meanwhile."""
    with terminal.progress(console) as bar:
        task = bar.add_task("searching", total=None, detail="batches")
        found, effort = find_differences(
            pair,
            max_examples=request.max_examples,
            seed=request.seed,
            progress=lambda: bar.advance(task),
        )
        if not any(d.comparison is not None for d in found):
            return Found(tuple(found), effort)
        told, explained = _measured(pair, found, bar)
        unexplained = [
            d
            for d in found
            if d.component and all(r.is_same for (c, _), r in told.items() if c == d.component)
        ]
        if unexplained:
            surveying = bar.add_task("surveying", total=None, detail="batches")
            seen = survey(pair, seed=request.seed, progress=lambda: bar.advance(surveying))
            explained += [_from_survey(difference, seen) for difference in unexplained]
    return Found(tuple(found), effort, tuple(explained))


def _measured(pair: Pair, found: Sequence[Difference], bar: Progress) -> tuple[Told, list[str]]:
    """What the differences depend on, on the probes; those are of this project's layout."""
    if pair.new.description is not None:
        return {}, []
    measuring = bar.add_task("measuring", total=2 * EVALUATIONS, detail="batches")
    gradients = any(d.in_gradient for d in found)
    old, new = (
        measure(loss, lambda: bar.advance(measuring), gradients=gradients)
        for loss in (pair.old, pair.new)
    )
    told = _relations(found, old, new)
    return told, [*_by_words(told), *_behaviours(old, new)]


def _from_survey(difference: Difference, seen: list[SurveyedBatch]) -> str:
    """Where a component differs that does not on the probes."""
    component = difference.component
    assert component is not None
    differs = [s.values[component].differ for s in seen if component in s.values]
    more = constant_offset(seen, component)
    place = describe_differing_batches(seen, component)
    if more is not None and not difference.in_gradient:
        text = f"NEW is OLD plus {more:.6g}"
    elif place is not None:
        text = f"differs {place}"
    else:
        text = "what it depends on was not found out"
    return f"{component}: {text}; it differs in {sum(differs)} of {len(differs)} batches at random"


Told = Mapping[tuple[str, str], Relation]


def _relations(found: Sequence[Difference], old: Measurement, new: Measurement) -> Told:
    """By component and by what is wrong, how NEW goes with OLD where that can be seen."""
    told = {}
    for difference in found:
        kind = "slopes" if difference.in_gradient else "values"
        for (component, mistake), readings in getattr(old, kind).items():
            others = getattr(new, kind).get((component, mistake), {})
            visible = any(r.visible for r in (*readings.values(), *others.values()))
            if component == difference.component and visible:
                told[component, mistake.name] = relate(readings, others)
    return told


def _by_words(told: Told) -> list[str]:
    """One sentence for all that goes in one way, the total only where it goes its own."""
    groups: dict[str, list[str]] = {}
    for (component, wrong), one in told.items():
        own = {told[key].words for key in told if key[0] != "total" and key[1] == wrong}
        if one.is_same or (component == "total" and one.words in own):
            continue
        only = {c for c, _ in told} == {"total"}
        name = f"{wrong} in the total" if component == "total" and not only else wrong
        groups.setdefault(one.words, []).append(name)
    return [f"{listed(names)}: {words}" for words, names in groups.items()]


def _behaviours(old: Measurement, new: Measurement) -> list[str]:
    """What each behaves as, where that differs."""
    before = {(t.component, t.mistake): t for t in identify_measured(old).informative_terms}
    groups: dict[str, list[str]] = {}
    for term in identify_measured(new).informative_terms:
        was = before.get((term.component, term.mistake))
        if was is not None and was.words != term.words:
            groups.setdefault(f"OLD behaves as {was.words}, NEW as {term.words}", []).append(
                term.name
            )
    return [f"{listed(names)}: {words}" for words, names in groups.items()]


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def _document(request: Request, difference: Difference) -> Document:
    """A difference as data; its batch as a counterexample's file has it."""
    comparison = difference.comparison
    whole = to_document(
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
        "old_value": None if comparison is None else _number(comparison.expected),
        "new_value": None if comparison is None else _number(comparison.actual),
        "factor": difference.factor,
        "problem": whole["problem"],
        "batches": whole["batches"],
    }


def save(request: Request, found: Found, report: Path) -> list[Path]:
    """Write each difference to a file. Raises OSError where that cannot be done."""
    saved = []
    for difference in found.differences:
        path = report / f"difference-{file_part(difference.component)}.json"
        document = _document(request, difference)
        write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")
        saved.append(path)
    return saved


def write_json(path: Path, request: Request, pair: Pair, found: Found) -> None:
    """Write all as one object. Raises OSError where that cannot be done."""
    document = {
        "format": ALL_FORMAT,
        "version": VERSION,
        "old": request.old,
        "new": request.new,
        "components": list(pair.new.components),
        "only_old": list(pair.only_old),
        "only_new": list(pair.only_new),
        "gradients": pair.gradients,
        "examples": found.effort.examples,
        "comparisons": found.effort.comparisons,
        "tolerance": found.effort.tolerance,
        "max_examples": request.max_examples,
        "seed": request.seed,
        "differences": [_document(request, d) for d in found.differences],
        "explanations": list(found.explanations),
        "versions": verdicts.versions(),
    }
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def conclude(console: Console, pair: Pair, found: Found, saved: Sequence[Path]) -> int:
    """What differs, on which batch, and the exit status."""
    for difference, path in zip(found.differences, saved, strict=True):
        _show(console, difference, path)
    if found.explanations:
        console.print()
        console.print("what it depends on, on batches of equal objects with one thing wrong:")
        for text in found.explanations:
            console.print(Padding(marked(text), (0, 0, 0, 2), expand=False))
    console.print()
    effort = found.effort
    looked = f"{effort.examples:,} batches, {effort.comparisons:,} comparisons"
    if found.differences:
        names = listed([d.component or "whether they answer" for d in found.differences])
        console.print(f"[bold red]they differ[/bold red] in {names} ({looked})")
        return 1
    if not effort.comparisons:
        console.print("nothing could be compared: neither loss answers on any batch")
        return 2
    console.print(
        f"[bold green]no difference found[/bold green] in {looked}; taken for rounding: "
        f"up to {effort.tolerance:.1g} of a number"
    )
    if effort.unanswered:
        console.print(f"{effort.unanswered:,} batches have no answer from either loss")
    if pair.only_old or pair.only_new:
        console.print("but they do not return the same components", style="yellow")
        return 2
    return 0


def _show(console: Console, difference: Difference, path: Path) -> None:
    console.print()
    head = Text("✗ ", "bold red") + Text(difference.message)
    if difference.factor is not None:
        head += Text(f", {difference.factor:.6g} times as much")
    console.print(head)
    for line in draw_case(difference.case):
        console.print(Text(f"    {line}"), soft_wrap=True)
    console.print(Text(f"  saved   {path}"), soft_wrap=True)
