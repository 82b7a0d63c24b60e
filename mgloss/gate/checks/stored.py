"""Stored counterexamples: those of a folder, and what a loss makes of one today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mgloss.gate.losses import problems
from mgloss.gate.losses.loading import load as load_loss
from mgloss.gate.losses.options import ALL
from mgspec import LAWS, Candidate, Described, Description, Finding, Problem, judge
from mgspec.loss.candidate import with_normalization
from mgspec.saved.counterexample import Counterexample, CounterexampleError, load


@dataclass(frozen=True)
class Stored:
    """A counterexample and the file that holds it."""

    path: Path
    counterexample: Counterexample


def of_folder(
    folder: Path, description: Description | None = None
) -> tuple[list[Stored], list[str]]:
    """The counterexamples in the JSON files of a folder, and what is wrong with the other files.

    A folder that does not exist holds none. description: of the problem that they may be of.
    """
    found, wrong = [], []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(Stored(path, load(path, description)))
        except CounterexampleError as error:
            wrong.append(f"passed over {error}")
    return found, wrong


def fitting(
    found: Sequence[Stored], laws: Sequence[str], claims: str
) -> tuple[list[Stored], list[str]]:
    """Those about these laws of this claim, and which the others are."""
    fit: list[Stored] = []
    others: dict[str, list[str]] = {}
    for stored in found:
        counterexample = stored.counterexample
        if counterexample.law not in laws:
            others.setdefault("their laws are not judged", []).append(str(stored.path))
        elif counterexample.claims != claims:
            reason = f"they are about a loss that claims {counterexample.claims}"
            others.setdefault(reason, []).append(str(stored.path))
        else:
            fit.append(stored)
    return fit, [f"passed over {', '.join(paths)}: {reason}" for reason, paths in others.items()]


def judged(candidate: Candidate, stored: Stored) -> Finding | None:
    """What the loss makes of the case: None where its law holds.

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
    described = problem.description if isinstance(problem, Described) else None
    if _name(described) != _name(candidate.description):
        raise ValueError(f"{stored.path}: is about a problem of another layout")
    if candidate.options is not None and isinstance(problem, Problem):
        claims, options = counterexample.claims, problem.options
        if with_normalization(options, claims) != with_normalization(candidate.options, claims):
            raise ValueError(f"{stored.path}: is about a loss of other options")
    try:
        chosen = None if component is None else (component,)
        return judge(law, candidate, counterexample.case, chosen)
    except ValueError as error:
        raise ValueError(f"{stored.path}: is no case of the law {law.name}: {error}") from None


def _name(description: Description | None) -> str | None:
    # Not the description itself: one of a file may have been loaded twice.
    return description.name if description is not None else None


def still_broken(path: Path, loss: str | None, problem: str | None = None) -> str | None:
    """What a regression test says: the law and what came instead, or None where the law holds now.

    loss, problem: as for `mgloss check`; None for the reference, and for this project's layout.
    Raises ValueError where the file or the loss is not what it should be, LoadError where the loss
    cannot be loaded.
    """
    counterexample = load(path, problems.find_description(problem))
    options = ALL if problem is None else None
    candidate = load_loss(loss, counterexample.claims, options=options, problem=problem).candidate
    finding = judged(candidate, Stored(path, counterexample))
    if finding is None:
        return None
    law = LAWS[counterexample.law]
    return f"{law.name}: {law.statement}\n  {finding.message}"
