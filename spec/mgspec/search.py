"""From a law and a candidate to a verdict: it holds, or here is the smallest batch that breaks it.

The search is Hypothesis's: cases are generated, and a case that breaks the law is shrunk. A verdict
is given for each component. Once a component is broken, the search goes on with the others, so that
one broken component does not hide another.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from unittest import SkipTest

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.database import ExampleDatabase
from hypothesis.errors import (
    FlakyFailure,
    FlakyStrategyDefinition,
    HypothesisWarning,
    Unsatisfiable,
)
from hypothesis.strategies import SearchStrategy

from mgspec.candidate import Candidate, FatalLossError, LossError
from mgspec.comparison import Comparison
from mgspec.laws import Case, Law, Trial
from mgspec.strategies import FULL, PLAIN

HOLDS, BROKEN, SKIPPED, ERROR = "holds", "broken", "skipped", "error"

# That a loss answers finite inputs with finite numbers is what these laws say; that it answers at
# all, the first of them. A loss that does not is no case for the others: to them it is an error,
# unless they are broken where the numbers are finite too.
JUDGE_FINITENESS = ("finite", "empty")

PLAIN_SHARE = 4  # one example in so many is plain; see mgspec.strategies

# Once a run of Hypothesis has had 10 cases, each new one is followed by up to five copies in which
# one part has replaced another. In a run of 100 most are such copies, and what one case in fifty
# shows is missed by some seeds. So no run gets there; one of 10 would try a small case as well.
RUN_LENGTH = 9

# The number of the run that asks an example database what other searches have found, and how many
# of its examples are tried.
REUSE = -1
MOST_REUSED = 100


@dataclass(frozen=True)
class Finding:
    """A case that breaks a law, and how.

    comparison: None where the loss gave no answer at all; `message` then says why.
    """

    case: Case
    message: str
    comparison: Comparison | None = None


@dataclass(frozen=True)
class Verdict:
    """What the search found of one law and one component.

    component: None where the verdict is about the loss as a whole.
    examples: cases tried, those of shrinking included. comparisons: assertions made of it.
    """

    law: str
    component: str | None
    status: str
    examples: int = 0
    comparisons: int = 0
    seconds: float = 0.0
    message: str = ""
    finding: Finding | None = None


class _BrokenError(Exception):
    """Carries a finding through Hypothesis."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


class _FatalError(BaseException):
    """Carries a finding out of Hypothesis, which would ask for it once more, and smaller."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


class _Section(ExampleDatabase):
    """The part of an example database that is about one question.

    Hypothesis keys examples by the source of the test function, and that is the same for all laws.
    A database that puts something before its keys is what its public interface allows.
    """

    def __init__(self, whole: ExampleDatabase, question: str) -> None:
        super().__init__()
        self.whole = whole
        self.question = question.encode("utf-8", "surrogatepass") + b"/"

    def save(self, key: bytes, value: bytes) -> None:
        """Keep an example."""
        self.whole.save(self.question + key, value)

    def fetch(self, key: bytes) -> Iterable[bytes]:
        """The examples kept."""
        return self.whole.fetch(self.question + key)

    def delete(self, key: bytes, value: bytes) -> None:
        """Forget an example."""
        self.whole.delete(self.question + key, value)

    def move(self, src: bytes, dest: bytes, value: bytes) -> None:
        """Keep an example under another key."""
        self.whole.move(self.question + src, self.question + dest, value)


@dataclass
class _Tally:
    """What one run of the engine counted."""

    examples: int = 0
    comparisons: int = 0
    seconds: float = 0.0
    last: Finding | None = None

    def plus(self, other: _Tally) -> _Tally:
        return _Tally(
            self.examples + other.examples,
            self.comparisons + other.comparisons,
            self.seconds + other.seconds,
            other.last,
        )


def examine(
    law: Law, candidate: Candidate, case: Case, components: tuple[str, ...]
) -> Iterator[Comparison]:
    """The law's comparisons for one case, of the named components only."""
    for comparison in law.check(Trial(candidate, case, components)):
        if comparison.component in components:
            yield comparison


def _is_judged(law: Law, comparison: Comparison) -> bool:
    """Whether its numbers are a case for the law; else they are an error."""
    return comparison.is_finite or law.name in JUDGE_FINITENESS


def judge(
    law: Law, candidate: Candidate, case: Case, components: tuple[str, ...] | None = None
) -> Finding | None:
    """Whether one case breaks the law; how, if it does.

    components: those to judge; None for all that the law speaks of. Raises ValueError for a case
    that is none of this law's, as a file may hold.
    """
    chosen = components or law.components_of(candidate)
    try:
        for comparison in examine(law, candidate, case, chosen):
            if not comparison.holds:
                return Finding(case, str(comparison), comparison)
    except LossError as error:
        return Finding(case, str(error))
    return None


def _run(
    law: Law,
    candidate: Candidate,
    components: tuple[str, ...],
    errors: frozenset[str],
    cases: SearchStrategy[Case],
    number: int,
    max_examples: int,
    seed: int | None,
    progress: Callable[[], None] | None,
    shrink: bool,
    database: ExampleDatabase | None,
) -> _Tally:
    """One run of Hypothesis; `last` is the shrunk finding, if there is any.

    errors: components known not to be finite; only what is judged of them is a finding.
    number: of the run, counted from 0; those before it found nothing in these components. REUSE:
        of the run that generates nothing, and tries what the database holds.
    """
    tally = _Tally()
    # Every run begins with the simplest case, and the first one has judged it.
    skip = number > 0

    def attempt(case: Case) -> None:
        nonlocal skip
        if skip:
            skip = False
            return
        tally.examples += 1
        if progress is not None:
            progress()
        finding = None
        try:
            for comparison in examine(law, candidate, case, components):
                tally.comparisons += 1
                known = comparison.component in errors and not _is_judged(law, comparison)
                if not comparison.holds and not known:
                    finding = Finding(case, str(comparison), comparison)
                    break
        except FatalLossError as error:
            raise _FatalError(Finding(case, str(error))) from error
        except LossError as error:
            finding = Finding(case, str(error))
        if finding is not None:
            tally.last = finding
            raise _BrokenError(finding)

    phases = [Phase.reuse if number == REUSE else Phase.generate]
    if shrink:
        phases.append(Phase.shrink)

    settings = hypothesis.settings(
        max_examples=max_examples + skip,
        database=database,
        deadline=None,
        derandomize=False,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
        backend="hypothesis",
    )

    @hypothesis.given(cases)
    def probe(case: Case) -> None:  # short, for Hypothesis reads its source in each run
        attempt(case)

    start = time.perf_counter()
    if seed is not None:
        probe = hypothesis.seed(f"{seed}/{number}")(probe)
    probe = settings(probe)  # last, for seeding turns the database off
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        try:
            probe()
        except (_BrokenError, _FatalError) as broken:
            tally.last = broken.finding
        except (SkipTest, Unsatisfiable):
            # The database holds nothing, or nothing that is a case any more.
            if number != REUSE:
                raise
        except (FlakyFailure, FlakyStrategyDefinition):
            # The loss broke the law on a case and not when it was asked again.
            assert tally.last is not None
            tally.last = replace(
                tally.last, message=f"{tally.last.message}; not every time it is asked"
            )
    tally.seconds = time.perf_counter() - start
    return tally


def search(
    law: Law,
    candidate: Candidate,
    *,
    max_examples: int = 100,
    seed: int | None = None,
    progress: Callable[[], None] | None = None,
    shrink: bool = True,
    known: Sequence[Finding] = (),
    database: ExampleDatabase | None = None,
) -> list[Verdict]:
    """Verdicts of one law on a candidate, one for each component it speaks of.

    max_examples: cases generated before a component's law is taken to hold.
    seed: the same seed finds the same counterexample; None for a different search each time.
    progress: called once for each case tried.
    shrink: look for the smallest counterexample; else the first one is good enough.
    known: findings at hand, of stored cases; they decide about their components, and the search is
        for the others.
    database: keeps what is found, and is asked for it first; it may be shared with other losses.
    """
    if max_examples < 1:
        raise ValueError(f"max_examples: expected 1 or more, got {max_examples}")
    reason = law.why_not(candidate)
    if reason is not None:
        return [Verdict(law.name, None, SKIPPED, message=reason)]
    components = remaining = law.components_of(candidate)
    found: dict[str, tuple[str, Finding | None]] = {}
    spent = dict.fromkeys(components, _Tally())

    def without_answer(finding: Finding) -> list[Verdict]:
        # Without an answer there is nothing to say of the components that are left.
        status = BROKEN if law.name == "finite" else ERROR
        return [
            *(_verdict(law, c, *found[c], spent[c]) for c in found),
            _verdict(law, None, status, finding, spent[remaining[0]]),
        ]

    def settle(component: str, finding: Finding, is_judged: bool) -> None:
        nonlocal remaining
        found[component] = BROKEN if is_judged else ERROR, finding
        if is_judged:
            remaining = tuple(c for c in remaining if c != component)

    for given in known:
        if given.comparison is None:
            return without_answer(given)
        if given.comparison.component in remaining:
            settle(given.comparison.component, given, _is_judged(law, given.comparison))
    examples = max(1, max_examples // law.one_in)
    plain = examples // PLAIN_SHARE
    for variety, budget in ((PLAIN, plain), (FULL, examples - plain)):
        # One strategy for all runs, since Hypothesis takes long to look a new one over.
        drawn = replace(variety, claims=candidate.claims, options=candidate.options)
        drawn = replace(drawn, few_shapes=candidate.few_shapes)
        cases = law.cases(replace(drawn, description=candidate.description))
        number = 0 if database is None else REUSE
        while remaining and (budget or number == REUSE):
            length = min(budget, RUN_LENGTH - 1 if number else RUN_LENGTH)
            errors = frozenset(found)
            section = None
            if database is not None:
                # Where other components are left, other cases are counterexamples; an example that
                # is none would be deleted.
                layout = candidate.description.name if candidate.description else None
                question = (candidate.name, law.name, layout, drawn, remaining, sorted(errors))
                section = _Section(database, repr(question))
            tally = _run(
                law,
                candidate,
                remaining,
                errors,
                cases,
                number,
                MOST_REUSED if number == REUSE else length,
                seed,
                progress,
                shrink,
                section,
            )
            for component in remaining:
                spent[component] = spent[component].plus(tally)
            finding = tally.last
            if finding is None:
                budget -= 0 if number == REUSE else length
                number += 1
            elif finding.comparison is None:
                return without_answer(finding)
            else:
                # The runs before found nothing in what is left: on with this one, from its seed.
                settle(finding.comparison.component, finding, _is_judged(law, finding.comparison))
    return [_verdict(law, c, *found.get(c, (HOLDS, None)), spent[c]) for c in components]


def _verdict(
    law: Law, component: str | None, status: str, finding: Finding | None, tally: _Tally
) -> Verdict:
    return Verdict(
        law.name,
        component,
        status,
        tally.examples,
        tally.comparisons,
        tally.seconds,
        finding.message if finding else "",
        finding,
    )
