"""Hypothesis strategies for problems, images and batches.

Two varieties are searched, one after the other. In the *plain* one every number is drawn on its
own, so that it shrinks to what a person would have written: one scale, one or two images, few
objects, whole numbers. The *full* one goes everywhere: two scales, four images, crowds, noisy
backgrounds; there numbers come in bulk from drawn integers, each the seed of a bit generator whose
stream NumPy guarantees, and 0 stands for "nothing of it". A law that a plain batch can break is
thus shown broken by a plain batch, and the full variety costs few draws an example.

All numbers are exact in float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import hypothesis.strategies as st
import numpy as np
from numpy.typing import NDArray

from mgspec.layout import (
    OBJECTNESS,
    WH,
    XY,
    Array,
    Batch,
    Problem,
    concatenate,
)

STRIDE = 32  # pixels, of the coarsest scale
ANCHORS = (  # pixels; the scales share no anchor, and none is square
    ((48.0, 32.0), (32.0, 64.0), (96.0, 80.0)),
    ((16.0, 24.0), (40.0, 20.0), (12.0, 10.0)),
)
LONGEST_SIDE = 5  # cells
STEPS = 16  # predictions are drawn as integers from -STEPS to STEPS

ORDINARY, SATURATED, EXTREME, RIGHT = "ordinary", "saturated", "extreme", "right"
KINDS = (ORDINARY, ORDINARY, ORDINARY, SATURATED, EXTREME, RIGHT)
LARGEST = 1e4  # magnitude of a prediction
_DECADES = (0.0, 10.0, 100.0, 1_000.0, LARGEST)

NO_CROWD, SOME_CELLS, ALL_CELLS = "none", "some", "all"


@dataclass(frozen=True)
class Variety:
    """How much of the space of batches to search.

    plain: numbers drawn one by one, and neither crowds nor noise.
    """

    plain: bool
    scales: int
    images: int
    objects: int  # an image, crowds apart


PLAIN = Variety(plain=True, scales=1, images=2, objects=2)
FULL = Variety(plain=False, scales=2, images=4, objects=3)


@dataclass(frozen=True)
class Scene:
    """A problem and the grid (H, W) of each of its scales."""

    problem: Problem
    grids: tuple[tuple[int, int], ...]

    def cells(self) -> list[tuple[int, int, int]]:
        """(scale, row, column) of every cell of an image."""
        return [
            (scale, row, column)
            for scale, (height, width) in enumerate(self.grids)
            for row in range(height)
            for column in range(width)
        ]


@dataclass(frozen=True)
class Object:
    """One positive cell of an image: what its target and its prediction hold."""

    target: Array
    prediction: Array


def predicted(steps: NDArray[np.integer], kind: str, variety: Variety) -> Array:
    """Predictions of this kind from integers in [-16, 16]; 0 is always 0.

    ordinary: in [-4, 4], whole numbers or quarters; saturated: -50, 0 or 50; extreme: powers of
    ten up to 1e4.
    """
    whole = np.sign(steps) * ((np.abs(steps) + 3) // 4)
    if kind == SATURATED:
        values = 50.0 * np.sign(steps)
    elif kind == EXTREME:
        values = np.sign(steps) * np.take(_DECADES, np.abs(whole))
    else:
        values = whole * 1.0 if variety.plain else steps / 4
    return np.asarray(values, np.float32)


def right(target: Array) -> Array:
    """Predictions that agree with their targets, the centre's place in its cell apart."""
    prediction = np.where(target > 0.5, 50, -50).astype(np.float32)
    prediction[..., XY] = 0
    prediction[..., WH] = target[..., WH]
    return prediction


def _bulk(seed: int, stream: int, shape: tuple[int, ...], low: int, high: int) -> NDArray[np.int64]:
    """Integers in [low, high], the same on every machine."""
    raw = np.random.PCG64([seed, stream]).random_raw(int(np.prod(shape)))
    return (np.asarray(raw) % (high - low + 1)).astype(np.int64).reshape(shape) + low


@st.composite
def scenes(draw: st.DrawFn, variety: Variety, smallest: int = 1) -> Scene:
    """1 or 2 scales, grids of 1 to 5 cells a side, 1 to 3 anchors, 1 to 4 classes.

    smallest: every grid has at least this many cells.
    """
    scales = draw(st.integers(1, variety.scales))
    # How many cells of the finer scale a cell of the coarser one covers, on a side.
    finer = draw(st.integers(1, 3 if smallest == 1 else 2)) if scales == 2 else 1
    longest = LONGEST_SIDE // finer
    height = draw(st.integers(1, longest))
    width = draw(st.integers(-(-smallest // height), longest))
    grids = [(height * step, width * step) for step in (1, finer)[:scales]]
    anchors = tuple(ANCHORS[s][: draw(st.integers(1, 3))] for s in range(scales))
    problem = Problem(anchors, draw(st.integers(1, 4)), (height * STRIDE, width * STRIDE))
    return Scene(problem, tuple(grids))


def _targets(problem: Problem, scale: int, numbers: NDArray[np.int64]) -> Array:
    """Targets `[..., 5 + A + C]` of objects from integers `[..., 6]`; all 0 is the simplest one.

    The simplest object is centred in its cell, as large as its anchor, of anchor 0 and class 0.
    x, y reach into the neighbouring cells; w, h are within a factor of e squared of the anchor.
    """
    target = np.zeros((*numbers.shape[:-1], problem.channels(scale)), np.float32)
    target[..., XY] = 0.5 + numbers[..., 0:2] / 4
    target[..., WH] = numbers[..., 2:4] / 4
    target[..., OBJECTNESS] = 1
    anchors, classes = problem.anchor_channels(scale), problem.class_channels(scale)
    anchor = anchors.start + numbers[..., 4] % (anchors.stop - anchors.start)
    of_class = classes.start + numbers[..., 5] % problem.classes
    np.put_along_axis(target, anchor[..., None], 1, axis=-1)
    np.put_along_axis(target, of_class[..., None], 1, axis=-1)
    return target


def _bulk_targets(problem: Problem, scale: int, seed: int, shape: tuple[int, ...]) -> Array:
    """Objects `[*shape, 5 + A + C]` from a seed; one in four also has a second class."""
    if not seed:
        return _targets(problem, scale, np.zeros((*shape, 6), np.int64))
    limits = np.array([5, 5, 8, 8, 0, 0])
    numbers = _bulk(seed, 10 + scale, (*shape, 8), 0, 2**16)
    numbers[..., :6] = np.where(
        limits, numbers[..., :6] % (2 * limits + 1) - limits, numbers[..., :6]
    )
    target = _targets(problem, scale, numbers[..., :6])
    second = problem.class_channels(scale).start + numbers[..., 6] % problem.classes
    also = np.where(
        numbers[..., 7] % 4 == 0, 1, np.take_along_axis(target, second[..., None], -1)[..., 0]
    )
    np.put_along_axis(target, second[..., None], also[..., None], axis=-1)
    return target


def _bulk_predictions(
    problem: Problem, scale: int, seed: int, kind: str, variety: Variety, shape: tuple[int, ...]
) -> Array:
    shape = (*shape, problem.channels(scale))
    steps = _bulk(seed, scale, shape, -STEPS, STEPS) if seed else np.zeros(shape, np.int64)
    return predicted(steps, kind, variety)


_SEEDS = st.integers(0, 2**16)
_NEAR = st.integers(-5, 5)
_SIZE = st.integers(-8, 8)


@st.composite
def objects(
    draw: st.DrawFn, variety: Variety, problem: Problem, scale: int, kind: str = ORDINARY
) -> Object:
    """An object for a cell of this scale; the simplest is centred, anchor-sized, predicted 0."""
    if not variety.plain:
        seed = draw(_SEEDS)
        target = _bulk_targets(problem, scale, seed, ())
        prediction = _bulk_predictions(problem, scale, seed, kind, variety, ())
        return Object(target, right(target) if kind == RIGHT else prediction)
    indices = (
        draw(st.integers(0, len(problem.anchors[scale]) - 1)),
        draw(st.integers(0, problem.classes - 1)),
    )
    numbers = [draw(_NEAR), draw(_NEAR), draw(_SIZE), draw(_SIZE), *indices]
    target = _targets(problem, scale, np.array(numbers))
    size = problem.channels(scale)
    step = st.integers(-STEPS, STEPS)
    # Drawn for every kind, so that shrinking can change the kind and nothing else.
    steps = np.array(draw(st.lists(step, min_size=size, max_size=size)))
    return Object(target, right(target) if kind == RIGHT else predicted(steps, kind, variety))


@st.composite
def images(
    draw: st.DrawFn,
    variety: Variety,
    scene: Scene,
    *,
    kinds: tuple[str, ...] = KINDS,
    empty: bool = False,
) -> Batch:
    """A batch of one image, from no object to an object in every cell.

    kinds: what predictions may be. empty: without any object.
    """
    problem = scene.problem
    kind = draw(st.sampled_from(kinds))
    noise = 0 if variety.plain else draw(_SEEDS)
    background = draw(st.integers(-4, 4)) if variety.plain else 0
    crowd = NO_CROWD
    places: list[int] = []
    cells = scene.cells()
    if not empty:
        # Each place is drawn with its object, so that shrinking deletes both together.
        position = st.integers(0, len(cells) - 1)
        most = min(variety.objects, len(cells))
        places = draw(st.lists(position, max_size=most, unique=True))
        if not variety.plain:
            crowd = draw(st.sampled_from((NO_CROWD, NO_CROWD, SOME_CELLS, ALL_CELLS)))
    targets, predictions = [], []
    for scale, grid in enumerate(scene.grids):
        target = np.zeros((*grid, problem.channels(scale)), np.float32)
        if crowd != NO_CROWD:
            full = _bulk_targets(problem, scale, noise, grid)
            keep = _bulk(noise, 20 + scale, grid, 0, 1) if crowd == SOME_CELLS else np.ones(grid)
            target = np.where(keep[..., None] > 0, full, target)
        prediction = _bulk_predictions(problem, scale, noise, kind, variety, grid) + background
        targets.append(target)
        predictions.append(right(target) if kind == RIGHT else prediction.astype(np.float32))
    for place in places:
        scale, row, column = cells[place]
        thing = draw(objects(variety, problem, scale, kind))
        targets[scale][row, column] = thing.target
        predictions[scale][row, column] = thing.prediction
    return Batch(tuple(t[None] for t in targets), tuple(p[None] for p in predictions))


@st.composite
def batches(
    draw: st.DrawFn,
    variety: Variety,
    scene: Scene,
    *,
    smallest: int = 1,
    largest: int = 4,
    kinds: tuple[str, ...] = KINDS,
    empty: bool = False,
) -> Batch:
    """A batch of `smallest` to `largest` images, of one kind of prediction or of several."""
    if draw(st.booleans()):
        kinds = (draw(st.sampled_from(kinds)),)
    image = images(variety, scene, kinds=kinds, empty=empty)
    most = max(smallest, min(largest, variety.images))
    return concatenate(draw(st.lists(image, min_size=smallest, max_size=most)))
