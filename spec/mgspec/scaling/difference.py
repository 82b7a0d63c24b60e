"""Find the smallest batches on which two losses, OLD and NEW, disagree, and describe them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mgspec.laws import Case, Finding, Law, Trial, cases
from mgspec.laws.comparison import EQUAL, Comparison, Rounding, worst_element
from mgspec.laws.law import Cases, Check
from mgspec.loss.candidate import Candidate, Evaluation, LossError
from mgspec.problem.layout import AnyBatch, AnyProblem, Batch
from mgspec.search.search import search

Progress = Callable[[], None]

# The cases to search, and N: one of N examples is tried. In turn: any batch, batches of up to 12
# images, and batches without objects in which every logit predicts some.
_SEARCHES: tuple[tuple[Cases, int], ...] = (
    (cases.one_batch, 1),
    (cases.sharded, 4),
    (cases.one_empty_batch, 4),
)
SURVEYED = 100  # batches drawn to describe those on which two losses differ
LEAST_SURVEYED = 3  # batches of each kind, without which a survey says nothing

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


def _law(cases: Cases, check: Check, components: tuple[str, ...], one_in: int = 1) -> Law:
    """Return a law on batches X of these cases; `one_in` as in `Law`."""
    return Law(
        "difference",
        "Two losses are the same.",
        {},
        lambda variety: cases(variety).map(_keep_x),
        check,
        components,
        one_in=one_in,
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
        law = _law(searched, check, remaining, one_in)
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


@dataclass(frozen=True)
class Values:
    """The values of a component in both losses; `differ` if values or gradients differ."""

    old: float
    new: float
    differ: bool


@dataclass(frozen=True)
class SurveyedBatch:
    """One batch of a survey: the names of its `FEATURES`, and the values of each component."""

    features: frozenset[str]
    values: Mapping[str, Values]


FEATURES: dict[str, Callable[[AnyBatch], bool]] = {
    "without objects": lambda b: b.positives == 0,
    "with objects": lambda b: b.positives > 0,
    "with an image without objects": lambda b: min(_count_objects(b)) == 0,
    "in which every image has objects": lambda b: min(_count_objects(b)) > 0,
    "of several images": lambda b: b.images > 1,
    "of one image": lambda b: b.images == 1,
    "whose images differ in the number of objects": lambda b: len({*_count_objects(b)}) > 1,
    "of several scales": lambda b: isinstance(b, Batch) and len(b.targets) > 1,
    "with predictions of 50 or more": lambda b: max(np.abs(p).max() for p in b.predictions) >= 50,
}


def _count_objects(batch: AnyBatch) -> list[int]:
    """Return the objects of each image; in the project's own layout, its positive cells."""
    if not isinstance(batch, Batch):
        return list(batch.objects)
    return [int(n) for n in sum(mask.sum((1, 2)) for mask in batch.masks())]


def survey(
    pair: Pair, *, seed: int | None, progress: Progress | None = None
) -> list[SurveyedBatch]:
    """Compare two losses on random batches, and return those that both losses answer."""
    surveyed: list[SurveyedBatch] = []
    effort = Effort()

    def check(trial: Trial) -> Iterator[Comparison]:
        batch = trial.images("X")
        try:
            comparisons = list(compare(pair, effort, trial))
        except LossError:
            return iter(())
        values = {}
        for component in pair.new.components:
            of_component = [c for c in comparisons if c.component == component]
            if of_component:
                value, *_ = of_component
                differ = any(not c.holds for c in of_component)
                values[component] = Values(value.expected, value.actual, differ)
        features = frozenset(name for name, has in FEATURES.items() if has(batch))
        surveyed.append(SurveyedBatch(features, values))
        return iter(())

    law = _law(cases.one_batch, check, pair.new.components)
    search(law, pair.new, max_examples=SURVEYED, seed=seed, progress=progress)
    return surveyed


def describe_differing_batches(surveyed: Sequence[SurveyedBatch], component: str) -> str | None:
    """Return the batches on which a component differs, such as "only in batches of one image".

    Return None if no feature separates them from the others.
    """
    features_by_outcome: dict[bool, list[frozenset[str]]] = {True: [], False: []}
    for batch in surveyed:
        if component in batch.values:
            features_by_outcome[batch.values[component].differ].append(batch.features)
    differing, same = features_by_outcome[True], features_by_outcome[False]
    if min(len(differing), len(same)) < LEAST_SURVEYED:
        return None
    shared = frozenset.intersection(*differing)
    # The rarer a feature is among the other batches, the better it separates.
    others_with = {f: sum(f in features for features in same) for f in FEATURES if f in shared}
    if not others_with:
        return None
    best = min(others_with, key=lambda feature: others_with[feature])
    if others_with[best] > len(same) / 2:
        return None
    return f"in batches {best}" if others_with[best] == 0 else f"only in batches {best}"


def constant_offset(surveyed: Sequence[SurveyedBatch], component: str) -> float | None:
    """Return NEW - OLD if it is the same, and not 0, on nearly every batch; else None."""
    offsets = [
        batch.values[component].new - batch.values[component].old
        for batch in surveyed
        if component in batch.values
    ]
    if not offsets:
        return None
    median = float(np.median(offsets))
    share = np.mean(np.isclose(offsets, median, rtol=1e-3, atol=1e-6))
    return median if share > 0.8 and median else None
