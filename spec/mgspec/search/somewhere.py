"""Search for a case on which a component keeps a law that asks for one such case only.

Such a law says that something happens somewhere. One case on which it does not happen proves
nothing; the law is broken if it happens on no case of the whole search. So nothing is shrunk: the
case to show is the smallest one that was tried and is fit to be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mgspec.drawing.variety import Variety
from mgspec.laws import Case, Finding, Law, Trial
from mgspec.loss.candidate import Candidate, FatalLossError, LossError
from mgspec.problem.layout import AnyBatch, Batch
from mgspec.search.engine import Run, Tally
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS, SKIPPED, Status, Verdict

LEFT_OUT = "the options leave it out, or multiply it by 0"

Statement = tuple[str, str]  # a component, and what must happen to it somewhere


@dataclass
class _Sightings:
    """What happened on the cases so far.

    happened: the statements that some case has shown.
    missed: for each other statement, its failure on the case to show.
    asked: the components of which some case has asked something.
    refused: the first case on which the loss gave no answer.
    """

    law: Law
    candidate: Candidate
    components: tuple[str, ...]
    happened: set[Statement] = field(default_factory=set)
    missed: dict[Statement, Finding] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    refused: Finding | None = None
    answered: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether everything that must happen has happened."""
        return not self.missed and self.asked >= set(self.components)

    def note(self, case: Case, tally: Tally) -> None:
        """Judge a case, unless nothing is left to be seen.

        Raise FatalLossError as the loss does.
        """
        if self.is_complete:
            return
        try:
            comparisons = list(self.law.check(Trial(self.candidate, case, self.components)))
        except FatalLossError:
            raise
        except LossError as error:
            self.refused = self.refused or Finding(case, str(error))
            return
        self.answered += 1
        for comparison in comparisons:
            tally.comparisons += 1
            self.asked.add(comparison.component)
            statement = comparison.component, comparison.what
            if comparison.holds:
                self.happened.add(statement)
                self.missed.pop(statement, None)
            elif statement not in self.happened:
                finding = Finding(case, str(comparison), comparison)
                before = self.missed.get(statement)
                if before is None or _rank(finding) < _rank(before):
                    self.missed[statement] = finding

    def verdict(self, component: str, tally: Tally, known: Sequence[Finding]) -> Verdict:
        """Return the verdict of a component."""
        if component not in self.asked:
            return Verdict(self.law.name, component, SKIPPED, message=LEFT_OUT)
        missed = [finding for (c, _), finding in self.missed.items() if c == component]
        if not missed:
            return Verdict(
                self.law.name, component, HOLDS, self.answered, tally.comparisons, tally.seconds
            )
        finding = next((f for f in known if _is_about(f, missed[0])), missed[0])
        comparison = finding.comparison
        status: Status = BROKEN if comparison is not None and comparison.is_finite else ERROR
        return Verdict(
            self.law.name,
            component,
            status,
            self.answered,
            tally.comparisons,
            tally.seconds,
            finding.message,
            finding,
        )


def _rank(finding: Finding) -> tuple[bool, bool, int, int]:
    """Order failures: finite numbers, batches that differ everywhere, few images, few objects."""
    comparison, batches = finding.comparison, tuple(finding.case.batches.values())
    return (
        comparison is None or not comparison.is_finite,
        not _differ(batches),
        sum(batch.images for batch in batches),
        sum(batch.positives for batch in batches),
    )


def _differ(batches: Sequence[AnyBatch]) -> bool:
    """Return whether the first two batches predict other numbers in each of their arrays."""
    first, second = (_predicted(batch) for batch in batches[:2])
    return all(bool((a != b).any()) for a, b in zip(first, second, strict=True))


def _predicted(batch: AnyBatch) -> list[NDArray[np.floating]]:
    """Return the numbers of each predicted array, of all images together."""
    if isinstance(batch, Batch):
        return [array.ravel() for array in batch.predictions]
    return [
        np.concatenate([image[name].ravel() for image in batch.arrays]) for name in batch.predicted
    ]


def _is_about(finding: Finding, other: Finding) -> bool:
    a, b = finding.comparison, other.comparison
    return a is not None and b is not None and (a.component, a.what) == (b.component, b.what)


def search_somewhere(
    law: Law,
    candidate: Candidate,
    varieties: Sequence[tuple[str, Variety, int]],
    *,
    seed: int | None,
    run_length: int,
    progress: Callable[[], None] | None,
    known: Sequence[Finding],
) -> list[Verdict]:
    """Return the verdicts of a law that asks for one case only, one for each component.

    varieties: the name of each variety to search, the variety, and how many cases to draw of it.
    run_length: cases of one run of Hypothesis. known: findings of stored cases. They decide
        nothing, and are told where they are about what is missed. Other arguments as of `search`.
    """
    sightings = _Sightings(law, candidate, law.components_of(candidate))
    spent = Tally()
    for name, variety, budget in varieties:
        run = Run(sightings.note, law.cases(variety), shrink=False, progress=progress)
        number = 0
        while budget > 0 and spent.finding is None:
            length = min(budget, run_length)
            if sightings.is_complete:  # what is not tried counts as done
                for _ in range(budget if progress is not None else 0):
                    progress()  # type: ignore[misc]
                break
            drawn = None if seed is None else f"{seed}/{name}/{number}"
            spent = spent.plus(run.generate(length, drawn))
            budget, number = budget - length, number + 1
    unanswered = spent.finding or (None if sightings.answered else sightings.refused)
    if unanswered is not None and not sightings.is_complete:
        return [
            Verdict(
                law.name,
                None,
                ERROR,
                spent.examples,
                spent.comparisons,
                spent.seconds,
                unanswered.message,
                unanswered,
            )
        ]
    return [sightings.verdict(component, spent, known) for component in sightings.components]
