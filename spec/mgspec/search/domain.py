"""The domain of a loss: the batches that it answers, and what those that it refuses have in common.

A loss refuses a batch if it raises, or gives a number that is not finite. The law `finite` tells of
that; the other laws are judged on the batches that the loss answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mgspec.loss.candidate import Candidate, Evaluation, LossError
from mgspec.problem.layout import AnyBatch, AnyProblem, Batch, Problem

LEAST_SHARE = 0.1  # of its cases, that a loss must answer so that a law can be judged
LEAST_SEEN = 3  # batches refused, and answered, without which nothing is said to be in common
MOST_SEEN = 500  # batches of either kind to look at


@dataclass(frozen=True)
class Domain:
    """On how many of the cases drawn for a law the loss answers.

    drawn, answered: numbers of cases.
    refused: what the batches that the loss refuses have, and no others, such as "grids that are not
        square"; empty if no simple feature tells them apart.
    """

    drawn: int
    answered: int
    refused: str = ""

    @property
    def is_enough(self) -> bool:
        """Whether the loss answers enough cases to be judged."""
        return self.answered >= LEAST_SHARE * self.drawn

    @property
    def share(self) -> str:
        """The share answered, such as "61 of 100"."""
        return f"{self.answered} of {self.drawn}"

    @property
    def words(self) -> str:
        """What a loss answers, such as "it answers 61 of 100 batches"."""
        answers = f"it answers {self.share} batches"
        if not self.refused:
            return answers
        return f"{answers}; those that it does not answer, and no others, have {self.refused}"


def count_objects(batch: AnyBatch) -> list[int]:
    """Return the objects of each image; in the project's own layout, its positive cells."""
    if not isinstance(batch, Batch):
        return list(batch.objects)
    return [int(n) for n in sum(mask.sum((1, 2)) for mask in batch.masks())]


def _grids(batch: AnyBatch) -> tuple[tuple[int, int], ...]:
    return batch.grids if isinstance(batch, Batch) else ()


# What a batch may have; of those that tell the refused batches apart, the first is named.
FEATURES: dict[str, Callable[[AnyProblem, AnyBatch], bool]] = {
    "grids that are not square": lambda _, b: any(h != w for h, w in _grids(b)),
    "more than one scale": lambda _, b: len(_grids(b)) > 1,
    "no object": lambda _, b: b.positives == 0,
    "an image without objects": lambda _, b: min(count_objects(b)) == 0,
    "a single image": lambda _, b: b.images == 1,
    "a grid of one cell": lambda _, b: (1, 1) in _grids(b),
    "one class": lambda p, _: isinstance(p, Problem) and p.num_classes == 1,
    "a single scale": lambda _, b: len(_grids(b)) == 1,
    "more than one image": lambda _, b: b.images > 1,
    "objects": lambda _, b: b.positives > 0,
    "more than one class": lambda p, _: isinstance(p, Problem) and p.num_classes > 1,
}
# What a batch may have much of. If all that is refused has more than all that is answered, the most
# that is answered is named.
AMOUNTS: dict[str, Callable[[AnyBatch], float]] = {
    "logits or boxes of more than {:g} in magnitude": lambda b: max(
        float(np.abs(p).max()) for p in b.predictions
    ),
    "more than {:g} images": lambda b: b.images,
    "more than {:g} objects": lambda b: b.positives,
}


@dataclass(frozen=True)
class _Seen:
    """A batch as far as it is remembered. refused: the components without a finite number."""

    refused: frozenset[str]
    features: frozenset[str]
    amounts: tuple[float, ...]


@dataclass
class Watch:
    """Remembers which batches a loss answered.

    last_refused: the problem and the batch that the loss refused last; None if it refused none.
    """

    candidate: Candidate
    last_refused: tuple[AnyProblem, AnyBatch] | None = None
    _answered: list[_Seen] = field(default_factory=list)
    _refused: list[_Seen] = field(default_factory=list)

    def watched(self) -> Candidate:
        """Return the candidate, which from now on is watched."""
        return replace(self.candidate, run=self._run)

    def in_common(self, component: str) -> str:
        """Return what the batches have, and no others, on which the component is refused.

        Return "" if no feature tells them apart, or if few were seen.
        """
        refused = [seen for seen in self._refused if component in seen.refused]
        others = [seen for seen in self._refused if component not in seen.refused]
        answered = [*self._answered, *others]
        if min(len(refused), len(answered)) < LEAST_SEEN:
            return ""
        in_all = frozenset.intersection(*(seen.features for seen in refused))
        elsewhere = frozenset.union(*(seen.features for seen in answered))
        for feature in FEATURES:
            if feature in in_all - elsewhere:
                return feature
        for number, words in enumerate(AMOUNTS):
            most = max(seen.amounts[number] for seen in answered)
            if min(seen.amounts[number] for seen in refused) > most:
                return words.format(most)
        return ""

    def _run(self, problem: AnyProblem, batch: AnyBatch, gradients: bool) -> Evaluation:
        try:
            evaluation = self.candidate.run(problem, batch, gradients)
        except LossError:
            self._remember(problem, batch, frozenset(self.candidate.components))
            raise
        self._remember(problem, batch, refused_components(evaluation))
        return evaluation

    def _remember(self, problem: AnyProblem, batch: AnyBatch, refused: frozenset[str]) -> None:
        if refused:
            self.last_refused = problem, batch
        memory = self._refused if refused else self._answered
        if len(memory) < MOST_SEEN:
            features = frozenset(name for name, has in FEATURES.items() if has(problem, batch))
            amounts = tuple(amount(batch) for amount in AMOUNTS.values())
            memory.append(_Seen(refused, features, amounts))


def refused_components(evaluation: Evaluation) -> frozenset[str]:
    """Return the components with a value or a gradient that is not finite."""
    gradients: Mapping[str, tuple[np.ndarray, ...]] = evaluation.gradients or {}
    return frozenset(
        name
        for name, value in evaluation.components.items()
        if not np.isfinite(value) or not all(np.isfinite(g).all() for g in gradients.get(name, ()))
    )
