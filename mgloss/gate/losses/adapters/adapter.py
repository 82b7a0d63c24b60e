"""What an adapter does for its framework, and the evaluation that all of them share.

An adapter is a module. It makes arrays of its framework, calls the loss with them, and has the
framework differentiate what comes back; what a batch is made of and what may come back are the same
for all, and told here and in `mgloss.gate.losses.calling`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mgloss.gate.losses.calling import Form, coarsest, plain_number, scalar_dtype
from mgspec import Batch, Described, Evaluation, LossError
from mgspec.problem.description import nested
from mgspec.problem.layout import AnyBatch, AnyProblem

Array = NDArray[Any]


@dataclass(frozen=True)
class Answer:
    """What a loss returned, in its framework's own numbers.

    gradients: of each component, one array for each array of predictions; None if not asked for.
    changed_inputs: the loss wrote into the arrays it was given.
    """

    components: Mapping[str, Any]
    gradients: Mapping[str, Sequence[Array]] | None = None
    changed_inputs: bool = False


@dataclass(frozen=True)
class Call:
    """A loss as a function of two lists of arrays: what is predicted, and everything else.

    Two of them that are equal compute alike, so that an adapter may keep what it has compiled.

    problem: None where the loss is the same for all. places: of a described batch, the joined
    names of each image's arrays, the predicted ones first; None for this project's layout.
    predicted: how many of each image's arrays are. stack: as of the adapter.
    """

    form: Form
    stack: Callable[[Sequence[Any]], Any]
    problem: AnyProblem | None = None
    places: tuple[tuple[str, ...], ...] | None = None
    predicted: int = 0

    def __call__(self, predictions: Sequence[Any], others: Sequence[Any]) -> dict[str, Any]:
        """The components; LossError where there are none, AnswerError where they are no numbers."""
        if self.places is None:
            answer = self.form.call(self.problem, list(others), list(predictions))
        else:
            assert isinstance(self.problem, Described)
            arguments = self._arguments(self.problem, iter(predictions), iter(others))
            answer = self.form.call(self.problem, *arguments)
        for component, value in answer.items():
            scalar_dtype(component, value)
        return answer

    def _arguments(self, problem: Described, predictions: Any, others: Any) -> tuple[Any, ...]:
        assert self.places is not None
        images = [
            nested(
                {
                    place: next(predictions if number < self.predicted else others)
                    for number, place in enumerate(of_image)
                }
            )
            for of_image in self.places
        ]
        with self.form.survive("the description's `arguments`", LossError):
            return problem.description.arguments(images, self.stack)


class Adapter(Protocol):
    """What is asked of the module of a framework.

    NAME: of the framework, as --framework takes it. COMPILES: each shape anew, which takes long.
    """

    NAME: str
    HAS_GRADIENTS: bool
    COMPILES: bool

    def start(self) -> None:
        """Set the framework up; called once, before anything else."""

    def stack(self, arrays: Sequence[Any]) -> Any:
        """Arrays of the framework in one, with a new first axis."""

    def is_answer(self, value: Any) -> bool:
        """Whether a component shows that it was computed by the framework."""

    def answer(
        self, call: Call, predictions: Sequence[Array], others: Sequence[Array], gradients: bool
    ) -> Answer:
        """The loss of these arrays, which it cannot spoil, and the gradients if asked for."""


def arrays_of(
    form: Form, stack: Callable[[Sequence[Any]], Any], problem: AnyProblem, batch: AnyBatch
) -> tuple[Call, list[Array], list[Array]]:
    """The call that a batch asks for, its predictions, and its other arrays."""
    if isinstance(batch, Batch):
        asked = problem if form.is_factory else None
        return Call(form, stack, asked), list(batch.predictions), list(batch.targets)
    predicted = batch.predicted
    places = tuple(
        (*predicted, *(name for name in image if name not in predicted)) for image in batch.each
    )
    return (
        Call(form, stack, problem, places, len(predicted)),
        [image[name] for image in batch.each for name in predicted],
        [image[name] for image in batch.each for name in image if name not in predicted],
    )


def asked(
    adapter: Adapter, form: Form, problem: AnyProblem, batch: AnyBatch, gradients: bool
) -> Answer:
    """What the loss says of a batch, in the framework's own numbers; raises LossError."""
    call, predictions, others = arrays_of(form, adapter.stack, problem, batch)
    return adapter.answer(call, predictions, others, gradients and adapter.HAS_GRADIENTS)


def evaluate(
    adapter: Adapter, form: Form, problem: AnyProblem, batch: AnyBatch, gradients: bool
) -> Evaluation:
    """What the loss says of a batch; raises LossError."""
    return evaluation(batch, asked(adapter, form, problem, batch, gradients))


def evaluation(batch: AnyBatch, answer: Answer) -> Evaluation:
    """An answer in plain numbers and arrays."""
    slopes = None
    if answer.gradients is not None:
        slopes = {name: _by_array(batch, found) for name, found in answer.gradients.items()}
    return Evaluation(
        {name: plain_number(value) for name, value in answer.components.items()},
        slopes,
        coarsest([scalar_dtype(name, value) for name, value in answer.components.items()]),
        answer.changed_inputs,
    )


def _by_array(batch: AnyBatch, gradients: Sequence[Array]) -> tuple[Array, ...]:
    """One `[B, ...]` array for each that is predicted."""
    if isinstance(batch, Batch):
        return tuple(gradients)
    count = len(batch.predicted)
    return tuple(np.stack(gradients[number::count]) for number in range(count))
