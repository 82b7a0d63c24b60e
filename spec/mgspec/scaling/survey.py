"""Describe the batches on which two losses, OLD and NEW, differ, from random ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mgspec.laws import Trial, cases
from mgspec.laws.comparison import Comparison
from mgspec.loss.candidate import LossError
from mgspec.problem.layout import AnyBatch, Batch
from mgspec.scaling.difference import Effort, Pair, Progress, compare, difference_law
from mgspec.search.domain import count_objects
from mgspec.search.search import search

SURVEYED = 100  # batches to draw
LEAST_SURVEYED = 3  # batches that differ, and that do not, without which a survey says nothing


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
    "with an image without objects": lambda b: min(count_objects(b)) == 0,
    "in which every image has objects": lambda b: min(count_objects(b)) > 0,
    "of several images": lambda b: b.images > 1,
    "of one image": lambda b: b.images == 1,
    "whose images differ in the number of objects": lambda b: len({*count_objects(b)}) > 1,
    "of several scales": lambda b: isinstance(b, Batch) and len(b.targets) > 1,
    "with predictions of 50 or more": lambda b: max(np.abs(p).max() for p in b.predictions) >= 50,
}


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

    law = difference_law(cases.one_batch, check, pair.new.components)
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
