"""Stored counterexamples: those of a folder, and what a loss makes of one today."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from mgloss.gate.checks.own_folder import identify, own_folder
from mgloss.gate.checks.replayed import Replayed, pass_over
from mgloss.gate.checks.request import REFERENCE, CheckRequest
from mgloss.gate.losses import problems
from mgloss.gate.losses.loading import load as load_loss
from mgloss.gate.losses.options import ALL
from mgloss.gate.losses.request import LossRequest
from mgloss.gate.losses.versions import find_versions
from mgspec import LAWS, Batch, Candidate, Described, Description, Finding, Problem, judge
from mgspec.loss.candidate import with_normalization
from mgspec.saved.counterexample import Counterexample, CounterexampleError, load
from mgspec.search.search import FINITE, is_refusal, refused_batch


@dataclass(frozen=True)
class Stored:
    """A counterexample and the file that holds it.

    is_own: it was found for the loss that is judged now, as far as the file tells.
    """

    path: Path
    counterexample: Counterexample
    is_own: bool = True

    @property
    def found_for(self) -> str:
        """The loss that it was found for, as it was named then."""
        return self.counterexample.loss or f"the built-in {REFERENCE}"

    @property
    def doubt(self) -> str:
        """Why the law may hold on it although the loss is as it was, if anything says so."""
        found_with = self.counterexample.versions.get("mgloss")
        if found_with in (None, find_versions()["mgloss"]):
            return ""
        return f"found with mgloss {found_with}, whose law may have been another"


def find_stored(
    request: CheckRequest, description: Description | None = None
) -> tuple[list[Stored], list[Replayed]]:
    """Return the counterexamples that a check judges first, and the files that it passes over.

    In the folder that a person names for it, all are judged. In the folder of reports, only those
    of this loss are, also where an earlier mgloss put those of all losses side by side.

    description: of the problem that they may be of.
    """
    named, report = request.replay, request.report
    root = named or report
    if root is None:
        return [], []
    own = own_folder(request.loss, report or root)
    paths = [*root.glob("*.json"), *root.glob("*/*.json" if named else f"{own.name}/*.json")]
    found: list[Stored] = []
    passed_over: list[Replayed] = []
    for path in sorted(paths):
        try:
            counterexample = load(path, description)
        except CounterexampleError as error:
            passed_over.append(pass_over(path, error))
            continue
        is_own = _is_of(request.loss, counterexample, path, own, root)
        stored = Stored(path, counterexample, is_own)
        reason = _why_not(stored, request)
        if reason is None:
            found.append(stored)
        else:
            passed_over.append(Replayed(str(path), "passed over", reason))
    return found, passed_over


def _is_of(
    loss: LossRequest, counterexample: Counterexample, path: Path, own: Path, root: Path
) -> bool:
    """Return whether a stored counterexample was found for this loss.

    The loss that a file names stands in the folder that it was named from, which a file that lies
    in a folder of its loss does not say.
    """
    if path.absolute().parent.name == own.name:
        return True
    place = own.absolute().parent.parent
    same = identify(counterexample.loss, place) == identify(loss.name, place)
    return path.parent == root and same


def _why_not(stored: Stored, request: CheckRequest) -> str | None:
    """Return why a stored counterexample is not to be judged, or None."""
    counterexample = stored.counterexample
    if not stored.is_own and request.replay is None:
        return f"found for {stored.found_for}"
    if counterexample.law not in request.laws:
        return "about laws that are not judged"
    if counterexample.claims != request.claims:
        return f"about a loss that claims {counterexample.claims}"
    return None


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
        is_returned = component in candidate.components
        silent = f"of which the law {law.name} says nothing"
        why = silent if is_returned else "which this loss does not return"
        raise ValueError(f"{stored.path}: is about {component}, {why}")
    problem = counterexample.case.problem
    description = problem.description if isinstance(problem, Described) else None
    if _name(description) != _name(candidate.description):
        raise ValueError(f"{stored.path}: is about a problem of another layout")
    if candidate.options is not None and isinstance(problem, Problem):
        claims, options = counterexample.claims, problem.options
        if with_normalization(options, claims) != with_normalization(candidate.options, claims):
            raise ValueError(f"{stored.path}: is about a loss of other options")
    detector, batches = candidate.detector, counterexample.case.batches.values()
    if detector is not None and not all(
        isinstance(problem, Problem) and isinstance(batch, Batch) and detector.fits(problem, batch)
        for batch in batches
    ):
        raise ValueError(f"{stored.path}: is about another detector")
    try:
        components = None if component is None else (component,)
        return judge(law, candidate, counterexample.case, components)
    except ValueError as error:
        raise ValueError(f"{stored.path}: is no case of the law {law.name}: {error}") from None


def refused_by(candidate: Candidate, stored: Stored) -> Stored | None:
    """Return the batch of a stored case that the loss refuses, as a case of the law `finite`.

    Return None if the loss answers, or if the case says nothing of this loss.
    """
    counterexample = stored.counterexample
    law = LAWS[counterexample.law]
    try:
        finding = judge_stored(candidate, stored)
    except ValueError:  # the item of its own law notes it
        return None
    if finding is None or not is_refusal(law, finding):
        return None
    case = refused_batch(law, candidate, counterexample.case)
    if case is None:
        return None
    return Stored(stored.path, replace(counterexample, law=FINITE, component=None, case=case))


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
