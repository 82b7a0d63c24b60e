"""The laws that need the layout of cells and channels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mgspec import loss
from mgspec.candidate import EXPECTED_CELLS, Evaluation
from mgspec.comparison import EQUAL, Comparison, Rounding, worst_element
from mgspec.laws import cases
from mgspec.laws.batch import equal_values
from mgspec.laws.density import OBJECT_TERMS
from mgspec.laws.law import Trial, law
from mgspec.layout import Batch, same_sizes


@law(cases.background_rewritten, speaks_of=("location", "anchor", "classification"))
def masking(trial: Trial) -> Iterator[Comparison]:
    """A cell without an object has no say in location and classification.

    Formula: with other predictions in the background cells, L_location and L_classification stay
    as they are and have no gradient there; with other numbers in the background cells' targets
    (objectness apart), L stays as it is.

    Why it matters: a mask of the wrong shape broadcasts without an error, and the detector is
    then trained on boxes that do not exist.

    Broken by: a forgotten mask; [B, H, W, 1] multiplied with [B, H, W]; a mask of another scale; a
    background cell's anchor target taken as it stands.
    """
    x, y = trial.batch("X"), trial.batch("Y")
    problem = trial.case.problem
    same_sizes(x, y)
    value = trial.evaluate(x)
    predicted = Batch(x.targets, y.predictions)
    moved = trial.evaluate(predicted, gradients=True)
    for comparison in equal_values(trial, "L(X with Y's background predictions)", moved, value, x):
        if comparison.component in OBJECT_TERMS:
            yield comparison
    for c in trial.components:
        if c in OBJECT_TERMS and moved.gradients is not None:
            outside = [
                np.where(mask[..., None], 0, gradient)
                for mask, gradient in zip(x.masks(), moved.gradients[c], strict=True)
            ]
            zero = [np.zeros_like(gradient) for gradient in outside]
            yield from worst_element(problem, c, "L(X)", outside, zero, None)
    told = trial.evaluate(Batch(y.targets, x.predictions))
    yield from equal_values(trial, "L(X with Y's background targets)", told, value, x)


@law(
    cases.one_batch,
    speaks_of=("location", "anchor", "classification", "total"),
    on_request=True,
)
def oracle(trial: Trial) -> Iterator[Comparison]:
    """The loss is the specification's own, component by component.

    Formula: L = the float64 loss of the specification under the claimed normalization, and the
    same for the gradients; E = 9 where a formula needs it.

    Why it matters: the other laws say what kind of loss it is; this one says which.

    Broken by: any change of value, however consistent.
    """
    x = trial.batch("X")
    value = trial.evaluate(x, gradients=True)
    right = loss.evaluate(trial.case.problem, x, trial.candidate.claims, EXPECTED_CELLS)
    rounding = Rounding.of(
        trial.case.problem, [x], value, Evaluation(right.components, dtype="float64")
    )
    for c in trial.components:
        got, want = value.components[c], right.components[c]
        tolerance = float(rounding.tolerance(max(abs(got), abs(want))))
        yield Comparison(c, "L(X)", got, EQUAL, want, tolerance)
        if value.gradients is not None:
            yield from worst_element(
                trial.case.problem, c, "L(X)", value.gradients[c], right.gradients[c], rounding
            )
