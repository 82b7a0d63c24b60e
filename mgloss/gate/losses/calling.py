"""Calling a foreign loss, and making sense of what it returns, whatever its framework."""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mgspec import COMPONENTS, Batch, LossError, Problem
from mgspec.laws.comparison import UNIT_ROUNDOFF
from mgspec.problem.layout import AnyProblem
from mgspec.problem.normalizations import unknown

EXPECTED_FORM = (
    "expected a loss f(y_true, y_pred) or a factory f(problem) that returns one; "
    "y_true and y_pred are lists, one [B, H, W, 5 + A + C] array a scale"
)
EXPECTED_ANSWER = (
    "expected a scalar of a floating dtype, or a mapping of such by component: "
    + ", ".join(COMPONENTS)
)

LONGEST_NAME = 100  # characters of a component's name
LONGEST_MESSAGE = 400  # characters kept of what a foreign loss says when it raises


class AnswerError(LossError):
    """The loss returned something that is no loss value."""


@dataclass(frozen=True)
class Style:
    """How a foreign loss is called, as data: what a file that calls it must know.

    framework: whose arrays it takes, as its adapter is named. The others as of `Form`.
    """

    framework: str
    is_factory: bool
    per_scale: bool
    predictions_first: bool = False


@dataclass(frozen=True)
class Form:
    """A foreign loss and how it wants to be called.

    is_factory: `function(problem)` gives the loss. per_scale: the loss takes the arrays of one
    scale, and its values are added up. predictions_first: it takes (y_pred, y_true).
    is_described: it is of a described problem, and is called with what its description makes of
    the images. show_traceback: put it into the message when it raises. printed: what the loss has
    printed, if anything. made: the losses of a factory by problem, each made once, so that its
    state shows.
    """

    function: Callable[..., Any]
    is_factory: bool = False
    per_scale: bool = False
    predictions_first: bool = False
    is_described: bool = False
    show_traceback: bool = False
    printed: list[str] = field(default_factory=list, compare=False)
    made: dict[Problem, Callable[..., Any]] = field(default_factory=dict, compare=False)

    def call(self, problem: AnyProblem | None, *arguments: Any) -> dict[str, Any]:
        """The components returned for (y_true, y_pred), lists of arrays, or what is described.

        problem: needed by a factory. Raises LossError where there are no components.
        """
        loss = self.loss(problem)
        calls = [arguments if self.is_described else tuple(map(list, arguments))]
        if self.per_scale:
            calls = list(zip(*arguments, strict=True))
        if self.predictions_first:
            calls = [(y_pred, y_true) for y_true, y_pred in calls]
        with quiet(native=True) as output, self.survive("the loss", LossError):
            answers = [loss(*given) for given in calls]
        if not self.printed and not output.closed and output.getvalue():
            self.printed.append(output.getvalue())
        scales = [by_component(answer, any_name=self.is_described) for answer in answers]
        for scale in scales:
            if set(scale) != set(scales[0]):
                raise AnswerError("the loss returned other components for another scale")
            for component, value in scale.items():
                scalar_dtype(component, value)
        with self.survive("adding up its scales", LossError):
            return {c: sum((scale[c] for scale in scales[1:]), scales[0][c]) for c in scales[0]}

    def loss(self, problem: AnyProblem | None) -> Callable[..., Any]:
        """The loss itself, for this problem; AnswerError where a factory gives none."""
        if not self.is_factory:
            return self.function
        assert isinstance(problem, Problem)
        if problem not in self.made:
            with quiet(), self.survive("the factory", AnswerError):
                loss = loss_of(self.function(problem))
            if not callable(loss):
                raise AnswerError(
                    f"called with a problem it returned {type(loss).__name__}, which is not "
                    f"callable; {EXPECTED_FORM}"
                )
            self.made[problem] = loss
        return self.made[problem]

    @contextlib.contextmanager
    def survive(self, who: str, error_type: type[LossError]) -> Iterator[None]:
        """Turns whatever foreign code raises, Ctrl-C apart, into an error of this type."""
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit, and the outcomes of test frameworks
            detail = f"\n{traceback.format_exc()}" if self.show_traceback else ""
            raise error_type(
                f"{who} raised {type(error).__name__}: {plain_text(error)}{detail}"
            ) from error


def plain_text(error: BaseException) -> str:
    """What an exception says, in one line that is safe to print."""
    try:
        text = " ".join(str(error).split())
    except KeyboardInterrupt:
        raise
    except BaseException:
        return "(its message cannot be read)"
    return "".join(c if c.isprintable() else "?" for c in text[:LONGEST_MESSAGE])


@contextlib.contextmanager
def quiet(native: bool = False) -> Iterator[io.StringIO]:
    """What a foreign loss prints is not part of the gate's answer; yields what it was.

    native: also silence what compiled code writes straight to standard error.
    """
    with contextlib.ExitStack() as stack:
        # Nor are warnings; a project's pytest configuration may make errors of them.
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        output = io.StringIO()
        stack.enter_context(contextlib.redirect_stdout(output))
        stack.enter_context(contextlib.redirect_stderr(output))
        if native:
            stack.enter_context(_native_errors_to(os.devnull))
        yield output


@contextlib.contextmanager
def _native_errors_to(path: str) -> Iterator[None]:
    kept = os.dup(2)
    target = os.open(path, os.O_WRONLY)
    try:
        os.dup2(target, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(target)


def loss_of(value: Any) -> Any:
    """What to call of a loss: its `compute_loss` where it has one, else itself."""
    method = getattr(value, "compute_loss", None)
    if not callable(method) or isinstance(value, type):
        return value
    try:
        named = {"y", "y_pred"} <= set(inspect.signature(method).parameters)
    except (TypeError, ValueError):
        named = False
    if not named:
        return method

    def compute_loss(y_true: Any, y_pred: Any) -> Any:  # as Keras calls that of a model
        return method(y=y_true, y_pred=y_pred)

    return compute_loss


def by_component(answer: Any, *, any_name: bool = False) -> dict[str, Any]:
    """A loss's answer by component; a scalar is the total. Raises AnswerError.

    any_name: components may have any names; else those of this project's loss, in their order.
    """
    if not isinstance(answer, Mapping):
        return {"total": answer}
    if not answer:
        raise AnswerError(f"the loss returned an empty mapping; {EXPECTED_ANSWER}")
    if any_name:
        for name in answer:
            if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
                raise AnswerError(f"the loss returned a component named {name!r:.60}")
        return dict(answer)
    for name in answer:
        if name not in COMPONENTS:
            raise AnswerError(f"the loss returned an {unknown('component', name, COMPONENTS)}")
    return {name: answer[name] for name in COMPONENTS if name in answer}


def scalar_dtype(component: str, value: Any) -> str:
    """The dtype that a component's exactness is judged by. Raises AnswerError for no scalar float.

    The value may be of any framework, and may be one that is only traced. The arrays that a loss is
    given are float32, so nothing finer is expected of it.
    """
    if type(value) in (int, float):
        return "float32"
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    if dtype is None or shape is None:
        raise AnswerError(
            f"the loss returned {type(value).__name__} for {component}, which is no "
            f"number; {EXPECTED_ANSWER}"
        )
    # np.dtype and tf.DType have a name; torch.float32 says it at the end.
    name = str(getattr(dtype, "name", dtype)).rpartition(".")[2]
    if name not in UNIT_ROUNDOFF:
        raise AnswerError(f"the loss returned dtype {name} for {component}; {EXPECTED_ANSWER}")
    if len(shape):
        raise AnswerError(
            f"the loss returned shape {list(shape)} for {component}; {EXPECTED_ANSWER}"
        )
    return "float32" if name == "float64" else name


def plain_number(value: Any) -> float:
    """What `scalar_dtype` has seen to be a number, of whichever framework, as Python's."""
    return float(value.detach() if hasattr(value, "detach") else value)


def coarsest(dtypes: Sequence[str]) -> str:
    """The dtype with the largest unit roundoff."""
    return max(dtypes, key=UNIT_ROUNDOFF.__getitem__)


def probes() -> list[tuple[Problem, Batch]]:
    """Ordinary batches that show what a loss returns, the most telling first.

    Then one of square grids and a single image: where a mistake in shapes raises on the first, it
    may not on this one. Both have scales of different sizes, so that no list of arrays passes for
    an array.
    """
    anchors = (((48.0, 32.0), (32.0, 64.0)), ((16.0, 24.0),))
    return [
        _probe(Problem(anchors, 3, (32, 64)), 2, ((1, 2), (2, 4))),
        _probe(Problem(anchors, 1, (32, 32)), 1, ((1, 1), (2, 2))),
    ]


def _probe(
    problem: Problem, images: int, grids: tuple[tuple[int, int], ...]
) -> tuple[Problem, Batch]:
    targets, predictions = [], []
    for scale, grid in enumerate(grids):
        shape = (images, *grid, problem.channels(scale))
        target = np.zeros(shape, np.float32)
        target[0, 0, -1, [0, 1, 4, 5, -1]] = (0.5, 0.25, 1, 1, 1)
        targets.append(target)
        steps = np.arange(np.prod(shape)) % 9 - 4
        predictions.append((steps / 4).astype(np.float32).reshape(shape))
    return problem, Batch(tuple(targets), tuple(predictions))
