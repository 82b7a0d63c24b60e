"""The smallest batches on which two losses disagree, and what the disagreement depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mgspec.laws import Case, Finding, Law, Trial, cases
from mgspec.laws.comparison import EQUAL, Comparison, Rounding, worst_element
from mgspec.laws.law import Cases, Check
from mgspec.loss.candidate import Candidate, Evaluation, LossError
from mgspec.problem.layout import AnyBatch, AnyProblem, Batch
from mgspec.search.search import search

Progress = Callable[[], None]

# What is drawn, and the share of the examples that it gets: any batch, one of up to 12 images, and
# one without objects in which every logit says that there are some.
DRAWN = ((cases.one_batch, 1), (cases.sharded, 4), (cases.one_empty_batch, 4))
SURVEYED = 100  # batches compared to see where two losses differ that do


@dataclass(frozen=True)
class Difference:
    """The smallest batch found on which two losses disagree.

    component: None where one of them gave no answer. comparison: as expected is what OLD says, as
    actual what NEW says; None where one gave no answer.
    """

    component: str | None
    case: Case
    message: str
    comparison: Comparison | None

    @property
    def in_gradient(self) -> bool:
        """Whether the values are the same and the gradients are not."""
        return self.comparison is not None and self.comparison.what != VALUE

    @property
    def factor(self) -> float | None:
        """NEW / OLD; None where there is no such number."""
        c = self.comparison
        if c is None or not c.is_finite or c.expected == 0:
            return None
        return c.actual / c.expected


@dataclass
class Effort:
    """How hard was looked. tolerance: the largest part of a value taken for rounding."""

    examples: int = 0
    comparisons: int = 0
    unanswered: int = 0
    tolerance: float = 0.0


@dataclass(frozen=True)
class Pair:
    """Two losses, restricted to the components that both return.

    only_old, only_new: the other components. gradients: whether both have them.
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
        """Two losses as they were loaded."""
        common = tuple(c for c in old.components if c in new.components)
        return Pair(
            restricted(old, common),
            restricted(new, common),
            tuple(c for c in old.components if c not in common),
            tuple(c for c in new.components if c not in common),
        )


def restricted(candidate: Candidate, components: tuple[str, ...]) -> Candidate:
    """The candidate as if it returned these components only."""

    def run(problem: AnyProblem, batch: AnyBatch, gradients: bool) -> Evaluation:
        answer = candidate.run(problem, batch, gradients)
        missing = [c for c in components if c not in answer.components]
        if missing:
            raise LossError(f"the loss returned no {missing[0]} where it had returned one")
        slopes = answer.gradients
        return replace(
            answer,
            components={c: answer.components[c] for c in components},
            gradients={c: slopes[c] for c in components} if slopes is not None else None,
        )

    return replace(candidate, run=run, components=components)


VALUE = "NEW(X)"


def _only_x(case: Case) -> Case:
    return Case(case.problem, {"X": case.batches["X"]})


def _answer(
    candidate: Candidate, problem: AnyProblem, batch: AnyBatch, gradients: bool
) -> Evaluation | LossError:
    try:
        return candidate.run(problem, batch, gradients)
    except LossError as error:
        return error


def compare(pair: Pair, effort: Effort, trial: Trial) -> Iterator[Comparison]:
    """What the two losses say of a batch, as comparisons; LossError where one only has no answer.

    Numbers that are no numbers in both losses, in the same way, are the same.
    """
    x, problem = trial.images("X"), trial.case.problem
    old, new = (_answer(loss, problem, x, pair.gradients) for loss in (pair.old, pair.new))
    if isinstance(old, LossError) and isinstance(new, LossError):
        effort.unanswered += 1
        return
    for name, answer, other in (("OLD", old, "NEW"), ("NEW", new, "OLD")):
        if isinstance(answer, LossError):
            raise LossError(f"{name}: {answer}; {other} gives an answer")
    assert isinstance(old, Evaluation)
    assert isinstance(new, Evaluation)
    rounding = Rounding.of(problem, [x], old, new)
    part = float(rounding.tolerance(1.0)) - float(rounding.tolerance(0.0))
    effort.tolerance = max(effort.tolerance, part)
    for c in trial.components:
        got, want = new.components[c], old.components[c]
        if _same(np.array(got), np.array(want)).all():
            got = want = 0.0
        tolerance = float(rounding.tolerance(max(abs(got), abs(want))))
        yield Comparison(c, VALUE, got, EQUAL, want, tolerance)
        if old.gradients is None or new.gradients is None:
            continue
        ours, theirs = new.gradients[c], old.gradients[c]
        same = [_same(a, b) for a, b in zip(ours, theirs, strict=True)]
        slopes = [
            [np.where(s, 0, g) for s, g in zip(same, gradient, strict=True)]
            for gradient in (ours, theirs)
        ]
        yield from worst_element(problem, c, VALUE, slopes[0], slopes[1], rounding)


def _same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray((a == b) | (np.isnan(a) & np.isnan(b)))


def _law(pair: Pair, drawn: Cases, check: Check, **fields: Any) -> Law:
    return Law(
        "difference",
        "Two losses are the same.",
        {},
        lambda variety: drawn(variety).map(_only_x),
        check,
        **{"speaks_of": pair.new.components, **fields},
    )


def differences(
    pair: Pair,
    *,
    max_examples: int,
    seed: int | None,
    progress: Progress | None = None,
) -> tuple[list[Difference], Effort]:
    """The smallest batch for each component in which two losses disagree, and how hard was looked.

    Arguments as of `mgspec.search.search.search`.
    """
    effort = Effort()
    found: dict[str | None, Difference] = {}

    def count() -> None:
        effort.examples += 1
        if progress is not None:
            progress()

    def check(trial: Trial) -> Iterator[Comparison]:
        for comparison in compare(pair, effort, trial):
            effort.comparisons += 1
            yield comparison

    for drawn, share in DRAWN:
        left = tuple(c for c in pair.new.components if c not in found)
        if not left or None in found:
            break
        law = _law(pair, drawn, check, speaks_of=left, one_in=share)
        for verdict in search(law, pair.new, max_examples=max_examples, seed=seed, progress=count):
            if verdict.finding is not None:
                found[verdict.component] = _difference(verdict.component, verdict.finding)
    return list(found.values()), effort


def _difference(component: str | None, finding: Finding) -> Difference:
    c = finding.comparison
    message = finding.message
    if c is not None:
        what = "" if c.what == VALUE else f"{c.what.replace(VALUE, 'L(X)')}: "
        message = f"{c.component}: {what}OLD gives {c.expected:.9g}, NEW gives {c.actual:.9g}"
    return Difference(component, finding.case, message, c)


@dataclass(frozen=True)
class Seen:
    """One batch of a survey: what is true of it, and by component what the two losses said.

    values: by component (OLD, NEW, whether they differ, in value or gradient).
    """

    features: frozenset[str]
    values: Mapping[str, tuple[float, float, bool]]


FEATURES: dict[str, Callable[[AnyBatch], bool]] = {
    "without objects": lambda b: b.positives == 0,
    "with objects": lambda b: b.positives > 0,
    "with an image without objects": lambda b: min(_objects(b)) == 0,
    "in which every image has objects": lambda b: min(_objects(b)) > 0,
    "of several images": lambda b: b.images > 1,
    "of one image": lambda b: b.images == 1,
    "whose images differ in the number of objects": lambda b: len({*_objects(b)}) > 1,
    "of several scales": lambda b: isinstance(b, Batch) and len(b.targets) > 1,
    "with predictions of 50 or more": lambda b: max(np.abs(p).max() for p in b.predictions) >= 50,
}


def _objects(batch: AnyBatch) -> list[int]:
    """Of each image, how many objects or, in this project's layout, positive cells."""
    if not isinstance(batch, Batch):
        return list(batch.objects)
    return [int(n) for n in sum(mask.sum((1, 2)) for mask in batch.masks())]


def survey(pair: Pair, *, seed: int | None, progress: Progress | None = None) -> list[Seen]:
    """Batches at random, and what two losses say of those that both answer."""
    seen: list[Seen] = []
    effort = Effort()

    def check(trial: Trial) -> Iterator[Comparison]:
        batch = trial.images("X")
        try:
            found = list(compare(pair, effort, trial))
        except LossError:
            return iter(())
        values = {}
        for c in pair.new.components:
            own = [f for f in found if f.component == c]
            if own:
                differs = any(not f.holds for f in own)
                values[c] = (own[0].expected, own[0].actual, differs)
        features = frozenset(name for name, holds in FEATURES.items() if holds(batch))
        seen.append(Seen(features, values))
        return iter(())

    law = _law(pair, cases.one_batch, check)
    search(law, pair.new, max_examples=SURVEYED, seed=seed, progress=progress)
    return seen


def where(seen: list[Seen], component: str) -> str | None:
    """The batches in which a component differs, in words; None where no feature tells them."""
    known = [(s.features, s.values[component][2]) for s in seen if component in s.values]
    differing = [features for features, differs in known if differs]
    same = [features for features, differs in known if not differs]
    if len(differing) < 3 or len(same) < 3:
        return None
    shared = frozenset.intersection(*differing)
    # The feature that the fewest of the others have says most.
    by_others = {f: sum(f in features for features in same) for f in FEATURES if f in shared}
    if not by_others:
        return None
    best = min(by_others, key=lambda f: by_others[f])
    if by_others[best] > len(same) / 2:
        return None
    return f"in batches {best}" if by_others[best] == 0 else f"only in batches {best}"


def added(seen: list[Seen], component: str) -> float | None:
    """What NEW adds to OLD in every batch, if it is always the same; else None."""
    amounts = [
        s.values[component][1] - s.values[component][0] for s in seen if component in s.values
    ]
    middle = float(np.median(amounts)) if amounts else 0.0
    alike = amounts and np.mean(np.isclose(amounts, middle, rtol=1e-3, atol=1e-6)) > 0.8
    return middle if alike and middle else None
