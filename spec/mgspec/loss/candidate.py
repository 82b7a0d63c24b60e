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
from mgspec.loss.roles import (
    BACKGROUND,
    METRIC,
    NO_ROLES,
    OBJECTS,
    Role,
    Roles,
    Taken,
    is_total,
    may_be_idle,
    usual_role,
)
from mgspec.problem.description import Description
from mgspec.problem.detector import FixedDetector
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


class ModeError(LossError):
    """The loss cannot be run in a mode, or not so that its values can be compared.

    This breaks no law: only another value does.
    """


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

# Modes in which predictions, and what the loss computes of them, are kept in half precision. Such a
# loss may round every term to it, and must still sum in float32.
AUTOCAST = {f"autocast to {dtype}": dtype for dtype in ("bfloat16", "float16")}


@dataclass(frozen=True)
class Candidate:
    """A loss to be judged.

    run: called with (problem, batch, gradients); returns the evaluation, with gradients if the last
        argument is true. Raises LossError and nothing else.
    components: the names of the components that `run` returns, in the order of `COMPONENTS`.
    has_gradients: whether `run` can return gradients.
    claims: the normalization whose laws the loss claims to obey.
    options: the options of the loss; None if it follows the options of each problem.
    modes: other ways to run the same loss, by name, such as "eager". They may raise ModeError.
    reseeded: as `run`, with other random numbers; None if the loss can draw none. `run` itself
        seeds every generator equally, so that its evaluations draw the same numbers.
    description: of the images that the loss takes; None for the project's own layout.
    few_shapes: draw arrays of few different shapes, because each new shape takes the loss long.
    roles: what a person says of its components; None if nothing can be said, as of the reference.
    undifferentiable: the components that had no gradient whenever the loss was tried.
    one_shape: run the modes on arrays of one shape, because each new shape takes them long.
    detector: draw batches of this detector only; None for those of many.
    """

    name: str
    run: Run
    components: tuple[str, ...]
    has_gradients: bool
    claims: str = "batch"
    options: Options | None = PLAIN_OPTIONS
    modes: Mapping[str, Run] = field(default_factory=dict)
    reseeded: Run | None = None
    description: Description | None = None
    few_shapes: bool = False
    roles: Roles | None = None
    undifferentiable: frozenset[str] = frozenset()
    one_shape: bool = False
    detector: FixedDetector | None = None

    def taken(self, component: str, problem: AnyProblem | None = None) -> Taken:
        """Return the role that a component is taken for.

        problem: of the case at hand, for a loss that follows the options of each problem.
        """
        said = (self.roles or NO_ROLES).of(component)
        if said is not None:
            return Taken(component, said, f"as --{said} says", is_said=True)
        if self.description is None:
            return Taken(component, self._role_in_layout(component, problem), "as in this layout")
        return self._taken_in_described(component, self.description)

    def role(self, component: str) -> Role:
        """Return the role that a component is taken for, where no problem needs to tell."""
        return self.taken(component).role

    def is_detached(self, component: str) -> bool:
        """Return whether something is held constant by design in a component, or in its terms."""
        detached = self.roles.detached if self.roles is not None else ()
        return component in detached or (bool(detached) and is_total(component))

    def _role_in_layout(self, component: str, problem: AnyProblem | None) -> Role:
        options = self.options
        if options is None:
            options = problem.options if isinstance(problem, Problem) else PLAIN_OPTIONS
        return BACKGROUND if component in ("total", options.background) else OBJECTS

    def _taken_in_described(self, component: str, description: Description) -> Taken:
        usual = usual_role(component)
        if usual == METRIC:
            return Taken(component, METRIC, "by its name")
        if description.background is not None and component in description.background:
            return Taken(component, BACKGROUND, "as the description says")
        is_learnt = component in self.undifferentiable and usual is None
        if is_learnt and len(self.undifferentiable) < len(self.components):
            return Taken(component, METRIC, "because it never had a gradient")
        if description.background is not None:
            return Taken(component, OBJECTS, "as the description does not name it")
        if usual == BACKGROUND:
            idle = may_be_idle(component, frozenset(self.components))
            return Taken(component, BACKGROUND, _why_background(component), may_be_idle=idle)
        reason = "by its name" if usual else "because its name is not a usual one"
        return Taken(component, OBJECTS, reason)


def _why_background(component: str) -> str:
    if is_total(component):
        return (
            "as the total of a detector does (where nothing is taught by a background, as with "
            "tokens, say background=frozenset() in the description)"
        )
    return "by its name"


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
