"""A loss as the laws see it: arrays in, named numbers and gradients out.

An adapter turns a loss of any framework into a `Candidate`. The laws know nothing else of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

# The options of the plain loss: squared error, cross-entropy, and no cell ignored.
PLAIN_OPTIONS = Options(ignore_thresh=1)

# E of the normalizations `fixed` and `expected` where the specification must choose one: the
# positive cells of one object under 3x3 assignment, away from borders.
EXPECTED_CELLS = 9.0


class LossError(Exception):
    """The loss gave no answer that can be judged: it raised, or returned no number."""


class FatalLossError(LossError):
    """The loss hung or ended its process, so that asking again would cost much."""


@dataclass(frozen=True)
class Evaluation:
    """The values and gradients of a loss on one batch.

    components: the value of each component.
    gradients: for each component its gradient with respect to the predictions: one
        `[B, H, W, 5 + A + C]` array for each scale, or one `[B, ...]` array for each predicted
        array of a description. None if they were not requested or the loss has none.
    dtype: the dtype of the values, such as "float32".
    changed_inputs: whether the loss modified the arrays that were passed to it.
    """

    components: Mapping[str, float]
    gradients: Mapping[str, tuple[NDArray[np.floating], ...]] | None = None
    dtype: str = "float32"
    changed_inputs: bool = False


Run = Callable[[Any, Any, bool], Evaluation]  # AnyProblem, AnyBatch, with gradients


@dataclass(frozen=True)
class Candidate:
    """A loss to be judged.

    run: called with (problem, batch, gradients); returns the evaluation, with gradients if the last
        argument is true. Raises LossError and nothing else.
    components: the names of the components that `run` returns, in the order of `COMPONENTS`.
    has_gradients: whether `run` can return gradients.
    claims: the normalization whose laws the loss claims to obey.
    options: the options of the loss; None if it follows the options of each problem.
    modes: other ways to run the same loss, by name, such as "eager".
    description: of the images that the loss takes; None for the project's own layout.
    few_shapes: draw arrays of few different shapes, because each new shape takes the loss long.
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
        """Return the names of the components that also hold a loss of the background."""
        if isinstance(problem, Described):
            return problem.description.background
        return frozenset({"total", (self.options or problem.options).background})


def with_normalization(options: Options, name: str) -> Options:
    """Return the options with this normalization for every term, and with E if it needs one.

    Raise ValueError if the name is unknown.
    """
    needed = normalization(name).needs_expected
    expected = (options.expected or EXPECTED_CELLS) if needed else None
    if (options.loss_normalization, options.expected) == (name, expected):
        return options  # validating new options takes longer than drawing a case
    return replace(options, loss_normalization=name, expected=expected)


def components_of(options: Options | None) -> tuple[str, ...]:
    """Return the components of a loss with these options; None if it follows each problem's."""
    if options is not None and options.background == "anchor":
        return tuple(c for c in COMPONENTS if c != "objectness")
    return COMPONENTS


def specification(
    claims: str = "batch", options: Options | None = PLAIN_OPTIONS, dtype: str = "float64"
) -> Candidate:
    """Return the specification's own float64 loss as a candidate.

    claims, options: as in `Candidate`. dtype: the dtype that its evaluations state.
    """

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        used = with_normalization(problem.options if options is None else options, claims)
        value = loss.evaluate(replace(problem, options=used), batch)
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
