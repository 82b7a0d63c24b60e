"""A loss as the laws see it: arrays in, named numbers and gradients out.

Whatever framework a loss is written in, an adapter turns it into a `Candidate`; the laws know
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mgspec import loss
from mgspec.layout import Batch, Problem

COMPONENTS = ("location", "anchor", "classification", "objectness", "total")

# E of the normalizations `fixed` and `expected` wherever the specification has to choose one: the
# positive cells of one object under 3x3 assignment, away from borders.
EXPECTED_CELLS = 9.0


class LossError(Exception):
    """The loss did not give an answer that can be judged: it raised, or returned no number."""


@dataclass(frozen=True)
class Evaluation:
    """What a loss says of one batch.

    components: value of each component that the loss returns.
    gradients: of each component with respect to the predictions, one `[B, H, W, 5 + A + C]` array
        a scale; None where they were not asked for or the loss has none.
    dtype: of the value returned, such as "float32".
    changed_inputs: the loss wrote into the arrays it was given.
    """

    components: Mapping[str, float]
    gradients: Mapping[str, tuple[NDArray[np.floating], ...]] | None = None
    dtype: str = "float32"
    changed_inputs: bool = False


@dataclass(frozen=True)
class Candidate:
    """A loss under judgement.

    run: evaluates (problem, batch, with gradients); raises LossError and nothing else.
    components: the names that `run` returns, in the order of `COMPONENTS`.
    claims: the normalization whose laws the loss says it obeys.
    """

    name: str
    run: Callable[[Problem, Batch, bool], Evaluation]
    components: tuple[str, ...]
    has_gradients: bool
    claims: str = "batch"


def specification(
    claims: str = "batch", expected: float | None = EXPECTED_CELLS, dtype: str = "float64"
) -> Candidate:
    """The specification's own float64 loss as a candidate."""

    def run(problem: Problem, batch: Batch, gradients: bool) -> Evaluation:
        value = loss.evaluate(problem, batch, claims, expected)
        return Evaluation(value.components, value.gradients if gradients else None, dtype)

    return Candidate(
        f"specification:{claims}",
        run,
        (*loss.COMPONENTS, "total"),
        has_gradients=True,
        claims=claims,
    )
