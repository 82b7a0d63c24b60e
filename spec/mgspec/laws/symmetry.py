"""The laws of the layout's symmetries: other names, other axes, another place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mgspec.laws import cases
from mgspec.laws.batch import equal_values
from mgspec.laws.comparison import EQUAL, Comparison, Rounding, worst_element
from mgspec.laws.law import Trial, law
from mgspec.laws.needs import LAYOUT, MANY_DETECTORS
from mgspec.problem.changes import permute_labels, place_in_grids, transposed, transposed_array
from mgspec.problem.layout import Batch


def _order(value: object, size: int, what: str) -> Sequence[int]:
    if not isinstance(value, tuple) or sorted(value) != list(range(size)):
        raise ValueError(f"{what}: expected a permutation of {size}, got {value!r}")
    return value


@law(cases.renamed, needs=(LAYOUT, MANY_DETECTORS), on_request=True)
def relabelling(trial: Trial) -> Iterator[Comparison]:
    """Which class or anchor comes first does not matter.

    Formula: with the classes (and their weights) in another order, or the anchors of every scale,
    in everything, L stays as it is, and each channel keeps its gradient.

    Why it matters: classes are numbered by chance. A loss that treats number 0 otherwise teaches
    that class otherwise.

    Broken by: class 0 taken for background; a weight that stays where it was; boxes of the first
    anchor only.
    """
    x = trial.batch("X")
    problem = trial.problem
    classes = _order(trial.case.choices.get("classes"), problem.num_classes, "classes")
    orders = [
        _order(trial.case.choices.get(f"anchors {s}"), len(problem.anchors[s]), f"anchors {s}")
        for s in range(problem.scales)
    ]
    other_problem, other = permute_labels(problem, x, orders, classes)
    value = trial.evaluate(x, gradients=True)
    renamed = trial.evaluate(other, gradients=True, problem=other_problem)
    yield from equal_values(trial, "L(X relabelled)", renamed, value, x)
    if value.gradients is None or renamed.gradients is None:
        return
    rounding = Rounding.of(problem, [x], value, renamed)
    for c in trial.components:
        _, moved = permute_labels(
            problem, Batch(value.gradients[c], x.predictions), orders, classes
        )
        yield from worst_element(
            other_problem, c, "L(X relabelled)", renamed.gradients[c], moved.targets, rounding
        )


@law(cases.one_clear_batch, needs=(LAYOUT, MANY_DETECTORS), on_request=True)
def transposition(trial: Trial) -> Iterator[Comparison]:
    """Rows and columns are treated alike.

    Formula: with x and y, width and height, rows and columns exchanged in everything, anchors and
    input size included, L stays as it is, square grid or not; and so does its gradient.

    Why it matters: code that mixes the axes works on square images, where it was tested, and
    teaches boxes of the wrong shape on others.

    Broken by: a stride of the other axis; H and W exchanged in a reshape; an input size taken as
    (width, height).
    """
    x = trial.batch("X")
    problem = trial.problem
    other_problem, other = transposed(problem, x)
    value = trial.evaluate(x, gradients=True)
    turned = trial.evaluate(other, gradients=True, problem=other_problem)
    yield from equal_values(trial, "L(X transposed)", turned, value, x)
    if value.gradients is None or turned.gradients is None:
        return
    rounding = Rounding.of(problem, [x], value, turned)
    for c in trial.components:
        back = [transposed_array(np.asarray(g)) for g in turned.gradients[c]]
        yield from worst_element(problem, c, "L(X transposed)", back, value.gradients[c], rounding)


@law(cases.moved, needs=(LAYOUT, MANY_DETECTORS))
def translation(trial: Trial) -> Iterator[Comparison]:
    """Where in the image things are does not matter.

    Formula: in a larger grid with nothing around it, L(X put at one cell) = L(X put at another).

    Why it matters: an object must cost the same in every corner, or the detector learns where
    the data set keeps its objects.

    Broken by: cell coordinates that are transposed or start at 1; offsets of a flattened grid; a
    border that is left out.
    """
    x = trial.batch("X")
    problem = trial.problem
    rows, columns = trial.choice("rows", 0, 8), trial.choice("columns", 0, 8)
    coarse = x.grids[0]
    grids = [
        (h * (coarse[0] + rows) // coarse[0], w * (coarse[1] + columns) // coarse[1])
        for h, w in x.grids
    ]
    here, at_corner = place_in_grids(problem, x, grids, 0, 0)
    there, elsewhere = place_in_grids(
        problem, x, grids, trial.choice("row", 0, rows), trial.choice("column", 0, columns)
    )
    value = trial.evaluate(at_corner, problem=here)
    moved = trial.evaluate(elsewhere, problem=there)
    rounding = Rounding.of(problem, [at_corner], moved, value)
    if trial.candidate.options is not None:  # it may compare boxes, whatever these options say
        rounding = rounding.of_boxes_far_away(here, [at_corner])
    for c in trial.components:
        got, wanted = moved.components[c], value.components[c]
        tolerance = float(rounding.tolerance(max(abs(got), abs(wanted))))
        yield Comparison(c, "L(X moved)", got, EQUAL, wanted, tolerance)
