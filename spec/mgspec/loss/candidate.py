"""A loss as the laws see it: arrays in, named numbers and gradients out.

Whatever framework a loss is written in, an adapter turns it into a `Candidate`; the laws know
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgspec.loss import float64 as loss
from mgspec.problem.description import Described, Description
from mgspec.problem.layout import AnyProblem, Batch, Problem
from mgspec.problem.normalizations import normalization
from mgspec.problem.options import Options

COMPONENTS = ("location", "anchor", "classification", "objectness", "total")

# The three plain terms: squared error, cross-entropy, and nothing ignored.
PLAIN_OPTIONS = Options(ignore_thresh=1)

# E of the normalizations `fixed` and `expected` wherever the specification has to choose one: the
# positive cells of one object under 3x3 assignment, away from borders.
EXPECTED_CELLS = 9.0


class LossError(Exception):
    """The loss did not give an answer that can be judged: it raised, or returned no number."""


class FatalLossError(LossError):
    """The loss gave no answer and cost much to ask: it hung, or took its process with it."""


@dataclass(frozen=True)
class Evaluation:
    """What a loss says of one batch.

    components: value of each component that the loss returns.
    gradients: of each component with respect to the predictions, one `[B, H, W, 5 + A + C]` array
        a scale, or one `[B, ...]` array for each that a description calls predicted; None where
        they were not asked for or the loss has none.
    dtype: of the value returned, such as "float32".
    changed_inputs: the loss wrote into the arrays it was given.
    """

    components: Mapping[str, float]
    gradients: Mapping[str, tuple[NDArray[np.floating], ...]] | None = None
    dtype: str = "float32"
    changed_inputs: bool = False


Run = Callable[[Any, Any, bool], Evaluation]  # AnyProblem, AnyBatch, with gradients


@dataclass(frozen=True)
class BatchedRun:
    """A `run` of a loss that can also evaluate several batches in one go.

    values: of (problem, batches of one shape), what `run` gives for each without gradients.
    """

    run: Run
    values: Callable[[Problem, Sequence[Batch]], list[Evaluation]]

    def __call__(self, problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        """One batch alone."""
        return self.run(problem, batch, gradients)


@dataclass(frozen=True)
class Candidate:
    """A loss under judgement.

    run: evaluates (problem, batch, with gradients), and may be a BatchedRun; raises LossError and
        nothing else.
    components: the names that `run` returns, in the order of `COMPONENTS` where they are of those.
    claims: the normalization whose laws the loss says it obeys.
    options: those of the loss; None where it follows the options of each problem.
    modes: other ways to run the same loss, by name, such as "eager".
    description: of the images that the loss takes; None for those of this project's layout.
    few_shapes: it takes long for arrays of shapes which it has not had before.
    """

    name: str
    run: Run
    components: tuple[str, ...]
    has_gradients: bool
    claims: str = "batch"
    options: Options | None = PLAIN_OPTIONS
    modes: Mapping[str, Run] = field(default_factory=dict)
    description: Description | None = None
    few_shapes: bool = False

    def background(self, problem: AnyProblem) -> frozenset[str]:
        """The components that teach the background."""
        if isinstance(problem, Described):
            return problem.description.background
        return frozenset({"total", (self.options or problem.options).background})


def claiming(options: Options, claims: str) -> Options:
    """The options with this normalization for every term."""
    needed = normalization(claims).needs_expected
    expected = (options.expected or EXPECTED_CELLS) if needed else None
    if (options.loss_normalization, options.expected) == (claims, expected):
        return options  # checking options anew takes longer than drawing them
    return replace(options, loss_normalization=claims, expected=expected)


def components_of(options: Options | None) -> tuple[str, ...]:
    """What a loss of these options returns; None for one that follows each problem's."""
    without = options is not None and options.background == "anchor"
    return tuple(c for c in COMPONENTS if not (without and c == "objectness"))


def specification(
    claims: str = "batch", options: Options | None = PLAIN_OPTIONS, dtype: str = "float64"
) -> Candidate:
    """The specification's own float64 loss as a candidate; arguments as of `Candidate`."""

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        asked = claiming(problem.options if options is None else options, claims)
        value = loss.evaluate(replace(problem, options=asked), batch)
        names = components_of(options)
        return Evaluation(
            {name: value.components[name] for name in names},
            {name: value.gradients[name] for name in names} if gradients else None,
            dtype,
        )

    return Candidate(
        f"specification:{claims}",
        run,
        components_of(options),
        has_gradients=True,
        claims=claims,
        options=options,
    )
