"""The interface of an adapter, and the evaluation of a batch that all adapters share.

An adapter turns NumPy arrays into arrays of its framework, calls the loss with them, and
differentiates the loss. Everything else about an evaluation is the same for all frameworks, and is
here and in `mgloss.gate.losses.form`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from mgloss.gate.losses.answers import coarsest_dtype, judged_dtype, to_float
from mgloss.gate.losses.form import Form
from mgloss.gate.losses.generators import SEED, seeded
from mgspec import Batch, Described, Evaluation, LossError
from mgspec.loss.candidate import ModeError
from mgspec.problem.description import Stack, nested, stack_padded
from mgspec.problem.layout import AnyBatch, AnyProblem

Array = NDArray[Any]


@dataclass(frozen=True)
class Answer:
    """What a loss returned for a batch, in numbers of its framework.

    components: the value of each component.
    gradients: for each component, one array for each array of predictions; None if not requested.
    changed_inputs: whether the loss modified what it received.
    undifferentiable: the components that do not depend on the predictions, as far as the framework
        can follow; empty if gradients were not requested or the framework does not tell.
    """

    components: Mapping[str, Any]
    gradients: Mapping[str, Sequence[Array]] | None = None
    changed_inputs: bool = False
    undifferentiable: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Call:
    """A loss as a function of two lists of arrays: the predictions, and all others.

    Equal calls compute the same function, so an adapter may cache what it compiled for one.

    form: the loss and how to call it.
    stack: the adapter's `stack`.
    problem: what a factory or a description needs; None for a plain loss.
    array_names: for each image of a described batch, the joined names of its arrays, the predicted
        ones first; None for this project's layout.
    predicted_count: how many arrays of an image are predicted, for a described batch.
    """

    form: Form
    stack: Stack
    problem: AnyProblem | None = None
    array_names: tuple[tuple[str, ...], ...] | None = None
    predicted_count: int = 0

    def __call__(
        self,
        predictions: Sequence[Any],
        others: Sequence[Any],
        watch: Callable[[Any], None] | None = None,
    ) -> dict[str, Any]:
        """Call the loss and return its components.

        watch: called with the arrays, and with what the loss is about to receive.

        Raise AnswerError if one is not a number, LossError if there are none.
        """
        if self.array_names is None:
            arguments: tuple[Any, ...] = list(others), list(predictions)
        else:
            arguments = self._described_arguments(iter(predictions), iter(others))
        if watch is not None:
            watch((predictions, others))
        components = self.form.call(self.problem, *arguments, watch=watch)
        for name, value in components.items():
            judged_dtype(name, value)
        return components

    def _described_arguments(
        self, predictions: Iterator[Any], others: Iterator[Any]
    ) -> tuple[Any, ...]:
        """Rebuild the nested images, and let the description make the loss's arguments of them."""
        assert self.array_names is not None
        assert isinstance(self.problem, Described)
        images = [
            nested(
                {
                    name: next(predictions if position < self.predicted_count else others)
                    for position, name in enumerate(names)
                }
            )
            for names in self.array_names
        ]
        with self.form.reraise("the description's `arguments`", LossError):
            return self.problem.description.arguments(images, self.stack)


@dataclass(frozen=True)
class Manner:
    """How to evaluate a loss.

    way: one of the adapter's ways to run a loss, such as "eager".
    seed: what all generators of random numbers are seeded with.
    gradients: whether to differentiate.
    is_compared: whether the values are compared with those of another way.
    """

    way: str
    seed: int = SEED
    gradients: bool = False
    is_compared: bool = False


@dataclass(frozen=True)
class Ways:
    """The ways in which an adapter can run a loss, by their names.

    usual: those in which the laws may judge it, the likeliest first.
    others: those that `modes` compares with it.
    """

    usual: tuple[str, ...]
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Adapter:
    """What a framework's module provides, as its constant ADAPTER.

    name: of the framework, as in `FRAMEWORKS`.
    has_gradients: whether the framework differentiates.
    compiles: whether the framework compiles a loss for each new shape, which takes long.
    start: sets the framework up; called once, before the other functions.
    stack: combines arrays of the framework.
    is_own_number: says whether the framework computed a component's value.
    average: returns the mean of all numbers of an array of the framework.
    trial: the way in which to see what a loss returns.
    ways: returns the ways to run a loss; the second argument is a dtype to autocast to, or None.
    answer: evaluates a call on the predictions and the other arrays. The loss cannot modify these
        arrays: it receives copies. May raise ModeError for a way that is not the usual one.
    """

    name: str
    has_gradients: bool
    compiles: bool
    start: Callable[[], None]
    stack: Stack
    is_own_number: Callable[[Any], bool]
    average: Callable[[Any], Any]
    trial: str
    ways: Callable[[Callable[..., Any], str | None], Ways]
    answer: Callable[[Call, Sequence[Array], Sequence[Array], Manner], Answer]


def evaluate(
    adapter: Adapter,
    form: Form,
    way: str,
    seed: int,
    problem: AnyProblem,
    batch: AnyBatch,
    gradients: bool,
) -> Evaluation:
    """Evaluate a loss on a batch; raise LossError if it gives no answer."""
    manner = Manner(way, seed, gradients and adapter.has_gradients)
    return to_evaluation(batch, ask(adapter, form, manner, problem, batch))


def evaluate_in_mode(
    adapter: Adapter, form: Form, way: str, problem: AnyProblem, batch: AnyBatch, gradients: bool
) -> Evaluation:
    """Evaluate a loss to compare it with another way; raise ModeError if it gives no answer."""
    manner = Manner(way, SEED, gradients and adapter.has_gradients, is_compared=True)
    try:
        return to_evaluation(batch, ask(adapter, form, manner, problem, batch))
    except ModeError:
        raise
    except LossError as error:
        raise ModeError(str(error)) from error


def ask(
    adapter: Adapter, form: Form, manner: Manner, problem: AnyProblem, batch: AnyBatch
) -> Answer:
    """Evaluate a loss on a batch, in its framework's numbers; raise LossError without an answer."""
    call, predictions, others = _split(form, adapter.stack, problem, batch)
    with seeded(manner.seed, form.generators_of(call.problem)):
        return adapter.answer(call, predictions, others, manner)


def to_evaluation(batch: AnyBatch, answer: Answer) -> Evaluation:
    """Convert an answer to Python's numbers and NumPy's arrays."""
    gradients = None
    if answer.gradients is not None:
        gradients = {name: _join_images(batch, arrays) for name, arrays in answer.gradients.items()}
    return Evaluation(
        {name: to_float(value) for name, value in answer.components.items()},
        gradients,
        coarsest_dtype([judged_dtype(name, value) for name, value in answer.components.items()]),
        answer.changed_inputs,
    )


def _split(
    form: Form, stack: Stack, problem: AnyProblem, batch: AnyBatch
) -> tuple[Call, list[Array], list[Array]]:
    """Return the call for a batch, its predictions, and its other arrays."""
    if isinstance(batch, Batch):
        call = Call(form, stack, problem if form.is_factory else None)
        return call, list(batch.predictions), list(batch.targets)
    predicted = batch.predicted
    array_names = tuple(
        (*predicted, *(name for name in image if name not in predicted)) for image in batch.arrays
    )
    return (
        Call(form, stack, problem, array_names, len(predicted)),
        [image[name] for image in batch.arrays for name in predicted],
        [image[name] for image in batch.arrays for name in image if name not in predicted],
    )


def _join_images(batch: AnyBatch, gradients: Sequence[Array]) -> tuple[Array, ...]:
    """Return one `[B, ...]` array for each predicted array, as `Images.predictions` does."""
    if isinstance(batch, Batch):
        return tuple(gradients)
    count = len(batch.predicted)
    return tuple(stack_padded(gradients[position::count]) for position in range(count))
