"""From a law and a candidate to verdicts: the law holds, or here is the smallest batch against it.

Hypothesis draws cases, and shrinks one that breaks the law (mgspec.search.engine). Each component
gets a verdict. Once a component is broken, the search goes on with the others, so that one broken
component does not hide another. A case that the loss refuses, because it raises or gives a number
that is not finite, is no case of a law but of `finite` (mgspec.search.domain).

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

import numpy as np
from hypothesis.database import ExampleDatabase
from hypothesis.strategies import SearchStrategy

from mgspec.drawing.variety import FULL, PLAIN, Variety, large_varieties
from mgspec.laws import Case, Finding, Law, Trial
from mgspec.laws.comparison import Comparison
from mgspec.loss.candidate import Candidate, FatalLossError, LossError
from mgspec.problem.layout import AnyBatch
from mgspec.search.domain import Domain, Watch
from mgspec.search.engine import EndOfRun, Run, Section, Tally
from mgspec.search.somewhere import search_somewhere
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS, SKIPPED, Status, Verdict

FINITE = "finite"  # the law that tells where a loss gives no finite number
# This law says itself that its numbers are finite, of batches without objects. Where hardly any is,
# it is broken, while other laws come to no verdict.
ASKS_FOR_NUMBERS = "empty"

# Where a loss gives a finite number in its usual way, and none in another, it breaks this law.
COMPARES_MODES = "modes"

PLAIN_SHARE = 4  # 1 of 4 examples is plain; see mgspec.drawing.variety
LARGE_SHARE = 25  # 1 of 25 examples is of each large variety
RUN_LENGTH = 9  # cases of one run of Hypothesis
# Cases on which a loss hangs or ends its process, after which a law is given up: each costs a
# time-out or a new process. Without any answer before, the loss may well do so always.
MOST_FATAL = 3
MOST_FATAL_AT_FIRST = 2


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
    """Return how one case breaks the law, or that the loss refuses it; None if the law holds.

    components: those to judge; None for all that the law speaks of. Raises ValueError for a case
    that does not fit this law, as a file may hold.
    """
    chosen = components or law.components_of(candidate)
    try:
        for comparison in examine(law, candidate, case, chosen):
            if not comparison.holds:
                return _finding(law, candidate, case, comparison)
    except LossError as error:
        return Finding(case, str(error))
    return None


def _finding(law: Law, candidate: Candidate, case: Case, comparison: Comparison) -> Finding:
    """Return the finding of a comparison that fails, with advice where the law has some."""
    advice = law.advise(candidate, comparison.component, case.problem)
    message = f"{comparison}; {advice}" if advice else str(comparison)
    return Finding(case, message, comparison)


def is_refusal(law: Law, finding: Finding) -> bool:
    """Return whether a finding says only that the loss refuses the case (mgspec.search.domain)."""
    comparison = finding.comparison
    if law.judges_refusals:
        return False
    if comparison is None:
        return True
    if law.name == COMPARES_MODES and math.isfinite(comparison.expected):
        return False
    return not comparison.is_finite


def refused_batch(law: Law, candidate: Candidate, case: Case) -> Case | None:
    """Return the batch that the loss refuses in a law's case, as a case of `finite`; None if none.

    Raise ValueError for a case that does not fit this law.
    """
    watch = Watch(candidate)
    judge(law, watch.watched(), case)
    if watch.last_refused is None:
        return None
    problem, batch = watch.last_refused
    return Case(problem, {"X": batch})


@dataclass
class _Count:
    """Counts the cases of one component.

    drawn: cases. refused: those of them that the loss refused. smallest: the one of these with the
    fewest numbers; size: how many.
    """

    drawn: int = 0
    refused: int = 0
    smallest: Finding | None = None
    size: int = 0

    def add_refused(self, finding: Finding) -> None:
        """Count a refused case, and keep it if it is the smallest."""
        self.refused += 1
        size = _size(finding.case)
        if self.smallest is None or size < self.size:
            self.smallest, self.size = finding, size


def _size(case: Case) -> int:
    """Return how many numbers are predicted in a case, and how many of these are not 0."""
    arrays = [p for batch in case.batches.values() for p in batch.predictions]
    return sum(array.size + int(np.count_nonzero(array)) for array in arrays)


@dataclass
class _Search:
    """One search: what to do, and what is decided so far.

    remaining: the components that are left to search.
    decided: the finding of each component that is broken.
    unanswered: for a law that judges refusals, the case on which the loss raised; it ends the
        search.
    given_up: why the search ended before its time; empty if it did not.
    spent: the counts of all runs that judged a component.
    counts: of each component, the cases drawn in this search, without those of shrinking.
    asks_for_numbers: treat a number that is not finite as one that breaks the law.
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
    decided: dict[str, Finding] = field(default_factory=dict)
    unanswered: Finding | None = None
    given_up: str = ""
    fatal: int = 0
    spent: dict[str, Tally] = field(default_factory=dict)
    counts: dict[str, _Count] = field(default_factory=dict)
    asks_for_numbers: bool = False
    is_simplest_tried: bool = False

    def __post_init__(self) -> None:
        self.components = self.remaining
        self.watch = Watch(self.candidate)
        self.watched = self.watch.watched()
        self.counts = {c: _Count() for c in self.components}

    @property
    def is_open(self) -> bool:
        """Whether there is something left to search."""
        return bool(self.remaining) and self.unanswered is None and not self.given_up

    @property
    def is_surveying(self) -> bool:
        """Whether to go on only to see what the loss answers."""
        found = self.unanswered is not None or bool(self.decided)
        return self.law.name == FINITE and found and not self.given_up

    def search(self, name: str, variety: Variety, budget: int) -> None:
        """Try this many cases of a variety, after those of the database."""
        drawn = _of(variety, self.candidate)
        cases = self.law.cases(drawn)  # one strategy for all runs: Hypothesis analyses each anew
        while self.is_open and self.database is not None:
            if self._add(self._run(cases, drawn, is_counted=False).replay()).finding is None:
                break
        number = 0
        while (self.is_open or self.is_surveying) and budget:
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

    def ask_for_numbers(self, variety: Variety) -> None:
        """Search for a number that is not finite, in the components that have hardly any other."""
        lacking = tuple(
            c
            for c in self.remaining
            if self._lacks_answers(c)
            and (worst := self.counts[c].smallest) is not None
            and worst.comparison is not None
        )
        if self.law.name != ASKS_FOR_NUMBERS or self.given_up or not lacking:
            return
        others = tuple(c for c in self.remaining if c not in lacking)
        self.remaining, self.asks_for_numbers, self.is_simplest_tried = lacking, True, False
        self.search("numbers", variety, RUN_LENGTH)
        self.remaining = (*self.remaining, *others)

    def settle(self, finding: Finding) -> None:
        """Decide what this finding decides."""
        if not self.asks_for_numbers and is_refusal(self.law, finding):
            return  # it is told by `finite`
        comparison = finding.comparison
        if comparison is None:
            self.unanswered = finding
        elif comparison.component in self.remaining:
            self.decided[comparison.component] = finding
            self.remaining = tuple(c for c in self.remaining if c != comparison.component)

    def verdicts(self) -> list[Verdict]:
        """Return a verdict for each component; a single one for all if the loss raised."""
        if self.unanswered is not None:
            tally = self.spent.get(self.remaining[0], Tally())
            # It raised, which is of no component; of all, this one has most answers.
            least = min(self.components, key=lambda c: self.counts[c].refused)
            whole = _verdict(self.law, None, BROKEN, self.unanswered, tally, self._domain(least))
            return [*map(self._verdict, self.decided), whole]
        verdicts = [self._verdict(c) for c in self.components]
        undecided = [v for v in verdicts if v.status == ERROR]
        of_all = all(v.finding is None or v.finding.comparison is None for v in undecided)
        if undecided and of_all and len(undecided) == len(self.remaining):
            return [*map(self._verdict, self.decided), replace(undecided[0], component=None)]
        return verdicts

    def _run(self, cases: SearchStrategy[Case], drawn: Variety, *, is_counted: bool = True) -> Run:
        """Return a run that judges the remaining components."""
        section = None
        if self.database is not None and self.is_open:
            # An example is kept for these components only: for others it may be no counterexample,
            # and Hypothesis would delete it.
            layout = self.candidate.description.name if self.candidate.description else None
            question = (self.candidate.name, self.law.name, layout, drawn)
            section = Section(
                self.database, repr((*question, self.remaining, self.asks_for_numbers))
            )
        wanted = self.remaining if self.is_open else ()
        return Run(
            partial(self._judge, wanted, is_counted),
            cases,
            self.shrink,
            self.progress,
            section,
            drawn.is_large,
        )

    def _judge(
        self, wanted: tuple[str, ...], is_counted: bool, case: Case, tally: Tally
    ) -> Finding | None:
        """Return how one case breaks the law in a wanted component, or None; count it.

        A case that the loss refuses is none of the law's, unless the law judges refusals.
        """
        is_first = tally.finding is None  # else it is a case of shrinking
        watched = self.components if self.law.name == FINITE else wanted
        refused: dict[str, Finding] = {}
        seen: list[AnyBatch] = []
        try:
            for comparison in examine(self.law, self.watched, case, watched, seen.append):
                tally.comparisons += 1
                if comparison.holds:
                    continue
                finding = _finding(self.law, self.candidate, case, comparison)
                is_known = is_refusal(self.law, finding) and not self.asks_for_numbers
                if comparison.component in wanted and not is_known:
                    return finding
                if not comparison.is_finite:
                    refused.setdefault(comparison.component, finding)
        except LossError as error:
            if isinstance(error, FatalLossError):
                self._count_fatal(error)
            if self.law.judges_refusals and wanted:
                raise
            refused = dict.fromkeys(watched, Finding(case, str(error)))
        if not refused:
            for batch in seen:
                tally.see(batch)
        if is_counted and is_first:
            for component in watched:
                self.counts[component].drawn += 1
                if component in refused:
                    self.counts[component].add_refused(refused[component])
        if self.given_up:
            raise EndOfRun
        return None

    def _count_fatal(self, error: FatalLossError) -> None:
        """Count an end of the loss's process, and give the law up where it is enough of them."""
        self.fatal += 1
        has_answered = any(count.drawn > count.refused for count in self.counts.values())
        most = MOST_FATAL if has_answered else MOST_FATAL_AT_FIRST
        if self.law.judges_refusals or self.fatal >= most:
            self.given_up = str(error)

    def _add(self, tally: Tally) -> Tally:
        """Add the counts of a run over the remaining components, and settle what it found."""
        for component in self.remaining:
            self.spent[component] = self.spent.get(component, Tally()).plus(tally)
        if tally.finding is not None:
            self.settle(tally.finding)
        return tally

    def _domain(self, component: str) -> Domain | None:
        """Return on how many cases the component was judged; None if on all that were drawn."""
        count = self.counts[component]
        if not count.refused:
            return None
        return Domain(count.drawn, count.drawn - count.refused, self.watch.in_common(component))

    def _lacks_answers(self, component: str) -> bool:
        domain = self._domain(component)
        return domain is not None and not domain.is_enough

    def _verdict(self, component: str) -> Verdict:
        tally, domain = self.spent.get(component, Tally()), self._domain(component)
        if component in self.decided:
            finding = self.decided[component]
            return _verdict(self.law, component, BROKEN, finding, tally, domain)
        worst = self.counts[component].smallest
        verdict = _verdict(self.law, component, ERROR, worst, tally, domain)
        if self.given_up:
            times = f"{self.fatal} batches" if self.fatal > 1 else "a batch"
            return replace(verdict, message=f"given up after {times} on which {self.given_up}")
        if domain is not None and not domain.is_enough:
            return replace(verdict, message=f"{domain.words}: {verdict.message}")
        return _verdict(self.law, component, HOLDS, None, tally, domain)


def _of(variety: Variety, candidate: Candidate) -> Variety:
    """Return the variety of the batches that a candidate takes."""
    return replace(
        variety,
        claims=candidate.claims,
        options=candidate.options,
        few_shapes=candidate.few_shapes,
        one_shape=candidate.one_shape,
        detector=candidate.detector,
        description=candidate.description,
    )


def _verdict(
    law: Law,
    component: str | None,
    status: Status,
    finding: Finding | None,
    tally: Tally,
    domain: Domain | None,
) -> Verdict:
    message = finding.message if finding else ""
    if law.name == FINITE and domain is not None:
        message = f"{message}; {domain.words}"
    return Verdict(
        law.name,
        component,
        status,
        tally.examples,
        tally.comparisons,
        tally.seconds,
        message,
        finding,
        tally.reach if status == HOLDS else None,
        domain,
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
        others. A finding that the loss refuses its case decides about `finite` alone.
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
    this.ask_for_numbers(PLAIN)
    return [*this.verdicts(), *excused]
