"""Stored counterexamples: those of a folder, and what a loss makes of one today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mgloss.gate.losses import problems
from mgloss.gate.losses.loading import load as load_loss
from mgloss.gate.losses.options import ALL
from mgloss.gate.losses.request import LossRequest
from mgspec import LAWS, Candidate, Described, Description, Finding, Problem, judge
from mgspec.loss.candidate import with_normalization
from mgspec.saved.counterexample import Counterexample, CounterexampleError, load


@dataclass(frozen=True)
class Stored:
    """A counterexample and the file that holds it."""

    path: Path
    counterexample: Counterexample


def read_folder(
    folder: Path, description: Description | None = None
) -> tuple[list[Stored], list[str]]:
    """Return the counterexamples in a folder's JSON files, and a note on each file that is none.

    A folder that does not exist holds none. description: of the problem that they may be of.
    """
    counterexamples, notes = [], []
    for path in sorted(folder.glob("*.json")):
        try:
            counterexamples.append(Stored(path, load(path, description)))
        except CounterexampleError as error:
            notes.append(f"passed over {error}")
    return counterexamples, notes


def select(
    candidates: Sequence[Stored], laws: Sequence[str], claims: str
) -> tuple[list[Stored], list[str]]:
    """Return those about these laws of this claim, and notes on the others."""
    selected: list[Stored] = []
    others: dict[str, list[str]] = {}
    for stored in candidates:
        counterexample = stored.counterexample
        if counterexample.law not in laws:
            others.setdefault("their laws are not judged", []).append(str(stored.path))
        elif counterexample.claims != claims:
            reason = f"they are about a loss that claims {counterexample.claims}"
            others.setdefault(reason, []).append(str(stored.path))
        else:
            selected.append(stored)
    notes = [f"passed over {', '.join(paths)}: {reason}" for reason, paths in others.items()]
    return selected, notes


def judge_stored(candidate: Candidate, stored: Stored) -> Finding | None:
    """Return how the loss breaks the law on a stored case; None where the law holds.

    Raises ValueError, naming the file, where the case says nothing of this loss.
    """
    counterexample = stored.counterexample
    law, component = LAWS[counterexample.law], counterexample.component
    reason = law.why_not(candidate)
    if reason is not None:
        raise ValueError(f"{stored.path}: {law.name} cannot be judged: {reason}")
    if component is not None and component not in law.components_of(candidate):
        raise ValueError(f"{stored.path}: is about {component}, which this loss does not return")
    problem = counterexample.case.problem
    description = problem.description if isinstance(problem, Described) else None
    if _name(description) != _name(candidate.description):
        raise ValueError(f"{stored.path}: is about a problem of another layout")
    if candidate.options is not None and isinstance(problem, Problem):
        claims, options = counterexample.claims, problem.options
        if with_normalization(options, claims) != with_normalization(candidate.options, claims):
            raise ValueError(f"{stored.path}: is about a loss of other options")
    try:
        components = None if component is None else (component,)
        return judge(law, candidate, counterexample.case, components)
    except ValueError as error:
        raise ValueError(f"{stored.path}: is no case of the law {law.name}: {error}") from None


def _name(description: Description | None) -> str | None:
    # Not the description itself: one of a file may have been loaded twice.
    return description.name if description is not None else None


def explain_broken(path: Path, request: LossRequest) -> str | None:
    """Return the law and what came instead, for a regression test; None where the law holds now.

    path: of a counterexample, which says what the loss claims. request: the loss to judge; where
        nothing is said of its options, it follows those of the counterexample.

    Raises ValueError where the file or the loss is not what it should be, LoadError where the loss
    cannot be loaded.
    """
    counterexample = load(path, problems.find_description(request.problem))
    options = request.options
    if options is None and request.problem is None:
        options = ALL
    judged = replace(request, claims=counterexample.claims, options=options)
    finding = judge_stored(load_loss(judged).candidate, Stored(path, counterexample))
    if finding is None:
        return None
    law = LAWS[counterexample.law]
    return f"{law.name}: {law.statement}\n  {finding.message}"
