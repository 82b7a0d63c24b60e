"""The cases that the laws are tried on; each strategy builds its law's precondition.

Every strategy takes the variety of batches to draw from: `PLAIN` or `FULL`.
"""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np

from mgspec.laws.law import Case, Choice
from mgspec.layout import OBJECTNESS, WH, XY, Batch, Cell, concatenate
from mgspec.strategies import (
    EXTREME,
    ORDINARY,
    Object,
    Scene,
    Variety,
    batches,
    images,
    objects,
    right,
    scenes,
)


@st.composite
def one_batch(draw: st.DrawFn, variety: Variety) -> Case:
    """Any batch X."""
    scene = draw(scenes(variety))
    return Case(scene.problem, {"X": draw(batches(variety, scene))})


@st.composite
def one_empty_batch(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X without objects, in which every logit says that there is one.

    Predictions are ordinary: a saturated logit has no gradient.
    """
    scene = draw(scenes(variety))
    batch = draw(batches(variety, scene, kinds=(ORDINARY,), empty=True))
    wrong = [array.copy() for array in batch.predictions]
    for array in wrong:
        array[..., OBJECTNESS:] = np.abs(array[..., OBJECTNESS:]) + 1
    return Case(scene.problem, {"X": Batch(batch.targets, tuple(wrong))})


@st.composite
def two_batches(draw: st.DrawFn, variety: Variety) -> Case:
    """Batches X and Y of one problem, each of 1 to 4 images."""
    scene = draw(scenes(variety))
    return Case(
        scene.problem, {"X": draw(batches(variety, scene)), "Y": draw(batches(variety, scene))}
    )


@st.composite
def reordered(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X of 2 to 4 images and another order of them."""
    scene = draw(scenes(variety))
    batch = draw(batches(variety, scene, smallest=2))
    order = draw(st.permutations(range(batch.images - 1)))
    # The last image always moves to the front: the order is never the identity.
    return Case(scene.problem, {"X": batch}, {"order": (batch.images - 1, *order)})


@st.composite
def repeated(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X of 1 to 3 images and how many times it is repeated."""
    scene = draw(scenes(variety))
    batch = draw(batches(variety, scene, largest=3))
    return Case(scene.problem, {"X": batch}, {"times": draw(st.integers(2, 4))})


@st.composite
def sharded(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X of up to 4 images and a number of equal shards of it."""
    scene = draw(scenes(variety))
    count, size = draw(st.sampled_from(((2, 1), (3, 1), (4, 1), (2, 2))))
    batch = draw(batches(variety, scene, smallest=count * size, largest=count * size))
    return Case(scene.problem, {"X": batch}, {"shards": count})


def _put(batch: Batch, cell: Cell, thing: Object) -> Batch:
    targets = [array.copy() for array in batch.targets]
    predictions = [array.copy() for array in batch.predictions]
    place = (cell.image, cell.row, cell.column)
    targets[cell.scale][place] = thing.target
    predictions[cell.scale][place] = thing.prediction
    return Batch(tuple(targets), tuple(predictions))


def _cell_choices(cell: Cell) -> dict[str, Choice]:
    return {"image": cell.image, "scale": cell.scale, "row": cell.row, "column": cell.column}


@st.composite
def one_more_object(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X and one of its positive cells, without which it is the batch before."""
    scene = draw(scenes(variety))
    batch = draw(batches(variety, scene))
    scale, row, column = draw(st.sampled_from(scene.cells()))
    cell = Cell(draw(st.integers(0, batch.images - 1)), scale, row, column)
    batch = _put(batch, cell, draw(objects(variety, scene.problem, scale)))
    return Case(scene.problem, {"X": batch}, _cell_choices(cell))


def _perfect(scene: Scene) -> Object:
    """An object of scale 0 whose location term is 0 and whose classification term is 2e-22."""
    problem = scene.problem
    target = np.zeros(problem.channels(0), np.float32)
    target[XY] = 0.5  # phi(0) = 0.5
    target[OBJECTNESS] = 1
    target[problem.anchor_channels(0).start] = 1
    target[problem.class_channels(0).start] = 1
    return Object(target, right(target))


@st.composite
def more_perfect_objects(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X of objects on scale 0, all predicted perfectly but one, whose cell is drawn.

    With that one alone the raw sums are the same and fewer cells are positive. They are all due to
    it, so the value of a loss that weighs by density must visibly rise.
    """
    scene = draw(scenes(variety, smallest=2))
    batch = draw(batches(variety, scene, kinds=(ORDINARY,), empty=True))
    height, width = scene.grids[0]
    cells = [
        Cell(image, 0, row, column)
        for image in range(batch.images)
        for row in range(height)
        for column in range(width)
    ]
    places = draw(st.lists(st.sampled_from(cells), min_size=2, max_size=4, unique=True))
    flawed_cell, *perfect_cells = places
    if draw(st.booleans()):
        perfect_cells = [cell for cell in cells if cell != flawed_cell]
    flawed = draw(objects(variety, scene.problem, 0))
    off = draw(st.sampled_from((1, -1, 2, -2)))
    first_class = scene.problem.class_channels(0).start
    flawed.prediction[WH.start] = flawed.target[WH.start] + off
    flawed.prediction[first_class] = -2 if flawed.target[first_class] else 2
    batch = _put(batch, flawed_cell, flawed)
    for cell in perfect_cells:
        batch = _put(batch, cell, _perfect(scene))
    return Case(scene.problem, {"X": batch}, _cell_choices(flawed_cell))


@st.composite
def equal_objects(draw: st.DrawFn, variety: Variety) -> Case:
    """Batches X and Y of one size, all of whose objects on a scale are copies of one object.

    X has one in each image and scale, Y one or more.
    """
    scene = draw(scenes(variety, smallest=2))
    copies = [draw(objects(variety, scene.problem, scale)) for scale in range(scene.problem.scales)]
    sparse = dense = draw(batches(variety, scene, kinds=(ORDINARY,), empty=True))
    for image in range(sparse.images):
        for scale, (height, width) in enumerate(scene.grids):
            cells = [(row, column) for row in range(height) for column in range(width)]
            first = draw(st.sampled_from(cells))
            everywhere = draw(st.booleans())
            more = cells if everywhere else draw(st.lists(st.sampled_from(cells), max_size=4))
            sparse = _put(sparse, Cell(image, scale, *first), copies[scale])
            for place in sorted({first, *more}):
                dense = _put(dense, Cell(image, scale, *place), copies[scale])
    return Case(scene.problem, {"X": sparse, "Y": dense})


@st.composite
def background_added(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X and how many rows and columns of background it gains; at least one of either."""
    scene = draw(scenes(variety))
    batch = draw(batches(variety, scene))
    rows, columns = draw(st.sampled_from(((1, 0), (0, 1), (1, 1), (2, 0), (0, 3))))
    fill = draw(st.integers(-16, 16)) / 4
    return Case(scene.problem, {"X": batch}, {"rows": rows, "columns": columns, "prediction": fill})


@st.composite
def background_rewritten(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X, and Y: the same objects, other numbers in every cell without an object."""
    scene = draw(scenes(variety))
    batch = draw(batches(variety, scene))
    kinds = (ORDINARY, ORDINARY, EXTREME)
    other = concatenate([draw(images(variety, scene, kinds=kinds)) for _ in range(batch.images)])
    targets, predictions = [], []
    for scale, mask in enumerate(batch.masks()):
        keep = mask[..., None]
        # Any finite number may stand in a target's channels here, but no objectness.
        target = np.where(keep, batch.targets[scale], other.predictions[scale])
        target[..., OBJECTNESS] = batch.targets[scale][..., OBJECTNESS]
        targets.append(target)
        predictions.append(np.where(keep, batch.predictions[scale], other.predictions[scale]))
    return Case(scene.problem, {"X": batch, "Y": Batch(tuple(targets), tuple(predictions))})
