"""How to call a foreign loss: a plain function, a factory, one scale at a time, described."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mgloss.gate.losses.answers import (
    AnswerError,
    as_number,
    judged_dtype,
    shape_of,
    split_components,
)
from mgloss.gate.losses.generators import find_generators
from mgloss.gate.losses.output import plain_text, quiet
from mgloss.gate.losses.signatures import loss_function
from mgspec import LossError, Problem
from mgspec.loss.candidate import ModeError
from mgspec.problem.layout import AnyProblem

# Ways to run a loss, as reports name them.
EAGER = "eager"
TRACED = "traced"  # for unknown sizes of the batch and of the grids
AS_IT_IS = "tf.function"
COMPILED = "compiled"  # where that is safe
XLA = "xla"
HALVES = ("float16", "bfloat16")  # predictions of this dtype, computed with in float32
REFERENCE_MODES = (EAGER, XLA, *HALVES)

EXPECTED_FORM = (
    "expected a loss f(y_true, y_pred) or a factory f(problem) that returns one; "
    "y_true and y_pred are lists, one [B, H, W, 5 + A + C] array a scale"
)


@dataclass(frozen=True)
class Style:
    """What a file that calls a loss must know of it, as plain data.

    framework: name of the framework whose arrays the loss takes.
    averages: the loss returns values of each image, which are averaged, as `Form.average` does.
    way: how the laws run it. modes: other ways, which the law of this name compares with it.
    The other fields: see `Form`.
    """

    framework: str
    is_factory: bool
    per_scale: bool
    predictions_first: bool = False
    averages: bool = False
    way: str = EAGER
    modes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Form:
    """A foreign loss and how to call it.

    function: the loss, or a factory of losses.
    is_factory: `function(problem)` returns the loss.
    per_scale: the loss takes the arrays of one scale; the values of all scales are added up.
    predictions_first: the loss takes (y_pred, y_true).
    is_described: the loss belongs to a described problem, and takes what the description's
        `arguments` returns.
    component: what a loss that returns one number is said to be; None for the total.
    average: makes one number of the values that a Keras loss returns, as Keras does; None for a
        loss that must return numbers.
    show_traceback: add the traceback to the message when the loss raises.
    printed: the first output of the loss, if it printed anything.
    losses: the losses that a factory made. It makes one for each problem, once, so that a loss
        that keeps state between calls is found out.
    generators: those of random numbers that belong to the loss or to a factory's module; by
        problem, those of a loss that the factory made.
    wrap: returns the function to call in place of a loss, such as one that traces it.
    draws: not empty once TensorFlow was seen to draw random numbers for the loss.
    """

    function: Callable[..., Any] = field(hash=False)  # an object that can be called may have none
    is_factory: bool = False
    per_scale: bool = False
    predictions_first: bool = False
    is_described: bool = False
    component: str | None = None
    average: Callable[[Any], Any] | None = None
    show_traceback: bool = False
    printed: list[str] = field(default_factory=list, compare=False)
    losses: dict[Problem, Callable[..., Any]] = field(default_factory=dict, compare=False)
    generators: dict[AnyProblem | None, tuple[Any, ...]] = field(
        default_factory=dict, compare=False
    )
    wrap: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None
    draws: list[None] = field(default_factory=list, compare=False)

    def call(
        self,
        problem: AnyProblem | None,
        *arguments: Any,
        watch: Callable[[Any], None] | None = None,
    ) -> dict[str, Any]:
        """Call the loss and return its components.

        problem: what a factory needs; ignored by other forms.
        arguments: (y_true, y_pred), each a list of one array a scale; for a described problem what
            its description's `arguments` returned.
        watch: called with what the loss is about to receive, one tuple for each call of it.

        Raise LossError if the loss gives no components.
        """
        loss = self.loss(problem)
        if self.wrap is not None:
            loss = self.wrap(loss)
        calls = self._calls(arguments)
        if watch is not None:
            watch(calls)
        with quiet(native=True) as output, self.reraise("the loss", LossError):
            answers = [loss(*passed) for passed in calls]
        if not self.printed and not output.closed and output.getvalue():
            self.printed.append(output.getvalue())
        scales = [self._numbers(answer) for answer in answers]
        for scale in scales:
            if set(scale) != set(scales[0]):
                raise AnswerError("the loss returned other components for another scale")
        with self.reraise("adding up its scales", LossError):
            return {c: sum((scale[c] for scale in scales[1:]), scales[0][c]) for c in scales[0]}

    def _numbers(self, answer: Any) -> dict[str, Any]:
        """Return what a call of the loss returned, as one number a component."""
        with self.reraise("what the loss returned", LossError):
            components = split_components(
                answer, any_name=self.is_described, component=self.component
            )
            if self.average is not None:
                components = {
                    name: self.average(value) if shape_of(value) else value
                    for name, value in components.items()
                }
            components = {name: as_number(value) for name, value in components.items()}
        for name, value in components.items():
            judged_dtype(name, value)
        return components

    def loss(self, problem: AnyProblem | None) -> Callable[..., Any]:
        """Return the loss for a problem; raise AnswerError if a factory does not return one."""
        if not self.is_factory:
            return self.function
        assert isinstance(problem, Problem)
        if problem not in self.losses:
            with quiet(), self.reraise("the factory", AnswerError):
                loss = loss_function(self.function(problem))
            if not callable(loss):
                raise AnswerError(
                    f"called with a problem it returned {type(loss).__name__}, which is not "
                    f"callable; {EXPECTED_FORM}"
                )
            self.generators[problem] = find_generators(loss)
            self.losses[problem] = loss
        return self.losses[problem]

    def generators_of(self, problem: AnyProblem | None) -> tuple[Any, ...]:
        """Return the generators that the loss for a problem may draw from, besides the global ones.

        Raise AnswerError if a factory does not return a loss.
        """
        common = self.generators.get(None, ())
        if not self.is_factory:
            return common
        self.loss(problem)
        return (*common, *self.generators[problem])

    @contextlib.contextmanager
    def reraise(self, actor: str, error_type: type[LossError]) -> Iterator[None]:
        """Turn whatever foreign code raises, except Ctrl-C, into an error of this type.

        actor: what raises, as the message names it, such as "the loss".
        """
        try:
            yield
        except (KeyboardInterrupt, AnswerError, ModeError):
            raise
        except BaseException as error:  # SystemExit, and the outcomes of test frameworks
            detail = f"\n{traceback.format_exc()}" if self.show_traceback else ""
            raise error_type(
                f"{actor} raised {type(error).__name__}: {plain_text(error)}{detail}"
            ) from error

    def _calls(self, arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Return the arguments of each call of the loss.

        Make one call, or one for each scale if the loss takes one scale. Put predictions first
        if the loss does.
        """
        if self.is_described:
            return [arguments]
        y_true, y_pred = arguments
        calls = (
            list(zip(y_true, y_pred, strict=True))
            if self.per_scale
            else [(list(y_true), list(y_pred))]
        )
        if self.predictions_first:
            return [(pred, true) for true, pred in calls]
        return list(calls)
