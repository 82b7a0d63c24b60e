"""The laws about how many objects an image holds and how much background surrounds them.

They change an image in place and speak of location and classification: a total also holds the
background's term, of which they say nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from mgspec.drawing.scenery import LARGEST
from mgspec.laws import cases
from mgspec.laws.batch import equal_values
from mgspec.laws.comparison import ABOVE, AT_LEAST, Comparison, Rounding
from mgspec.laws.law import OBJECT_TERMS, Trial, law
from mgspec.laws.needs import (
    ANOTHER_OBJECT,
    LAYOUT,
    MANY_DETECTORS,
    WITH_BACKGROUND,
    WITH_COPIES,
    WITHOUT_OBJECT,
)
from mgspec.problem.changes import only_object, with_background, without_object
from mgspec.problem.description import Described, Description, Image, Images, images_of, nested
from mgspec.problem.layout import AnyBatch, AnyProblem, Batch, Cell, check_same_shapes

MOST_ADDED = 100  # rows or columns


def chosen_cell(trial: Trial) -> Cell:
    """Return the drawn cell of X. Raise ValueError if it holds no object."""
    x = trial.batch("X")
    image = trial.choice("image", 0, x.images - 1)
    scale = trial.choice("scale", 0, len(x.grids) - 1)
    height, width = x.grids[scale]
    row, column = trial.choice("row", 0, height - 1), trial.choice("column", 0, width - 1)
    if not x.masks()[scale][image, row, column]:
        raise ValueError(f"row {row}, column {column} of image {image} holds no object")
    return Cell(image, scale, row, column)


def _description(trial: Trial) -> Description:
    """Return the description of the case's problem. Raise ValueError if it has none."""
    if not isinstance(trial.case.problem, Described):
        raise ValueError("problem: expected a described one, as its batches are")
    return trial.case.problem.description


def _without_chosen_object(trial: Trial) -> AnyBatch:
    """Return X without its drawn object."""
    x = trial.images("X")
    if isinstance(x, Batch):
        return without_object(x, chosen_cell(trial))
    image = trial.choice("image", 0, x.images - 1)
    if not x.objects[image]:
        raise ValueError(f"image {image} holds no object")
    number = trial.choice("object", 0, x.objects[image] - 1)
    description = _description(trial)
    assert description.without_object is not None
    images: list[Image] = [nested(arrays) for arrays in x.arrays]
    objects = list(x.objects)
    images[image] = description.without_object(images[image], number)
    objects[image] -= 1
    return images_of(description, images, objects)


def _with_background(trial: Trial) -> tuple[AnyProblem, AnyBatch]:
    """Return X with the drawn amount of background added, and the problem of the larger X."""
    x = trial.images("X")
    if isinstance(x, Images):
        description = _description(trial)
        assert description.with_background is not None
        amount = trial.choice("amount", 1, MOST_ADDED)
        images = [description.with_background(nested(arrays), amount) for arrays in x.arrays]
        return trial.case.problem, images_of(description, images, x.objects)
    return with_background(
        trial.problem,
        x,
        trial.choice("rows", 0, MOST_ADDED),
        trial.choice("columns", 0, MOST_ADDED),
        trial.number("prediction", LARGEST),
    )


@law(cases.one_more_object, speaks_of=OBJECT_TERMS, needs=(WITHOUT_OBJECT, ANOTHER_OBJECT))
def object_monotone(trial: Trial) -> Iterator[Comparison]:
    """One more object never lowers location or classification.

    Formula: L(X) >= L(X without one of its objects).

    Why it matters: a detector that misses an object and is then told of it should never see its
    loss go down: that rewards missing labels.

    Broken by: averaging over objects: a well-predicted object dilutes the errors of the others.
    """
    x = trial.images("X")

    after = trial.evaluate(x)
    before = trial.evaluate(_without_chosen_object(trial))  # last: a description may write into X
    rounding = Rounding.of(trial.case.problem, [x], after, before)
    for c in trial.components:
        got, bound = after.components[c], before.components[c]
        tolerance = float(rounding.tolerance(max(abs(got), abs(bound))))
        yield Comparison(c, "L(X with the object)", got, AT_LEAST, bound, tolerance)


@law(cases.more_perfect_objects, needs=(LAYOUT,), speaks_of=OBJECT_TERMS)
def density_monotone(trial: Trial) -> Iterator[Comparison]:
    """At the same raw sum, more positive cells never lower the value.

    Formula: S(X) = S(Y) and n(X) > n(Y) imply L(X) >= L(Y). A loss that claims to be `hybrid` must
    rise, and at most double: L(Y) < L(X) <= 2 L(Y).

    Why it matters: this is what weighting by density promises: crowded images count for more,
    within bounds, and never for less.

    Broken by: the count of positive cells in the denominator; a density weight with the wrong sign
    or without its bound.
    """
    x, cell = trial.batch("X"), chosen_cell(trial)
    claims_hybrid = trial.candidate.claims == "hybrid"
    sparse, perfect = only_object(x, cell), without_object(x, cell)
    each = [x, sparse, perfect] if claims_hybrid else [x, sparse]
    after, before, *flawless = map(trial.evaluate, each)
    rounding = Rounding.of(trial.case.problem, [x], after, before)
    cells = x.masks()[cell.scale].size
    for c in trial.components:
        got, bound = after.components[c], before.components[c]
        tolerance = float(rounding.tolerance(max(abs(got), abs(bound))))
        # In a coarse dtype the rise of `hybrid` may be less than rounding can tell.
        rise = bound * (x.positives - 1) / (cells + 1)
        relation = ABOVE if claims_hybrid and rise > 2 * tolerance else AT_LEAST
        yield Comparison(c, "L(all objects)", got, relation, bound, tolerance)
        # To a loss that decodes boxes in another way the others are not perfect, and add to S.
        if any(value.components[c] <= tolerance for value in flawless):
            known = {"L(all objects)": got}
            yield Comparison(c, "2 L(one object)", 2 * bound, AT_LEAST, got, tolerance, known)


@law(cases.equal_objects, speaks_of=OBJECT_TERMS, needs=(WITH_COPIES,))
def density_neutral(trial: Trial) -> Iterator[Comparison]:
    """The same loss per positive cell gives the same value at any density.

    Formula: if every positive cell of X and Y has the same loss, B_X = B_Y and every image holds
    objects, then L(X) = L(Y).

    Why it matters: only then can losses on a sparse and on a crowded data set be compared.

    Broken by: any denominator that does not count positive cells.
    """
    x, y = trial.images("X"), trial.images("Y")
    check_same_shapes(x, y)
    after, before = trial.evaluate(y), trial.evaluate(x)
    yield from equal_values(trial, "L(Y)", after, before, x, y)


@law(cases.background_added, speaks_of=OBJECT_TERMS, needs=(WITH_BACKGROUND, MANY_DETECTORS))
def resolution(trial: Trial) -> Iterator[Comparison]:
    """Rows or columns of background leave location and classification unchanged.

    Formula: L(X with background added below or to the right) = L(X), at the same stride.

    Why it matters: multi-scale training changes the grid from batch to batch; padding an image
    should not make its objects matter less.

    Broken by: the number of cells in the denominator.
    """
    problem, larger = _with_background(trial)
    yield from equal_values(
        trial,
        "L(X with background)",
        trial.evaluate(larger, problem=problem),
        trial.evaluate(trial.images("X")),
        larger,
    )
