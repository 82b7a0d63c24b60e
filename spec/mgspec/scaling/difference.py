"""Find the smallest batches on which two losses, OLD and NEW, disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from mgspec.laws import Case, Finding, Law, Trial, cases
from mgspec.laws.comparison import EQUAL, Comparison, Rounding, worst_element
from mgspec.laws.law import Cases, Check
from mgspec.loss.candidate import Candidate, Evaluation, LossError
from mgspec.problem.layout import AnyBatch, AnyProblem
from mgspec.search.search import search

Progress = Callable[[], None]

# The cases to search, and N: one of N examples is tried. In turn: any batch, batches of up to 12
# images, and batches without objects in which every logit predicts some.
_SEARCHES: tuple[tuple[Cases, int], ...] = (
    (cases.one_batch, 1),
    (cases.sharded, 4),
    (cases.one_empty_batch, 4),
)

VALUE = "NEW(X)"


@dataclass(frozen=True)
class Difference:
    """The smallest batch found on which two losses disagree.

    component: None if only one of the losses gave an answer.
    comparison: OLD's number as `expected` and NEW's as `actual`; None if one gave no answer.
    """

    component: str | None
    case: Case
    message: str
    comparison: Comparison | None

    @property
    def in_gradient(self) -> bool:
        """Whether the values agree and the gradients do not."""
        return self.comparison is not None and self.comparison.what != VALUE

    @property
    def factor(self) -> float | None:
        """NEW / OLD; None if there is no such number."""
        c = self.comparison
        if c is None or not c.is_finite or c.expected == 0:
            return None
        return c.actual / c.expected


@dataclass
class Effort:
    """How much was compared.

    examples: batches tried. comparisons: numbers and arrays compared.
    unanswered: batches for which neither loss gave an answer.
    tolerance: the largest relative difference that was attributed to rounding.
    """

    examples: int = 0
    comparisons: int = 0
    unanswered: int = 0
    tolerance: float = 0.0


@dataclass(frozen=True)
class Pair:
    """Two losses, restricted to the components that both return.

    only_old, only_new: the components that one of them returns.
    """

    old: Candidate
    new: Candidate
    only_old: tuple[str, ...]
    only_new: tuple[str, ...]

    @property
    def gradients(self) -> bool:
        """Whether both have gradients, which are then compared too."""
        return self.old.has_gradients and self.new.has_gradients

    @staticmethod
    def of(old: Candidate, new: Candidate) -> Pair:
        """Return the pair of two losses as they were loaded."""
        common = tuple(c for c in old.components if c in new.components)
        return Pair(
            restrict(old, common),
            restrict(new, common),
            tuple(c for c in old.components if c not in common),
            tuple(c for c in new.components if c not in common),
        )


def restrict(candidate: Candidate, components: tuple[str, ...]) -> Candidate:
    """Return a candidate that evaluates to these components only.

    Its `run` raises LossError if the loss omits one of them.
    """

    def run(problem: AnyProblem, batch: AnyBatch, gradients: bool) -> Evaluation:
        evaluation = candidate.run(problem, batch, gradients)
        missing = [c for c in components if c not in evaluation.components]
        if missing:
            raise LossError(f"the loss returned no {missing[0]} where it had returned one")
        slopes = evaluation.gradients
        return replace(
            evaluation,
            components={c: evaluation.components[c] for c in components},
            gradients={c: slopes[c] for c in components} if slopes is not None else None,
        )

    return replace(candidate, run=run, components=components)


def _keep_x(case: Case) -> Case:
    """Return the case with its batch X alone."""
    return Case(case.problem, {"X": case.batches["X"]})


def _evaluate(pair: Pair, problem: AnyProblem, batch: AnyBatch) -> list[Evaluation | LossError]:
    """Return OLD's and NEW's answers, or the errors that they raised instead."""
    answers: list[Evaluation | LossError] = []
    for loss in (pair.old, pair.new):
        try:
            answers.append(loss.run(problem, batch, pair.gradients))
        except LossError as error:
            answers.append(error)
    return answers


def compare(pair: Pair, effort: Effort, trial: Trial) -> Iterator[Comparison]:
    """Compare the values and gradients of two losses on the trial's batch X.

    Treat numbers that are not finite in the same way as equal. Add to the effort.

    Raise LossError if exactly one of the losses gives no answer.
    """
    x, problem = trial.images("X"), trial.case.problem
    old, new = _evaluate(pair, problem, x)
    if isinstance(old, LossError):
        if isinstance(new, LossError):
            effort.unanswered += 1
            return
        raise LossError(f"OLD: {old}; NEW gives an answer")
    if isinstance(new, LossError):
        raise LossError(f"NEW: {new}; OLD gives an answer")
    rounding = Rounding.of(problem, [x], old, new)
    relative = float(rounding.tolerance(1.0)) - float(rounding.tolerance(0.0))
    effort.tolerance = max(effort.tolerance, relative)
    for component in trial.components:
        old_value, new_value = old.components[component], new.components[component]
        if _same(np.array(old_value), np.array(new_value)).all():
            old_value = new_value = 0.0
        tolerance = float(rounding.tolerance(max(abs(old_value), abs(new_value))))
        effort.comparisons += 1
        yield Comparison(component, VALUE, new_value, EQUAL, old_value, tolerance)
        if old.gradients is None or new.gradients is None:
            continue
        old_slopes, new_slopes = old.gradients[component], new.gradients[component]
        same = [_same(a, b) for a, b in zip(old_slopes, new_slopes, strict=True)]
        old_slopes, new_slopes = (
            tuple(np.where(s, 0, slope) for s, slope in zip(same, slopes, strict=True))
            for slopes in (old_slopes, new_slopes)
        )
        for comparison in worst_element(
            problem, component, VALUE, new_slopes, old_slopes, rounding
        ):
            effort.comparisons += 1
            yield comparison


def _same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return where two arrays are equal, or both NaN."""
    return np.asarray((a == b) | (np.isnan(a) & np.isnan(b)))


def difference_law(cases: Cases, check: Check, components: tuple[str, ...], one_in: int = 1) -> Law:
    """Return a law on batches X of these cases; `one_in` as in `Law`."""
    return Law(
        "difference",
        "Two losses are the same.",
        {},
        lambda variety: cases(variety).map(_keep_x),
        check,
        components,
        one_in=one_in,
        judges_refusals=True,
    )


def find_differences(
    pair: Pair,
    *,
    max_examples: int,
    seed: int | None,
    progress: Progress | None = None,
) -> tuple[list[Difference], Effort]:
    """Return, for each component that differs, the smallest batch found; and the effort spent.

    Arguments as in `mgspec.search.search.search`.
    """
    effort = Effort()
    differences: dict[str | None, Difference] = {}

    def count_example() -> None:
        effort.examples += 1
        if progress is not None:
            progress()

    def check(trial: Trial) -> Iterator[Comparison]:
        return compare(pair, effort, trial)

    for searched, one_in in _SEARCHES:
        remaining = tuple(c for c in pair.new.components if c not in differences)
        if not remaining or None in differences:
            break
        law = difference_law(searched, check, remaining, one_in)
        for verdict in search(
            law, pair.new, max_examples=max_examples, seed=seed, progress=count_example
        ):
            if verdict.finding is not None:
                differences[verdict.component] = _difference(verdict.component, verdict.finding)
    return list(differences.values()), effort


def _difference(component: str | None, finding: Finding) -> Difference:
    c = finding.comparison
    message = finding.message
    if c is not None:
        derivative = "" if c.what == VALUE else f"{c.what.replace(VALUE, 'L(X)')}: "
        message = f"{c.component}: {derivative}OLD gives {c.expected:.9g}, NEW gives {c.actual:.9g}"
    return Difference(component, finding.case, message, c)
