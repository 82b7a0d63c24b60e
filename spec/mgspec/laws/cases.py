"""The strategies of the laws' cases; each one builds the precondition of its law.

Every strategy takes the variety of batches to draw from: `PLAIN` or `FULL`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import hypothesis.strategies as st
import numpy as np

from mgspec.drawing.batches import (
    draw_batch,
    draw_exactly,
    draw_images,
    draw_object,
    repeat_last,
)
from mgspec.drawing.numbers import among, orders, some, whole
from mgspec.drawing.problems import draw_any_problem, draw_described
from mgspec.drawing.scenery import EXTREME, ORDINARY, Content, Object, predict_boxes, predict_right
from mgspec.drawing.scenes import ANCHORS, STRIDE, Scene, draw_options, draw_scene
from mgspec.drawing.variety import MOST_DIFFERENT, Variety
from mgspec.laws.law import Case, Choice
from mgspec.loss.float64 import Scale, best_overlaps
from mgspec.problem.changes import concatenate, take
from mgspec.problem.description import Described, Images, images_of, nested
from mgspec.problem.layout import (
    OBJECTNESS,
    WH,
    XY,
    AnyBatch,
    AnyProblem,
    Array,
    Batch,
    Cell,
    Problem,
)

Thing = TypeVar("Thing")

ONLY_ORDINARY = Content((ORDINARY,))
EMPTY = Content((ORDINARY,), empty=True)


@st.composite
def one_batch(draw: st.DrawFn, variety: Variety) -> Case:
    """Any batch X."""
    problem, batch = draw_any_problem(draw, variety)
    return Case(problem, {"X": batch()})


@st.composite
def one_empty_batch(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X without objects, in which every logit says that there is one.

    Predictions are ordinary: a saturated logit has no gradient.
    """
    if variety.description is not None:
        problem, batch_of = draw_any_problem(draw, variety)
        return Case(problem, {"X": batch_of(empty=True)})
    scene = draw_scene(draw, variety)
    batch = draw_batch(draw, variety, scene, content=EMPTY)
    wrong = [array.copy() for array in batch.predictions]
    for array in wrong:
        array[..., OBJECTNESS:] = np.abs(array[..., OBJECTNESS:]) + 1
    return Case(scene.problem, {"X": Batch(batch.targets, tuple(wrong))})


@st.composite
def two_batches(draw: st.DrawFn, variety: Variety) -> Case:
    """Batches X and Y of one problem, each of 1 to 4 images, or of 1 to 16."""
    problem, batch = draw_any_problem(draw, variety)
    most = variety.images_of_each(2)
    return Case(problem, {"X": batch(largest=most), "Y": batch(largest=most)})


MOVES = (1.0, -0.5, 0.75)  # no two neighbours alike: a softmax does not see what all logits share


@st.composite
def other_predictions_of_objects(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X with objects, and Y: the same targets, other predictions everywhere.

    In this project's layout each prediction of Y is near that of X: a loss that compares boxes
    does not respond where they are far from each other.
    """
    if variety.description is not None:
        described = _described(draw, variety)
        held = draw_described(draw, variety, described, objects=1)
        count = held.images
        other = draw_described(draw, variety, described, objects=1, smallest=count, largest=count)
        return Case(described, {"X": held, "Y": _predicting_as(held, other)})
    scene = draw_scene(draw, variety)
    batch = draw_batch(draw, variety, scene, content=ONLY_ORDINARY)
    scale, row, column = _one_of(draw, scene.cells())
    thing = draw_object(draw, variety, scene.problem, scale)
    batch = _put(batch, [Cell(0, scale, row, column)], thing)
    moved = [p + np.resize(np.array(MOVES, np.float32), p.shape[-1]) for p in batch.predictions]
    return Case(scene.problem, {"X": batch, "Y": batch.with_predictions(moved)})


def _predicting_as(images: Images, others: Images) -> Images:
    """Return the images with the numbers that others predict, repeated to the same shapes."""
    arrays = [
        {
            name: np.resize(other[name], array.shape) if name in images.predicted else array
            for name, array in image.items()
        }
        for image, other in zip(images.arrays, others.arrays, strict=True)
    ]
    return replace(images, arrays=tuple(arrays))


@st.composite
def empty_among_others(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X without objects, Z: X with other predictions, Y, and how many of Y come first."""
    problem: AnyProblem
    empty: AnyBatch
    other: AnyBatch
    others: AnyBatch
    if variety.description is not None:
        problem = _described(draw, variety)
        empty = draw_described(draw, variety, problem, empty=True, largest=2)
        count = empty.images
        drawn = draw_described(draw, variety, problem, empty=True, smallest=count, largest=count)
        other = _predicting_as(empty, drawn)
        others = draw_described(draw, variety, problem, objects=1, largest=2)
    else:
        scene = draw_scene(draw, variety)
        problem = scene.problem
        nothing = Content(empty=True)
        empty = draw_batch(draw, variety, scene, largest=2, content=nothing)
        other = draw_exactly(draw, variety, scene, empty.images, nothing)
        others = draw_batch(draw, variety, scene, largest=2)
    before = draw(whole(0, others.images))
    return Case(problem, {"X": empty, "Y": others, "Z": other}, {"before": before})


@st.composite
def reordered(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X of 2 to 4 images and another order of them."""
    problem, batch_of = draw_any_problem(draw, variety)
    batch = batch_of(smallest=2)
    order = draw(orders(batch.images - 1))
    # The last image always moves to the front: the order is never the identity.
    return Case(problem, {"X": batch}, {"order": (batch.images - 1, *order)})


@st.composite
def repeated(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X of 1 to 3 images, or of 1 to 8, and how many times it is repeated."""
    problem, batch = draw_any_problem(draw, variety)
    most = max(3, variety.images // 4)
    return Case(problem, {"X": batch(largest=most)}, {"times": draw(whole(2, 4))})


FEW_IMAGES = ((2, 1), (3, 1), (4, 1), (2, 2))  # (shards, images of each)
SOME_IMAGES = ((2, 3), (3, 3), (4, 3))


def _shards(variety: Variety) -> tuple[tuple[int, int], ...]:
    """Return the pairs to draw from: a number of shards, and the images of each."""
    if variety.plain:
        return FEW_IMAGES
    if variety.images <= MOST_DIFFERENT:
        return (*FEW_IMAGES, *SOME_IMAGES)
    half = variety.images // 2
    if variety.few_shapes:
        return (FEW_IMAGES[0], (2, half))
    unequal = ((2, half // 2 + 1), (3, half // 2 - 1), (5, half // 3))
    return (FEW_IMAGES[0], (2, half), *unequal, (half, 2))


@st.composite
def sharded(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X of up to 12 or 32 images, 4 of them different, and a number of equal shards of it.

    Some faults show only in a batch of more than two parts, such as one in the last part that is
    accumulated.
    """
    problem, batch_of = draw_any_problem(draw, variety)
    count, size = draw(among(_shards(variety)))
    images = count * size
    drawn = min(images, 4)
    batch = take(
        batch_of(smallest=drawn, largest=drawn), [number % drawn for number in range(images)]
    )
    return Case(problem, {"X": batch}, {"shards": count})


def _one_of(draw: st.DrawFn, things: Sequence[Thing]) -> Thing:
    return things[draw(whole(0, len(things) - 1))]


def _some_of(draw: st.DrawFn, things: Sequence[Thing], least: int, most: int = 4) -> list[Thing]:
    """Draw `least` to `most` different ones of the things."""
    return [things[place] for place in draw(some(len(things), least, most))]


def _put(batch: Batch, cells: Iterable[Cell], thing: Object) -> Batch:
    """Return the batch with the same object in each of the cells."""
    targets = [array.copy() for array in batch.targets]
    predictions = [array.copy() for array in batch.predictions]
    for cell in cells:
        place = (cell.image, cell.row, cell.column)
        targets[cell.scale][place] = thing.target
        predictions[cell.scale][place] = thing.prediction
    return Batch(tuple(targets), tuple(predictions))


def _cell_choices(cell: Cell) -> dict[str, Choice]:
    return {"image": cell.image, "scale": cell.scale, "row": cell.row, "column": cell.column}


def _described(draw: st.DrawFn, variety: Variety) -> Described:
    """Draw a described problem, for cases in which an image is changed in place."""
    assert variety.description is not None
    return Described(variety.description, draw(variety.description.shared))


def _one_more_described(draw: st.DrawFn, variety: Variety) -> Case:
    """Draw a batch X and one object of its last image, the only image sure to hold objects."""
    described = _described(draw, variety)
    enough = described.description.fewest_objects + 1  # one of them is taken away
    with_objects = draw_described(draw, variety, described, largest=1, objects=enough)
    before = draw_described(draw, variety, described, largest=max(3, variety.images - 1))
    batch = concatenate([before, with_objects] if draw(st.booleans()) else [with_objects])
    image = batch.images - 1
    number = draw(whole(0, batch.objects[image] - 1))
    return Case(described, {"X": batch}, {"image": image, "object": number})


def _copied_objects(draw: st.DrawFn, variety: Variety) -> Case:
    """Draw X and Y of one size: each image of X has one object, that of Y some copies of it.

    Where the description says that each image has more, X has as many copies.
    """
    described = _described(draw, variety)
    description = described.description
    assert description.with_copies is not None
    drawn = draw_described(draw, variety, described, objects=1, largest=max(3, variety.images - 1))
    different = min(drawn.images, MOST_DIFFERENT)
    fewest = max(1, description.fewest_objects)
    copies = [draw(whole(fewest, description.most_objects)) for _ in range(different)]
    counts = [copies[image] for image in repeat_last(different, drawn.images)]
    images = [nested(drawn.arrays[0])] * drawn.images
    once = [description.with_copies(image, fewest) for image in images]
    often = [description.with_copies(i, n) for i, n in zip(images, counts, strict=True)]
    return Case(
        described,
        {
            "X": images_of(description, once, [fewest] * drawn.images),
            "Y": images_of(description, often, counts),
        },
    )


@st.composite
def one_more_object(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X and one of its positive cells, without which it is the batch before."""
    if variety.description is not None:
        return _one_more_described(draw, variety)
    scene = draw_scene(draw, variety)
    batch = draw_batch(draw, variety, scene)
    scale, row, column = _one_of(draw, scene.cells())
    cell = Cell(draw(whole(0, batch.images - 1)), scale, row, column)
    batch = _put(batch, [cell], draw_object(draw, variety, scene.problem, scale))
    return Case(scene.problem, {"X": batch}, _cell_choices(cell))


def _perfect(scene: Scene) -> Object:
    """Return an object of scale 0 with location term 0 and classification term 2e-22."""
    problem = scene.problem
    target = np.zeros(problem.channels(0), np.float32)
    target[XY] = 0.5  # phi(0) = 0.5
    target[OBJECTNESS] = 1
    target[problem.anchor_channels(0).start] = 1
    target[problem.class_channels(0).start] = 1
    return Object(target, predict_right(target))


@st.composite
def more_perfect_objects(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X of objects on scale 0, all predicted perfectly but one, whose cell is drawn.

    The raw sums are all due to that one object. With it alone they are the same, and fewer cells
    are positive. So the value of a loss that weighs by density must visibly rise.
    """
    scene = draw_scene(draw, variety, smallest=2)
    height, width = scene.grids[0]
    fewest = 1 if height * width > 1 else 2  # images; a fixed detector may have one cell
    batch = draw_batch(draw, variety, scene, smallest=fewest, content=EMPTY)
    cells = [
        Cell(image, 0, row, column)
        for image in range(batch.images)
        for row in range(height)
        for column in range(width)
    ]
    places = _some_of(draw, cells, 2)
    flawed_cell, *perfect_cells = places
    if draw(st.booleans()):
        perfect_cells = [cell for cell in cells if cell != flawed_cell]
    flawed = draw_object(draw, variety, scene.problem, 0)
    off = draw(among((1, -1, 2, -2)))
    first_class = scene.problem.class_channels(0).start
    flawed.prediction[WH.start] = flawed.target[WH.start] + off
    flawed.prediction[first_class] = -2 if flawed.target[first_class] else 2
    batch = _put(batch, [flawed_cell], flawed)
    batch = _put(batch, perfect_cells, _perfect(scene))
    return Case(scene.problem, {"X": batch}, _cell_choices(flawed_cell))


@st.composite
def equal_objects(draw: st.DrawFn, variety: Variety) -> Case:
    """Batches X and Y of one size, all of whose objects on a scale are copies of one object.

    X has one in each image and scale, Y one or more.
    """
    if variety.description is not None:
        return _copied_objects(draw, variety)
    scene = draw_scene(draw, variety, smallest=2)
    copies = [
        draw_object(draw, variety, scene.problem, scale) for scale in range(scene.problem.scales)
    ]
    drawn = draw_batch(draw, variety, scene, content=EMPTY)
    different = min(drawn.images, MOST_DIFFERENT)
    order = repeat_last(different, drawn.images)
    sparse = dense = take(drawn, range(different))
    for image in range(different):
        for scale, (height, width) in enumerate(scene.grids):
            cells = [(row, column) for row in range(height) for column in range(width)]
            first = _one_of(draw, cells)
            everywhere = draw(st.booleans())
            more = cells if everywhere else _some_of(draw, cells, 0)
            sparse = _put(sparse, [Cell(image, scale, *first)], copies[scale])
            all_of = {first, *more}
            dense = _put(dense, [Cell(image, scale, *place) for place in all_of], copies[scale])
    return Case(scene.problem, {"X": take(sparse, order), "Y": take(dense, order)})


@st.composite
def background_added(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X and how many rows and columns of background it gains; at least one of either."""
    if variety.description is not None:
        problem, batch_of = draw_any_problem(draw, variety)
        return Case(problem, {"X": batch_of()}, {"amount": draw(whole(1, 3))})
    scene = draw_scene(draw, variety)
    batch = draw_batch(draw, variety, scene)
    rows, columns = draw(among(((1, 0), (0, 1), (1, 1), (2, 0), (0, 3))))
    fill = draw(whole(-16, 16)) / 4
    return Case(scene.problem, {"X": batch}, {"rows": rows, "columns": columns, "prediction": fill})


def _batch_and_another(draw: st.DrawFn, variety: Variety) -> tuple[Problem, Batch, Batch]:
    """Draw a batch and, to take background cells from, another of the same shape."""
    scene = draw_scene(draw, variety)
    batch = draw_batch(draw, variety, scene)
    content = Content((ORDINARY, ORDINARY, EXTREME))
    return scene.problem, batch, draw_exactly(draw, variety, scene, batch.images, content)


def _background_replaced(
    batch: Batch, arrays: Sequence[Array], others: Sequence[Array]
) -> tuple[Array, ...]:
    """Return the arrays with each cell that holds no object of the batch taken from the others."""
    return tuple(
        np.where(mask[..., None], array, other)
        for mask, array, other in zip(batch.masks(), arrays, others, strict=True)
    )


@st.composite
def background_predicted_otherwise(draw: st.DrawFn, variety: Variety) -> Case:
    """Draw a batch X, and Y: as X, with predictions drawn anew in all cells without an object."""
    problem, batch, other = _batch_and_another(draw, variety)
    predictions = _background_replaced(batch, batch.predictions, other.predictions)
    return Case(problem, {"X": batch, "Y": batch.with_predictions(predictions)})


@st.composite
def background_targets_rewritten(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X, and Y: the same objects, other numbers in every other cell's target.

    Any finite number may stand there, but no objectness.
    """
    problem, batch, other = _batch_and_another(draw, variety)
    targets = _background_replaced(batch, batch.targets, other.predictions)
    for target, own in zip(targets, batch.targets, strict=True):
        target[..., OBJECTNESS] = own[..., OBJECTNESS]
    return Case(problem, {"X": batch, "Y": Batch(targets, batch.predictions)})


CLEARANCE = 1e-4  # in IoU; closer to the threshold, rounding may decide what is ignored


def clear(problem: Problem, batch: Batch) -> Problem:
    """Return the problem with an ignore threshold that no overlap of the batch is close to."""
    thresh = problem.options.ignore_thresh
    if thresh >= 1:
        return problem
    overlaps = np.concatenate(
        [best_overlaps(Scale.of(problem, batch, s)).ravel() for s in range(problem.scales)]
    )
    while thresh < 1 and (np.abs(overlaps - thresh) < CLEARANCE).any():
        thresh += 3 * CLEARANCE
    return replace(problem, options=replace(problem.options, ignore_thresh=min(thresh, 1.0)))


@st.composite
def one_clear_batch(draw: st.DrawFn, variety: Variety) -> Case:
    """Any batch X in which rounding cannot decide what is ignored."""
    scene = draw_scene(draw, variety)
    batch = draw_batch(draw, variety, scene)
    return Case(clear(scene.problem, batch), {"X": batch})


_SIGNS = st.lists(whole(-2, 2), min_size=1, max_size=7)


@st.composite
def small_batch(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X of one image and few cells, and the signs that make up a direction.

    The numbers are few and ordinary, because a difference quotient magnifies rounding.
    """
    problem: AnyProblem
    batch: AnyBatch
    if variety.description is not None:
        problem, batch_of = draw_any_problem(draw, variety)
        batch = batch_of(largest=1)
    else:
        scene = draw_scene(draw, variety, longest=2)
        problem, batch = (
            scene.problem,
            draw_batch(draw, variety, scene, largest=1, content=ONLY_ORDINARY),
        )
    signs = draw(_SIGNS)
    return Case(problem, {"X": batch}, {"signs": (1, *signs)})


ONE_GRID = (3, 4)  # of the modes, if each new shape takes them long
FEW_GRIDS = ((1, 1), (1, 2), (3, 2), ONE_GRID, (8, 8))


@st.composite
def for_modes(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X, exact in half precision, of few different shapes: some modes trace for each.

    Anchors and classes are always as many: a network's do not change while it is trained.
    """
    if variety.description is not None:
        problem, batch_of = draw_any_problem(draw, variety)
        return Case(problem, {"X": batch_of()})
    if variety.detector is not None:
        scene = draw_scene(draw, variety)
    else:
        chosen = draw_options(draw, variety, classes=3)
        scales = 1 if variety.one_shape else draw(whole(1, variety.scales))
        height, width = ONE_GRID if variety.one_shape else draw(among(FEW_GRIDS))
        problem = Problem(
            (ANCHORS[0][:2], ANCHORS[1][:1])[:scales], 3, (height * STRIDE, width * STRIDE), chosen
        )
        scene = Scene(problem, ((height, width), (2 * height, 2 * width))[:scales])
    fewest, most = (2, 2) if variety.one_shape else (1, 4)
    batch = draw_batch(draw, variety, scene, smallest=fewest, largest=most, content=ONLY_ORDINARY)
    return Case(clear(scene.problem, batch), {"X": batch})


@st.composite
def imitated_objects(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X in which some cells beside objects predict them so well that they are ignored."""
    scene = draw_scene(draw, variety)
    chosen = replace(scene.problem.options, ignored_weight=0.0)
    if chosen.ignore_thresh >= 1:
        chosen = replace(chosen, ignore_thresh=0.501)
    scene = replace(scene, problem=replace(scene.problem, options=chosen))
    batch = draw_images(draw, variety, scene, (1, 2), Content((ORDINARY,), imitate=True))
    return Case(clear(scene.problem, batch), {"X": batch})


def _flawless(problem: Problem, batch: Batch, limit: float) -> Batch:
    """Return the batch with right predictions: exact boxes, every logit at plus or minus the limit.

    If the classes are a softmax, an object keeps only the first of its classes.
    """
    targets, predictions = [], []
    for scale, target in enumerate(batch.targets):
        array = target.copy()
        if problem.options.classification == "softmax_focal":
            classes = array[..., problem.class_channels(scale)]
            first = np.argmax(classes, -1)[..., None] == np.arange(problem.num_classes)
            array[..., problem.class_channels(scale)] = classes * first
        logits = np.where(array > 0.5, limit, -limit).astype(np.float32)
        logits[..., : WH.stop] = np.where(
            array[..., OBJECTNESS:][..., :1] > 0.5, predict_boxes(array), 0
        )
        targets.append(array)
        predictions.append(logits)
    return Batch(tuple(targets), tuple(predictions))


@st.composite
def right_predictions(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X whose predictions are all right."""
    scene = draw_scene(draw, variety)
    batch = draw_batch(draw, variety, scene, content=ONLY_ORDINARY)
    return Case(scene.problem, {"X": _flawless(scene.problem, batch, 50)})


def _smaller(target: Array) -> Array:
    """Return the target with a size within a factor of e of its anchor's."""
    target = target.copy()
    target[WH] = np.clip(target[WH], -1, 1)
    return target


@st.composite
def one_spoilt_prediction(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X whose predictions are right, and a number of one positive cell to move away."""
    scene = draw_scene(draw, variety)
    problem = scene.problem
    batch = draw_batch(draw, variety, scene, largest=2, content=EMPTY)
    cells = [Cell(image, *place) for image in range(batch.images) for place in scene.cells()]
    places = _some_of(draw, cells, 1, 3)
    for cell in places:
        thing = draw_object(draw, variety, problem, cell.scale)
        batch = _put(batch, [cell], Object(_smaller(thing.target), thing.prediction))
    batch = _flawless(problem, batch, 20)
    cell = _one_of(draw, places)
    # Half of the channels are of the box: a loss can lose its numbers in more ways than a logit.
    last = WH.stop if draw(st.booleans()) else problem.channels(cell.scale)
    channel = draw(whole(0, last - 1))
    place = (cell.image, cell.row, cell.column, channel)
    predicted = float(batch.predictions[cell.scale][place])
    if channel < WH.start:
        away = -6 if predicted >= 0 else 6
    elif channel < WH.stop:
        away = draw(among((1, -1)))
    else:
        away = -40 if predicted > 0 else 40
    return Case(problem, {"X": batch}, {**_cell_choices(cell), "channel": channel, "away": away})


@st.composite
def other_predictions(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X, and Y with the same targets and other predictions everywhere."""
    scene = draw_scene(draw, variety)
    if variety.options is None and draw(st.booleans()):
        plainer = replace(scene.problem.options, ignore_thresh=1.0, iou_aware_ratio=0.0)
        scene = replace(scene, problem=replace(scene.problem, options=plainer))
    batch = draw_batch(draw, variety, scene, content=ONLY_ORDINARY)
    other = draw_exactly(draw, variety, scene, batch.images, ONLY_ORDINARY)
    return Case(scene.problem, {"X": batch, "Y": Batch(batch.targets, other.predictions)})


@st.composite
def renamed(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X and another order of its classes and of each scale's anchors."""
    scene = draw_scene(draw, variety)
    problem = scene.problem
    batch = draw_batch(draw, variety, scene)
    of_anchors = {
        f"anchors {scale}": tuple(draw(orders(len(anchors))))
        for scale, anchors in enumerate(problem.anchors)
    }
    classes = tuple(draw(orders(problem.num_classes)))
    return Case(problem, {"X": batch}, {"classes": classes, **of_anchors})


# A box of these numbers lies in its own cell: its centre is there, however x and y are decoded, and
# it is not longer than half a cell.
_CENTRES = (0.25, 0.5, 0.75)
_LOG_SIZES = (-2.25, -2.5, -3.0)


def _within_cells(batch: Batch) -> Batch:
    """Return a copy of the batch in which every box lies inside its own cell.

    Replace each centre by one of `_CENTRES` and each logarithm of a size by one of `_LOG_SIZES`;
    the old number decides which. Targets change in cells with an object only.
    """

    def kept(array: Array) -> Array:
        steps = np.round(4 * np.clip(array[..., : WH.stop], -1e4, 1e4)).astype(int) % 3
        small = array.copy()
        small[..., XY] = np.take(_CENTRES, steps[..., XY])
        small[..., WH] = np.take(_LOG_SIZES, steps[..., WH])
        return small

    masks = batch.masks()
    targets = [
        np.where(mask[..., None], kept(t), t) for mask, t in zip(masks, batch.targets, strict=True)
    ]
    return Batch(tuple(targets), tuple(map(kept, batch.predictions)))


@st.composite
def moved(draw: st.DrawFn, variety: Variety) -> Case:
    """A batch X, how many rows and columns larger its new grid is, and its place in that grid.

    A loss that does not follow the problem's options may cut boxes at the border of the image, or
    ignore cells by a threshold that is not known. Every box of its batches is inside its own cell:
    then nothing is cut, and no box overlaps another cell's.
    """
    scene = draw_scene(draw, variety, longest=3)
    batch = draw_batch(draw, variety, scene)
    if variety.options is not None:
        batch = _within_cells(batch)
    rows, columns = draw(among(((1, 0), (0, 1), (1, 2), (2, 1))))
    row, column = draw(whole(0, rows)), draw(whole(0, columns))
    if (row, column) == (0, 0):
        row, column = rows, columns
    choices: dict[str, Choice] = {"rows": rows, "columns": columns, "row": row, "column": column}
    return Case(clear(scene.problem, batch), {"X": batch}, choices)
