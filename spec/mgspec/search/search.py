"""From a law and a candidate to verdicts: the law holds, or here is the smallest batch against it.

Hypothesis draws cases, and shrinks one that breaks the law (mgspec.search.engine). Each component
gets a verdict. Once a component is broken, the search goes on with the others, so that one broken
component does not hide another.

Three things are added to Hypothesis's own way. benchmarks/engine.py measures the first two.

Runs are short. Once a run has had 10 cases, Hypothesis follows each new one by up to five copies in
which one part has replaced another. Of 100 cases in one run for each variety, 65 differ in problem,
grids or number of images; in runs of 9 cases more than 90 do. Over 118 planted faults and 5 seeds,
short runs miss none of 590, long runs 3, in about the same time.

Some examples are plain. Without them no more faults are missed, and a fault takes a sixth less time
to find. But counterexamples are easier to read with them: of 20 faults, 9 have a smaller one, with
0 to 10 predictions that are not 0 instead of 3 to 115.

A few examples are large, because some faults need more images or objects than people write by hand
(mgspec.drawing.variety). They come last: a fault that small batches show too is then found, and
shrunk, in a small one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from hypothesis.database import ExampleDatabase
from hypothesis.strategies import SearchStrategy

from mgspec.drawing.variety import FULL, PLAIN, Variety, large_varieties
from mgspec.laws import Case, Finding, Law, Trial
from mgspec.laws.comparison import Comparison
from mgspec.loss.candidate import Candidate, LossError
from mgspec.problem.layout import AnyBatch
from mgspec.search.engine import Run, Section, Tally
from mgspec.search.somewhere import search_somewhere
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS, SKIPPED, Status, Verdict

# These laws say that a loss gives finite numbers; the first of them, that it answers at all. A loss
# without an answer is no case for the other laws: for them it is an error, unless they are also
# broken where the numbers are finite.
JUDGE_FINITENESS = ("finite", "empty")

# Where a loss gives a finite number in its usual way, and none in another, it breaks this law.
COMPARES_MODES = "modes"

PLAIN_SHARE = 4  # 1 of 4 examples is plain; see mgspec.drawing.variety
LARGE_SHARE = 25  # 1 of 25 examples is of each large variety
RUN_LENGTH = 9  # cases of one run of Hypothesis


def examine(
    law: Law,
    candidate: Candidate,
    case: Case,
    components: tuple[str, ...],
    on_answer: Callable[[AnyBatch], None] | None = None,
) -> Iterator[Comparison]:
    """Yield the law's comparisons of these components for one case.

    on_answer: as of `Trial`.
    """
    for comparison in law.check(Trial(candidate, case, components, on_answer)):
        if comparison.component in components:
            yield comparison


def judge(
    law: Law, candidate: Candidate, case: Case, components: tuple[str, ...] | None = None
) -> Finding | None:
    """Return how one case breaks the law, or None.

    components: those to judge; None for all that the law speaks of. Raises ValueError for a case
    that does not fit this law, as a file may hold.
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
    """Return how one case breaks the law, or None; count its comparisons.

    errors: components known to be not finite; only what the law can judge of them is a finding.
    """
    for comparison in examine(law, candidate, case, components, tally.see):
        tally.comparisons += 1
        known = comparison.component in errors and not _is_judged(law, comparison)
        if not comparison.holds and not known:
            advice = law.advise(candidate, comparison.component, case.problem)
            message = f"{comparison}; {advice}" if advice else str(comparison)
            return Finding(case, message, comparison)
    return None


def _is_judged(law: Law, comparison: Comparison) -> bool:
    """Return whether the law can judge these numbers; if not, they are an error."""
    if law.name == COMPARES_MODES and math.isfinite(comparison.expected):
        return True
    return comparison.is_finite or law.name in JUDGE_FINITENESS


@dataclass
class _Search:
    """One search: what to do, and what is decided so far.

    remaining: the components that are left to search.
    decided: the status and the finding of each component that has one.
    unanswered: the case on which the loss gave no answer; it ends the search.
    spent: the counts of all runs that judged a component.
    is_simplest_tried: Hypothesis begins every run with the simplest case, which is the same in
        both varieties; it has passed.
    """

    law: Law
    candidate: Candidate
    seed: int | None
    shrink: bool
    progress: Callable[[], None] | None
    database: ExampleDatabase | None
    remaining: tuple[str, ...]
    decided: dict[str, tuple[Status, Finding]] = field(default_factory=dict)
    unanswered: Finding | None = None
    spent: dict[str, Tally] = field(default_factory=dict)
    is_simplest_tried: bool = False

    @property
    def is_open(self) -> bool:
        """Whether there is something left to search."""
        return bool(self.remaining) and self.unanswered is None

    def search(self, name: str, variety: Variety, budget: int) -> None:
        """Try this many cases of a variety, after those of the database."""
        drawn = _of(variety, self.candidate)
        cases = self.law.cases(drawn)  # one strategy for all runs: Hypothesis analyses each anew
        while self.is_open and self.database is not None:
            if self._add(self._run(cases, drawn).replay()).finding is None:
                break
        number = 0
        while self.is_open and budget:
            length = min(budget, RUN_LENGTH - self.is_simplest_tried)
            tally = self._run(cases, drawn).generate(
                length,
                None if self.seed is None else f"{self.seed}/{name}/{number}",
                skip_simplest=self.is_simplest_tried,
            )
            self._add(tally)
            # The cases that passed are cases of the components that are left, too.
            self.is_simplest_tried |= tally.passed > 0
            budget -= length if tally.finding is None else tally.passed
            number += 1

    def settle(self, finding: Finding) -> None:
        """Decide what this finding decides."""
        comparison = finding.comparison
        if comparison is None:
            self.unanswered = finding
        elif comparison.component in self.remaining:
            is_judged = _is_judged(self.law, comparison)
            self.decided[comparison.component] = BROKEN if is_judged else ERROR, finding
            if is_judged:
                self.remaining = tuple(c for c in self.remaining if c != comparison.component)

    def verdicts(self) -> list[Verdict]:
        """Return a verdict for each component, or, without an answer, for those decided before."""
        if self.unanswered is None:
            return [self._verdict(c) for c in self.law.components_of(self.candidate)]
        status: Status = BROKEN if self.law.name == "finite" else ERROR
        tally = self.spent.get(self.remaining[0], Tally())
        return [
            *map(self._verdict, self.decided),
            _verdict(self.law, None, status, self.unanswered, tally),
        ]

    def _run(self, cases: SearchStrategy[Case], drawn: Variety) -> Run:
        """Return a run that judges the remaining components."""
        errors = frozenset(self.decided)
        section = None
        if self.database is not None:
            # An example is kept for these components only: for others it may be no counterexample,
            # and Hypothesis would delete it.
            layout = self.candidate.description.name if self.candidate.description else None
            question = (self.candidate.name, self.law.name, layout, drawn)
            section = Section(self.database, repr((*question, self.remaining, sorted(errors))))
        return Run(
            partial(_first_wrong, self.law, self.candidate, self.remaining, errors),
            cases,
            self.shrink,
            self.progress,
            section,
            drawn.is_large,
        )

    def _add(self, tally: Tally) -> Tally:
        """Add the counts of a run over the remaining components, and settle what it found."""
        for component in self.remaining:
            self.spent[component] = self.spent.get(component, Tally()).plus(tally)
        if tally.finding is not None:
            self.settle(tally.finding)
        return tally

    def _verdict(self, component: str) -> Verdict:
        tally = self.spent.get(component, Tally())
        if component not in self.decided:
            return _verdict(self.law, component, HOLDS, None, tally)
        return _verdict(self.law, component, *self.decided[component], tally)


def _of(variety: Variety, candidate: Candidate) -> Variety:
    """Return the variety of the batches that a candidate takes."""
    return replace(
        variety,
        claims=candidate.claims,
        options=candidate.options,
        few_shapes=candidate.few_shapes,
        one_shape=candidate.one_shape,
        description=candidate.description,
    )


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
        tally.reach if status == HOLDS else None,
    )


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
    """Return the verdicts of one law on a candidate, one for each component it speaks of.

    max_examples: cases to draw before a component counts as obeying the law.
    seed: the same seed finds the same counterexample; None searches differently each time.
    progress: called once for each case tried.
    shrink: look for the smallest counterexample; False takes the first.
    known: findings of stored cases. They decide about their components; the search is for the
        others.
    database: keeps the examples found, and is searched first. Several losses may share it.
    """
    if max_examples < 1:
        raise ValueError(f"max_examples: expected 1 or more, got {max_examples}")
    reason = law.why_not(candidate)
    if reason is not None:
        return [Verdict(law.name, None, SKIPPED, message=reason)]
    examples = max(1, max_examples // law.one_in)
    plain = examples // PLAIN_SHARE
    if law.somewhere:
        return search_somewhere(
            law,
            candidate,
            [
                ("plain", _of(PLAIN, candidate), plain),
                ("full", _of(FULL, candidate), examples - plain),
            ],
            seed=seed,
            run_length=RUN_LENGTH,
            progress=progress,
            known=known,
        )
    components = law.components_of(candidate)
    this = _Search(law, candidate, seed, shrink, progress, database, components)
    for finding in known:
        if this.is_open:
            this.settle(finding)
    excused = [
        Verdict(law.name, component, SKIPPED, message=reason)
        for component, reason in law.excused(candidate).items()
    ]
    large = examples // LARGE_SHARE
    varieties = large_varieties(candidate.description, candidate.few_shapes)
    this.search("plain", PLAIN, plain)
    this.search("full", FULL, examples - plain - large * len(varieties))
    for name, variety in varieties.items():
        this.search(name, variety, large)
    return [*this.verdicts(), *excused]
