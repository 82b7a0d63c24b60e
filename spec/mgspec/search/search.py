"""From a law and a candidate to a verdict: it holds, or here is the smallest batch that breaks it.

Cases are generated, and a case that breaks the law is shrunk (mgspec.search.engine). Each component
gets a verdict. Once a component is broken, the search goes on with the others, so that one broken
component does not hide another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from hypothesis.database import ExampleDatabase

from mgspec.drawing.variety import FULL, PLAIN
from mgspec.laws import Case, Finding, Law, Trial
from mgspec.laws.comparison import Comparison
from mgspec.loss.candidate import Candidate, LossError
from mgspec.search.engine import MOST_REUSED, REUSE, Section, Tally, run, run_length
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS, SKIPPED, Status, Verdict

# That a loss answers finite inputs with finite numbers is what these laws say; that it answers at
# all, the first of them. A loss that does not is no case for the others: to them it is an error,
# unless they are broken where the numbers are finite too.
JUDGE_FINITENESS = ("finite", "empty")

PLAIN_SHARE = 4  # one example in so many is plain; see mgspec.drawing.variety


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
        return _first_wrong(law, candidate, chosen, frozenset(), case, Tally())
    except LossError as error:
        return Finding(case, str(error))


def _first_wrong(
    law: Law,
    candidate: Candidate,
    components: tuple[str, ...],
    errors: frozenset[str],
    case: Case,
    tally: Tally,
) -> Finding | None:
    """How one case breaks the law, if it does; its comparisons are counted.

    errors: components known not to be finite; only what is judged of them is a finding.
    """
    for comparison in examine(law, candidate, case, components):
        tally.comparisons += 1
        known = comparison.component in errors and not _is_judged(law, comparison)
        if not comparison.holds and not known:
            return Finding(case, str(comparison), comparison)
    return None


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
    found: dict[str, tuple[Status, Finding | None]] = {}
    spent = dict.fromkeys(components, Tally())

    def without_answer(finding: Finding) -> list[Verdict]:
        # Without an answer there is nothing to say of the components that are left.
        status: Status = BROKEN if law.name == "finite" else ERROR
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
    from_bytes = candidate.description is None
    plain = examples // PLAIN_SHARE
    for name, variety, budget, first in (
        ("plain", PLAIN, plain, 0),
        # The simplest case is the same, and the runs before have tried it.
        ("full", FULL, examples - plain, 1 if plain else 0),
    ):
        # One strategy for all runs, since Hypothesis takes long to look a new one over.
        drawn = replace(variety, claims=candidate.claims, options=candidate.options)
        drawn = replace(drawn, few_shapes=candidate.few_shapes)
        cases = law.cases(replace(drawn, description=candidate.description))
        number = first if database is None else REUSE
        while remaining and (budget or number == REUSE):
            reuse = number == REUSE
            length = MOST_REUSED if reuse else min(budget, run_length(number, from_bytes))
            errors = frozenset(found)
            section = None
            if database is not None:
                # Where other components are left, other cases are counterexamples; an example that
                # is none would be deleted.
                layout = candidate.description.name if candidate.description else None
                question = (candidate.name, law.name, layout, drawn, remaining, sorted(errors))
                section = Section(database, repr(question))
            tally = run(
                partial(_first_wrong, law, candidate, remaining, errors),
                cases,
                number=number,
                length=length,
                seed=None if seed is None else f"{seed}/{name}/{number}",
                from_bytes=from_bytes,
                progress=progress,
                shrink=shrink,
                database=section,
            )
            for component in remaining:
                spent[component] = spent[component].plus(tally)
            finding = tally.last
            if finding is None:
                budget -= 0 if reuse else length
                number = first if reuse else number + 1
            elif finding.comparison is None:
                return without_answer(finding)
            else:
                # The runs before found nothing in what is left: on with this one, from its seed.
                settle(finding.comparison.component, finding, _is_judged(law, finding.comparison))
    return [_verdict(law, c, *found.get(c, (HOLDS, None)), spent[c]) for c in components]


def _verdict(
    law: Law, component: str | None, status: Status, finding: Finding | None, tally: Tally
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
