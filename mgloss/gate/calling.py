"""Calling a foreign loss, and making sense of what it returns, whatever its framework."""

from __future__ import annotations

import contextlib
import io
import os
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mgspec import COMPONENTS, Batch, LossError, Problem
from mgspec.comparison import UNIT_ROUNDOFF
from mgspec.normalizations import unknown

EXPECTED_FORM = (
    "expected a loss f(y_true, y_pred) or a factory f(problem) that returns one; "
    "y_true and y_pred are lists, one [B, H, W, 5 + A + C] array a scale"
)
EXPECTED_ANSWER = (
    "expected a scalar of a floating dtype, or a mapping of such by component: "
    + ", ".join(COMPONENTS)
)

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


@dataclass(frozen=True)
class Form:
    """A foreign loss and how it wants to be called.

    is_factory: `function(problem)` gives the loss. per_scale: the loss takes the arrays of one
    scale, and its values are added up. show_traceback: put it into the message when it raises.
    printed: what the loss has printed, if anything. made: the losses of a factory by problem, each
    made once, so that its state shows.
    """

    function: Callable[..., Any]
    is_factory: bool
    per_scale: bool = False
    show_traceback: bool = False
    printed: list[str] = field(default_factory=list, compare=False)
    made: dict[Problem, Callable[..., Any]] = field(default_factory=dict, compare=False)

    def call(
        self, problem: Problem, y_true: Sequence[Any], y_pred: Sequence[Any]
    ) -> dict[str, Any]:
        """The components returned for these arrays; LossError where there are none."""
        loss = self._loss(problem)
        with quiet(native=True) as output, self.survive("the loss", LossError):
            if not self.per_scale:
                answer = loss(list(y_true), list(y_pred))
            else:
                answers = [loss(t, p) for t, p in zip(y_true, y_pred, strict=True)]
        if not self.printed and not output.closed and output.getvalue():
            self.printed.append(output.getvalue())
        if not self.per_scale:
            return by_component(answer)
        scales = [by_component(answer) for answer in answers]
        for scale in scales:
            if set(scale) != set(scales[0]):
                raise AnswerError("the loss returned other components for another scale")
            for component, value in scale.items():
                number(component, value)
        with self.survive("adding up its scales", LossError):
            return {c: sum((scale[c] for scale in scales[1:]), scales[0][c]) for c in scales[0]}

    def _loss(self, problem: Problem) -> Callable[..., Any]:
        if not self.is_factory:
            return self.function
        if problem not in self.made:
            with quiet(), self.survive("the factory", AnswerError):
                loss = self.function(problem)
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
    except Exception:
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


def by_component(answer: Any) -> dict[str, Any]:
    """A loss's answer by component; a scalar is the total. Raises AnswerError."""
    if not isinstance(answer, Mapping):
        return {"total": answer}
    for name in answer:
        if name not in COMPONENTS:
            raise AnswerError(f"the loss returned an {unknown('component', name, COMPONENTS)}")
    if not answer:
        raise AnswerError(f"the loss returned an empty mapping; {EXPECTED_ANSWER}")
    return {name: answer[name] for name in COMPONENTS if name in answer}


def number(component: str, value: Any) -> tuple[float, str]:
    """A component's value, and the dtype that its exactness is judged by. Raises AnswerError.

    The arrays that a loss is given are float32, so nothing finer is expected of it.
    """
    try:
        # bfloat16 tensors become arrays only by their own method.
        array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
        if type(value) in (int, float):
            return float(value), "float32"
    except Exception as error:
        raise AnswerError(
            f"the loss returned {type(value).__name__} for {component}, which is no number "
            f"({plain_text(error)}); {EXPECTED_ANSWER}"
        ) from error
    dtype = array.dtype.name
    if dtype not in UNIT_ROUNDOFF:
        kind = type(value).__name__ if array.dtype == object else f"dtype {dtype}"
        raise AnswerError(f"the loss returned {kind} for {component}; {EXPECTED_ANSWER}")
    if array.ndim:
        raise AnswerError(
            f"the loss returned shape {list(array.shape)} for {component}; {EXPECTED_ANSWER}"
        )
    return float(array), "float32" if dtype == "float64" else dtype


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
